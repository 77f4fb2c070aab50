"""A table of the native engine, as Python uses it.

The rules are in `rust/src/table.rs`; here their outcome becomes a whole response.

Sources: the design of podname.
"""

from __future__ import annotations

from collections.abc import Iterable

from podname import _core
from podname.dns import constants as c
from podname.dns import reply
from podname.dns.query import Query
from podname.engine.base import Change, Outcome, Owner, ReadyAnswer, TableOptions

_ANSWER, _NODATA, _NXDOMAIN, _SERVFAIL, _MISS, _PASS = range(6)
_RCODES = {_NODATA: c.NOERROR, _NXDOMAIN: c.NXDOMAIN, _SERVFAIL: c.SERVFAIL}
_OUTCOMES = {_MISS: Outcome.MISS, _PASS: Outcome.PASS}


class NativeTable:
    """Owner names and their ready answers, in memory that the threads of the packet loop read."""

    __slots__ = ("core", "options")

    def __init__(self, options: TableOptions) -> None:
        self.options = options
        self.core = _core.Table(
            zones=[
                (z.origin, z.soa_ttl_seconds, z.negative_ttl_seconds, z.mname, z.rname)
                for z in options.zones
            ],
            fallthrough=options.fallthrough,
            optional_underscores=options.optional_underscores,
            lazy_types=sorted(options.lazy_types),
            denies=options.denies,
            passes_other_types=options.passes_other_types,
            lone_types=sorted(options.lone_types),
            dashed_ttl_seconds=options.dashed_ttl_seconds,
            lazy_labels=sorted(options.lazy_labels),
        )

    @property
    def synced(self) -> bool:
        """Whether everything is there: until then all is SERVFAIL."""
        return self.core.synced

    @synced.setter
    def synced(self, synced: bool) -> None:
        self.core.synced = synced

    def update(self, changes: Iterable[Change]) -> None:
        """Put and remove answers. O(changes x labels). Of one update, what is put appears before the rest goes."""
        self.core.update(changes)

    def replace(self, changes: Iterable[Change]) -> None:
        """Swap the whole content for this one, atomically. Dashed parents stay."""
        self.core.replace(changes)

    def set_dashed(self, parent: Owner, *, open_: bool | None) -> None:
        """Make `parent` a dashed parent: open (any address answers), closed, or (None) none at all."""
        self.core.set_dashed(parent, open_)

    def set_serial(self, serial: int) -> None:
        """Set the SOA serial of the table's zones."""
        self.core.set_serial(serial & 0xFFFFFFFF)

    def get(self, owner: Owner, qtype: int) -> ReadyAnswer | None:
        """Return what rule 3 would find."""
        return self.core.get(owner, qtype)

    def exists(self, owner: Owner) -> bool:
        """Return whether the owner has records, is held, is an empty non-terminal or a zone's origin."""
        return self.core.exists(owner)

    def __len__(self) -> int:
        """Count the ready answers."""
        return len(self.core)

    def respond(self, query: Query) -> bytes | Outcome:
        """Answer for the plugin chain by the same rules: a whole response without OPT, or why there is none."""
        verdict, ready = self.core.find(query.name, query.qtype)
        if verdict == _ANSWER:
            return reply.respond(query, ready)
        if verdict in _OUTCOMES:
            return _OUTCOMES[verdict]
        return self._denial(query, _RCODES[verdict])

    def no_data(self, query: Query) -> bytes:
        """Make the response that says: this name of yours exists, but not with this type."""
        if self.core.soa(query.folded) is None:
            return reply.deny(query, c.SERVFAIL)
        return self._denial(query, c.NOERROR)

    def _denial(self, query: Query, rcode: int) -> bytes:
        if self.options.denies:
            return reply.deny(query, rcode, self.core.soa(query.folded) or b"", flags=c.AA)
        return reply.deny(query, rcode, flags=0 if rcode else c.AA)
