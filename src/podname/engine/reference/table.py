"""A table of the reference engine: the nine rules of `podname.engine.base` over what a table holds.

`respond` is every rule. Whoever asks again in Python (the plugin chain, a test) uses `get` and `exists`.

Sources: RFC 1034 §4.3.2; RFC 2308; RFC 8020; CoreDNS plugin/kubernetes (parse.go, `findPods`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from podname.dns import addresses, reply
from podname.dns import constants as c
from podname.dns.names import LABEL_OCTETS_MAX, longest_match, starts_of
from podname.dns.patching import move, recase, rotate
from podname.dns.query import Query
from podname.dns.records import answer
from podname.engine.base import (
    EMPTY_NON_TERMINAL,
    Change,
    Outcome,
    Owner,
    ReadyAnswer,
    TableOptions,
)
from podname.engine.reference.apex import Apex
from podname.engine.reference.content import Content

#: Types whose targets lie in the zone and are spelled as the question spells it.
_TYPES_IN_THE_ZONES_CASE = frozenset({c.SRV, c.NS})
_DASHED_LABELS_MAX = 3  # the address itself, and two labels left of it that are ignored
_LAZY_LABEL = 3  # counted from the origin
_UNDERSCORE = 0x5F
_TRANSFERS = frozenset({c.AXFR, c.IXFR})
_ADDRESSES = frozenset({c.A, c.AAAA})
_WILD = b"\x01*"


class Denial:
    """A table's answer where it has no record: the RCODE that says so."""

    __slots__ = ("rcode",)

    def __init__(self, rcode: int) -> None:
        self.rcode = rcode


NODATA, NXDOMAIN, SERVFAIL = Denial(c.NOERROR), Denial(c.NXDOMAIN), Denial(c.SERVFAIL)
PASS, MISS = Outcome.PASS, Outcome.MISS

Found = ReadyAnswer | Denial | Outcome


class PythonTable:
    """Owner names and their ready answers; answers to whoever asks between two changes."""

    __slots__ = (
        "_apexes",
        "_content",
        "_dashed",
        "_fallthrough",
        "_is_lenient",
        "options",
        "synced",
    )

    def __init__(self, options: TableOptions) -> None:
        self.options = options
        self.synced = False
        self._apexes = {zone.origin: Apex(zone) for zone in options.zones}
        self._fallthrough = frozenset(options.fallthrough)
        self._is_lenient = bool(options.fallthrough) or not options.denies
        self._dashed: dict[Owner, bool] = {}
        self._content = Content()

    # -------------------------------------------------------------- contents

    def update(self, changes: Iterable[Change]) -> None:
        """Put and remove answers. O(changes x labels)."""
        self._content.update(changes)

    def replace(self, changes: Iterable[Change]) -> None:
        """Swap the whole content for this one, atomically. Dashed parents stay."""
        self._content = Content(changes)

    def set_dashed(self, parent: Owner, *, open_: bool | None) -> None:
        """Make `parent` a dashed parent: open (any address answers), closed, or (None) none at all."""
        if open_ is None:
            self._dashed.pop(parent, None)
        else:
            self._dashed[parent] = open_

    def set_serial(self, serial: int) -> None:
        """Set the SOA serial of the table's zones."""
        for apex in self._apexes.values():
            apex.set_serial(serial)

    def get(self, owner: Owner, qtype: int) -> ReadyAnswer | None:
        """Return what rule 3 would find."""
        if qtype == EMPTY_NON_TERMINAL:
            return self._content.held.get(owner)
        if qtype == c.SOA and owner in self._apexes and self.options.denies:
            return self._apexes[owner].soa_answer()
        return self._content.by_type.get(qtype, {}).get(owner)

    def exists(self, owner: Owner) -> bool:
        """Return whether the owner has records, is held, is an empty non-terminal or a zone's origin."""
        return self._content.exists(owner) or owner in self._apexes

    def __len__(self) -> int:
        """Count the ready answers."""
        return sum(map(len, self._content.by_type.values())) + len(self._content.held)

    # --------------------------------------------------------------- answers

    def respond(self, query: Query, turn: int = 0) -> bytes | Outcome:
        """Return a whole response without OPT, or why there is none. Addresses begin with that of the turn."""
        owner = query.folded
        apex = self._apex(owner)
        if apex is None:
            return PASS
        found = self._find(apex, owner, starts_of(owner), query.qtype)
        if isinstance(found, Outcome):
            return found
        if isinstance(found, Denial):
            return self._denial(query, found, apex)
        if turn:
            found = rotate(found, turn)
        if query.qtype in _TYPES_IN_THE_ZONES_CASE and query.name != query.folded:
            found = recase(found, apex.origin, query.name[-len(apex.origin) :])
        return reply.respond(query, found)

    def no_data(self, query: Query) -> bytes:
        """Make the response that says: this name of yours exists, but not with this type."""
        apex = self._apex(query.folded)
        return reply.deny(query, c.SERVFAIL) if apex is None else self._denial(query, NODATA, apex)

    def _denial(self, query: Query, denial: Denial, apex: Apex) -> bytes:
        if self.options.denies:
            return reply.deny(query, denial.rcode, apex.soa(len(query.name)), flags=c.AA)
        return reply.deny(query, denial.rcode, flags=c.AA if denial is NODATA else 0)

    def _apex(self, owner: Owner) -> Apex | None:
        """Return the apex of the zone that a name lies in."""
        origin = longest_match(owner, self._apexes)
        return None if origin is None else self._apexes[origin]

    def _find(self, apex: Apex, owner: Owner, starts: Sequence[int], qtype: int) -> Found:
        """Answer a question for a folded name in the zone of `apex`, by the rules of `podname.engine.base`."""
        if not self.synced:  # rule 1
            return SERVFAIL
        if qtype in _TRANSFERS:  # rule 2
            return MISS
        # Where nothing stands below its parent, a name has neither records nor names below it.
        may_exist = len(starts) == 1 or owner[starts[1] :] in self._content.children
        found = self._at(owner, qtype, 0) if may_exist else None  # rules 3 and 4
        if found is None and self._dashed:
            found = self._at_dashed(owner, starts, qtype)  # rule 5
        if found is None and self.options.optional_underscores:
            found = self._at_underscored(owner, starts, qtype)  # rule 6
        if found is not None:
            return found
        if self.options.lazy_labels and self._is_lazy(apex, owner, starts):  # rule 7
            return MISS
        if may_exist or owner == apex.origin or self._is_lenient:
            return self._without_records(apex, owner, starts, qtype)  # rules 8 and 9
        return NXDOMAIN

    def _at(self, owner: Owner, qtype: int, shift: int) -> Found | None:
        """Answer from the owner's records; None when it has no record of the type and no alias."""
        answers = self._content.by_type.get(qtype)
        if answers is not None and (ready := answers.get(owner)) is not None:
            return move(ready, shift) if shift else ready
        if qtype in _ADDRESSES:
            aliases = self._content.by_type.get(c.CNAME)
            if aliases and owner in aliases:
                return MISS
        return None

    def _at_other(self, owner: Owner, qtype: int, shift: int) -> Found | None:
        """Answer for another spelling of the owner, if that exists."""
        found = self._at(owner, qtype, shift)
        if found is None and self._content.exists(owner):
            return self._no_data(qtype)
        return found

    def _at_dashed(self, owner: Owner, starts: Sequence[int], qtype: int) -> Found | None:
        for number in range(1, min(_DASHED_LABELS_MAX + 1, len(starts))):
            is_open = self._dashed.get(owner[starts[number] :])
            if is_open is None:
                continue
            at = starts[number - 1]
            address = addresses.from_dashed(owner[at + 1 : starts[number]])
            if address is None:
                return None
            if not is_open:
                return self._at_other(owner[at:], qtype, at)
            if qtype == addresses.rtype_of(address):
                return answer(qtype, self.options.dashed_ttl_seconds, [address])
            return self._no_data(qtype)
        return None

    def _at_underscored(self, owner: Owner, starts: Sequence[int], qtype: int) -> Found | None:
        # Nearly always the name two labels up has nothing below it, and one lookup says so.
        children = self._content.children
        if len(starts) < 3 or owner[starts[2] :] not in children:
            return None
        protocol = _with_underscore(owner[starts[1] :])
        if protocol is None or protocol not in children:
            return None
        other = _with_underscore(owner[: starts[1]])
        if other is None or len(other) + len(protocol) == len(owner):  # both had theirs
            return None
        other += protocol
        return self._at_other(other, qtype, len(owner) - len(other))

    def _is_lazy(self, apex: Apex, owner: Owner, starts: Sequence[int]) -> bool:
        """Return whether only code knows a name: one that has no record, by its labels."""
        below = starts.index(len(owner) - len(apex.origin))
        if below >= _LAZY_LABEL:
            at = starts[below - _LAZY_LABEL]
            if owner[at + 1 : starts[below - _LAZY_LABEL + 1]] in self.options.lazy_labels:
                return not self._content.has_records(owner)
        return below > 0 and owner[1] == _UNDERSCORE and not self._content.has_records(owner)

    def _without_records(
        self, apex: Apex, owner: Owner, starts: Sequence[int], qtype: int
    ) -> Found:
        content, options = self._content, self.options
        if not options.denies:
            return self._without_soa(owner, starts, qtype)
        if owner == apex.origin:
            return apex.soa_answer() if qtype == c.SOA else self._no_data(qtype)
        exists = content.exists(owner)
        if options.fallthrough and self._falls_through(owner):
            known = exists and content.has_records_besides(owner, options.lone_types)
            return self._no_data(qtype) if known else PASS
        return self._no_data(qtype) if exists else NXDOMAIN

    def _without_soa(self, owner: Owner, starts: Sequence[int], qtype: int) -> Found:
        """Apply rules 8 and 9 as `hosts` has them: wildcards of one label, and nothing to deny with."""
        owners = (owner, _WILD + owner[starts[1] :]) if len(starts) > 1 else (owner,)
        found = self._at(owners[-1], qtype, len(owner) - len(owners[-1]))
        if found is not None:
            return found
        if qtype == c.PTR:
            return PASS
        falls_through = self._falls_through(owner)
        exists = any(
            name in self._content.by_type.get(a, ()) for a in _ADDRESSES for name in owners
        )
        if falls_through and self.options.passes_other_types and qtype not in _ADDRESSES:
            return PASS
        if exists:
            return self._no_data(qtype)
        return PASS if falls_through else SERVFAIL

    def _no_data(self, qtype: int) -> Denial | Outcome:
        return MISS if qtype in self.options.lazy_types else NODATA

    def _falls_through(self, owner: Owner) -> bool:
        return longest_match(owner, self._fallthrough) is not None


def _with_underscore(name: bytes) -> bytes | None:
    """Put an underscore before the first label if it has none; None when there is no room for it."""
    if name[1] == _UNDERSCORE:
        return name
    return bytes((name[0] + 1, _UNDERSCORE)) + name[1:] if name[0] < LABEL_OCTETS_MAX else None
