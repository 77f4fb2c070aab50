"""What the `k8s_external` directive says: its properties, how each is read, and its default.

Source: CoreDNS 1.15.0 plugin/k8s_external setup.go.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from podname.corefile import Line, normalize_zones
from podname.corefile.properties import Properties, flag, prop, value
from podname.dns import names
from podname.dns.names import BadName

_TTL_SECONDS_MOST = 3600


def folded(zones: Iterable[str]) -> tuple[bytes, ...]:
    """Return zones as names, each once."""
    return tuple(dict.fromkeys(names.from_text(zone) for zone in zones))


def _apex(line: Line) -> bytes:
    try:
        return names.from_text(line.words()[0])[:-1]
    except BadName as error:
        raise line.error(str(error), line.arguments[0]) from None


def _fallthrough(line: Line) -> tuple[bytes, ...]:
    return folded(normalize_zones(line.arguments)) or (names.ROOT,)


@dataclass(frozen=True, slots=True)
class Options(Properties):
    """One `k8s_external` directive."""

    SYNTAX = "[ZONES...]"

    zones: tuple[bytes, ...] = ()
    apex: bytes = prop(b"\x03dns", value("NAME", _apex, most=None))  # labels without the root
    ttl_seconds: int = prop(
        5,
        value("SECONDS", lambda line: line.integer(least=0, most=_TTL_SECONDS_MOST), most=None),
        "ttl",
    )
    headless: bool = prop(False, flag())
    fallthrough: tuple[bytes, ...] = prop((), value("[ZONES...]", _fallthrough, least=0, most=None))
