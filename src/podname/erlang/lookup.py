"""What a look-up of a host comes to, whoever resolved it: the C library, Erlang's own resolver, or podname_epmd."""

from __future__ import annotations

from dataclasses import dataclass

from podname.erlang.asking import Asked

NATIVE = "the C library"


@dataclass(frozen=True)
class Lookup:
    """A host resolved as a node here does it, and the questions that this takes, one by one.

    `past_caches` are the negative ones, asked again in a way for which CoreDNS's cache keeps another entry.
    """

    host: str
    addresses: tuple[str, ...]
    error: str = ""
    by: str = NATIVE
    asked: tuple[Asked, ...] = ()
    past_caches: tuple[Asked, ...] = ()
    port: int = 0  # which whoever told the address told, too

    @property
    def is_native(self) -> bool:
        """Whether the C library decides, with resolv.conf."""
        return self.by == NATIVE

    @property
    def found(self) -> Asked | None:
        """The first question that was answered with an address."""
        return next((each for each in self.asked if each.addresses), None)
