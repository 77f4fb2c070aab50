"""A zone: its records by name, and what stands above, below and before a name.

SOA and NS of the origin are kept apart from the other names, as every answer needs them.

Sources: RFC 1034 §4.3.2; RFC 4034 §6.1 (the order of names); RFC 4592 (empty non-terminals).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from podname.dns import constants as c
from podname.dns.names import ROOT, is_subdomain, labels_of, parent_of
from podname.dns.unpacked import ResourceRecord

#: The records of one name by type, each in the order of the file.
Node = dict[int, list[ResourceRecord]]

_COVERED_OCTETS = 2
_SERIAL_OCTETS_BEHIND = 20


class Zone:
    """Records at and below an origin. Names are folded."""

    def __init__(self, origin: bytes) -> None:
        self.origin = origin
        self.nodes: dict[bytes, Node] = {}
        self._apex: Node = {}
        self._signatures: Node = {}  # of the apex, by the type that they cover
        self._parents: set[bytes] = set()
        self._ordered: list[tuple[tuple[bytes, ...], bytes]] = []

    def add(self, record: ResourceRecord) -> None:
        """Take a record in. Of several SOA records the last one counts."""
        owner = record.owner.lower()
        if owner == self.origin:
            covered = covered_type(record) if record.rtype == c.RRSIG else 0
            if record.rtype == c.SOA:
                self._apex[c.SOA] = [record]
                return
            if record.rtype == c.NS:
                self._apex.setdefault(c.NS, []).append(record)
                return
            if covered in {c.SOA, c.NS}:
                self._signatures.setdefault(covered, []).append(record)
                return
        node = self.nodes.get(owner)
        if node is None:
            node = self.nodes[owner] = {}
            self._ordered.clear()
            self._note_parents(owner)
        node.setdefault(record.rtype, []).append(record)

    def _note_parents(self, owner: bytes) -> None:
        while owner not in {self.origin, ROOT}:
            owner = parent_of(owner)
            if owner in self._parents:
                return
            self._parents.add(owner)

    @property
    def is_empty(self) -> bool:
        """Whether there is no SOA record, and so no zone yet."""
        return c.SOA not in self._apex

    @property
    def serial(self) -> int | None:
        """The serial of the SOA record, if there is one."""
        for record in self._apex.get(c.SOA, ()):
            at = len(record.rdata) - _SERIAL_OCTETS_BEHIND
            return int.from_bytes(record.rdata[at : at + 4], "big")
        return None

    def apex(self, rtype: int, *, signed: bool) -> list[ResourceRecord]:
        """Return SOA or NS of the origin, with their signatures where these are wanted."""
        found = self._apex.get(rtype, [])
        return [*found, *self._signatures.get(rtype, ())] if signed else list(found)

    def has_below(self, name: bytes) -> bool:
        """Return whether something stands below a name."""
        return name in self._parents

    def previous(self, name: bytes) -> Node | None:
        """Return the records of a name, or of the one before it in the order of the zone."""
        if not self._ordered:
            self._ordered = sorted((_order(owner), owner) for owner in self.nodes)
        at = bisect_right(self._ordered, (_order(name), name))
        return self.nodes[self._ordered[at - 1][1]] if at else None

    def addresses(self, name: bytes, *, signed: bool) -> list[ResourceRecord]:
        """Return the A and AAAA records of a name."""
        node = self.nodes.get(name.lower(), {})
        return [*of_type(node, c.A, signed=signed), *of_type(node, c.AAAA, signed=signed)]

    def glue(self, servers: list[ResourceRecord], *, signed: bool) -> list[ResourceRecord]:
        """Return the addresses of name servers that stand below what they serve."""
        return [
            address
            for record in servers
            if record.rtype == c.NS
            and record.target is not None
            and is_subdomain(record.target.lower(), record.owner.lower())
            for address in self.addresses(record.target, signed=signed)
        ]

    def records(self) -> Iterator[ResourceRecord]:
        """Yield every record, the SOA record first."""
        yield from self.apex(c.SOA, signed=True)
        yield from self.apex(c.NS, signed=True)
        for node in self.nodes.values():
            for records in node.values():
                yield from records


def of_type(node: Node, rtype: int, *, signed: bool) -> list[ResourceRecord]:
    """Return the records of a type, with their signatures where these are wanted."""
    found = list(node.get(rtype, ()))
    return found + signatures(node, rtype) if signed else found


def signatures(node: Node, rtype: int) -> list[ResourceRecord]:
    """Return the signatures of a type's records."""
    return [record for record in node.get(c.RRSIG, ()) if covered_type(record) == rtype]


def covered_type(record: ResourceRecord) -> int:
    """Return the type whose records a signature covers (RFC 4034 §3.1.1)."""
    return int.from_bytes(record.rdata[:_COVERED_OCTETS], "big")


def _order(name: bytes) -> tuple[bytes, ...]:
    return tuple(reversed(labels_of(name)))
