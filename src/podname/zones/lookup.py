"""What a zone answers: found, delegated, renamed, made of a wildcard, or not there.

An alias is followed in the zone, and where it leads out of it, by asking the whole server.

Sources: RFC 1034 §4.3.2; RFC 4035 §3.1; RFC 4592; RFC 6672; CoreDNS 1.15.0 plugin/file lookup.go.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from enum import Enum, auto
from typing import NamedTuple

from podname.dns import constants as c
from podname.dns.message import BadMessage
from podname.dns.names import NAME_OCTETS_MAX, is_subdomain, parent_of, starts_of
from podname.dns.unpacked import ResourceRecord, unpack
from podname.zones.zone import Node, Zone, of_type

_ALIASES_MAX = 8
_WITH_TARGETS = frozenset({c.SRV, c.MX, c.SVCB, c.HTTPS})
_SVCB_TARGET_AT = 2

Records = list[ResourceRecord]
#: Asks the whole server: name, type → the response, None for silence.
Ask = Callable[[bytes, int], Awaitable[bytes | None]]


class Result(Enum):
    """What became of a lookup."""

    SUCCESS = auto()
    NO_DATA = auto()
    NAME_ERROR = auto()
    DELEGATION = auto()
    SERVER_FAILURE = auto()


class Found(NamedTuple):
    """The records of a response."""

    answer: Records
    authority: Records
    additional: Records
    result: Result


class Wildcard(NamedTuple):
    """A wildcard above a name; one that only has names below it has no records."""

    name: bytes
    node: Node | None


_FAILURE = Found([], [], [], Result.SERVER_FAILURE)


class Lookup:
    """One question to a zone. `lookups` of ours led to it: too many are a loop."""

    def __init__(self, zone: Zone, qtype: int, ask: Ask, *, signed: bool, lookups: int = 0) -> None:
        self._zone, self._qtype, self._ask = zone, qtype, ask
        self._signed, self._lookups = signed, lookups

    async def find(self, name: bytes) -> Found:
        """Look a folded name of the zone up."""
        zone = self._zone
        if zone.is_empty:
            return _FAILURE
        if name == zone.origin and self._qtype == c.SOA:
            return Found(self._soa(), self._ns(), [], Result.SUCCESS)
        if name == zone.origin and self._qtype == c.NS:
            servers = self._ns()
            return Found(servers, [], zone.glue(servers, signed=self._signed), Result.SUCCESS)
        if self._lookups > _ALIASES_MAX:
            return _FAILURE
        wildcard: Wildcard | None = None
        for each in _from_the_right(name, zone.origin):
            node = zone.nodes.get(each)
            if node is None:
                wildcard = self._wildcard_beside(each) or wildcard
                continue
            if c.DNAME in node and each != name:
                return await self._renamed(name, each, node)
            if (delegation := self._delegation(each, node, name)) is not None:
                return delegation
        node = zone.nodes.get(name)
        if node is not None:
            return await self._from(node)
        if wildcard is not None and not self._is_cut_off(name, wildcard):
            return await self._from_wildcard(name, wildcard.node)
        return self._denial(name)

    # ------------------------------------------------------------ what exists

    async def _from(self, node: Node) -> Found:
        """Answer from the records of the name itself."""
        if c.CNAME in node and self._qtype != c.CNAME:
            return await self._follow(of_type(node, c.CNAME, signed=self._signed))
        found = node.get(self._qtype, [])
        if not found:
            return self._no_data(node)
        additional = self._addresses_of_targets(found)
        return Found(self._of(node, self._qtype), self._ns(), additional, Result.SUCCESS)

    async def _from_wildcard(self, name: bytes, node: Node | None) -> Found:
        """Answer from the records of a wildcard, as if they were the name's."""
        if node is None:
            return Found([], self._soa(), [], Result.NO_DATA)
        if c.CNAME in node and self._qtype != c.CNAME:
            return await self._follow(_owned(of_type(node, c.CNAME, signed=self._signed), name))
        found = node.get(self._qtype, [])
        if not found:
            return self._no_data(node)
        authority = self._ns()
        before = self._zone.previous(name) if self._signed else None
        if before is not None:  # no longer name stands under the wildcard
            authority += self._of(before, c.NSEC)
        additional = self._addresses_of_targets(found)
        answer = _owned(self._of(node, self._qtype), name)
        return Found(answer, authority, additional, Result.SUCCESS)

    def _wildcard_beside(self, name: bytes) -> Wildcard | None:
        wild = b"\x01*" + parent_of(name)
        node = self._zone.nodes.get(wild)
        return Wildcard(wild, node) if node is not None or self._zone.has_below(wild) else None

    def _is_cut_off(self, name: bytes, wildcard: Wildcard) -> bool:
        """Return whether a name between the wildcard and this one exists only by what stands below it."""
        parent, above = parent_of(wildcard.name), parent_of(name)
        while above != parent and is_subdomain(above, parent):
            if self._zone.has_below(above):
                return True
            above = parent_of(above)
        return False

    # ------------------------------------------------------------- what leads on

    def _delegation(self, cut: bytes, node: Node, name: bytes) -> Found | None:
        """Return a referral where a name's zone was delegated. Its DS records are the parent's to answer."""
        servers = node.get(c.NS)
        if not servers or (self._qtype == c.DS and cut == name):
            return None
        additional = self._zone.glue(servers, signed=self._signed)
        authority = [*servers, *(self._of(node, c.DS) if self._signed else ())]
        return Found([], authority, additional, Result.DELEGATION)

    async def _renamed(self, name: bytes, owner: bytes, node: Node) -> Found:
        """Answer below a DNAME record, with the CNAME record that it stands for."""
        dname = node[c.DNAME][0]
        target = name[: -len(owner)] + dname.rdata
        if len(target) > NAME_OCTETS_MAX or target.lower() == name:
            return _FAILURE
        alias = ResourceRecord(name, c.CNAME, c.IN, dname.ttl_seconds, target)
        if self._qtype == c.CNAME:
            found = Found([alias], self._ns(), [], Result.SUCCESS)
        else:
            found = await self._follow([alias])
        return found._replace(answer=[*self._of(node, c.DNAME), *found.answer])

    async def _follow(self, answer: Records) -> Found:
        """Follow an alias, whose records begin the answer."""
        for followed in range(_ALIASES_MAX + 2):
            target = (answer_target(answer) or b"").lower()
            node = self._zone.nodes.get(target)
            cut = self._delegation_above(target)
            if cut is not None:
                return cut._replace(answer=answer)
            is_at_apex = self._qtype == c.SOA and target == self._zone.origin
            if node is None or self._qtype == c.NS or is_at_apex:
                return await self._elsewhere(answer, target)
            if followed > _ALIASES_MAX:
                break
            if c.CNAME not in node:
                answer = answer + self._of(node, self._qtype)
                break
            if (node[c.CNAME][0].target or b"").lower() == target:
                return _FAILURE
            answer = answer + self._of(node, c.CNAME)
        additional = self._addresses_of_targets(answer)
        return Found(answer, self._ns(), additional, Result.SUCCESS)

    def _delegation_above(self, name: bytes) -> Found | None:
        """Return a referral at the first cut between the origin and a name."""
        if not is_subdomain(name, self._zone.origin):
            return None
        for each in list(_from_the_right(name, self._zone.origin))[1:]:
            node = self._zone.nodes.get(each)
            if node is not None and (found := self._delegation(each, node, name)) is not None:
                return found
        return None

    async def _elsewhere(self, answer: Records, target: bytes) -> Found:
        """Ask the whole server for what the zone does not have."""
        more, result = await self._asked(target)
        answer = answer + more
        is_denied = result in {Result.NAME_ERROR, Result.NO_DATA}
        authority = self._soa() if is_denied else self._ns()
        return Found(answer, authority, self._addresses_of_targets(answer), result)

    async def _asked(self, target: bytes) -> tuple[Records, Result]:
        response = await self._ask(target, self._qtype)
        try:
            found = None if response is None else unpack(response)
        except BadMessage:
            found = None
        if found is None:
            return [], Result.SERVER_FAILURE
        if found.rcode == c.NXDOMAIN:
            return found.answer, Result.NAME_ERROR
        if found.rcode == c.SERVFAIL:
            return found.answer, Result.SERVER_FAILURE
        if found.rcode == c.NOERROR and not found.answer:
            return [], Result.NO_DATA
        return found.answer, Result.SUCCESS  # of what is refused the alias is the answer

    # --------------------------------------------------------- what is not there

    def _no_data(self, node: Node) -> Found:
        nsec = self._of(node, c.NSEC) if self._signed else []
        return Found([], self._soa() + nsec, [], Result.NO_DATA)

    def _denial(self, name: bytes) -> Found:
        """Deny a name; one that only has names below it is there, with no records."""
        result = Result.SUCCESS if self._zone.has_below(name) else Result.NAME_ERROR
        authority = self._soa()
        before = self._zone.previous(name) if self._signed else None
        if before is None:
            return Found([], authority, [], result)
        authority += self._of(before, c.NSEC)
        if result is Result.NAME_ERROR:
            encloser = self._closest_encloser(name)
            wild = None if encloser is None else self._zone.previous(b"\x01*" + encloser)
            if wild is not None and wild is not before:
                authority += self._of(wild, c.NSEC)
        return Found([], authority, [], result)

    def _closest_encloser(self, name: bytes) -> bytes | None:
        while name not in self._zone.nodes:
            if name == self._zone.origin:
                return None
            name = parent_of(name)
        return name

    # ---------------------------------------------------------------- records

    def _of(self, node: Node, rtype: int) -> Records:
        return of_type(node, rtype, signed=self._signed)

    def _soa(self) -> Records:
        return self._zone.apex(c.SOA, signed=self._signed)

    def _ns(self) -> Records:
        return self._zone.apex(c.NS, signed=self._signed)

    def _addresses_of_targets(self, answer: Records) -> Records:
        """Return the addresses in the zone that an answer leads to, each name's once."""
        targets = dict.fromkeys(
            target.lower()
            for record in answer
            if record.rtype in _WITH_TARGETS and (target := target_of(record)) is not None
        )
        return [
            address
            for target in targets
            if is_subdomain(target, self._zone.origin)
            for address in self._zone.addresses(target, signed=self._signed)
        ]


def target_of(record: ResourceRecord) -> bytes | None:
    """Return the name that a record leads to, also that of SVCB and HTTPS (RFC 9460 §2.2)."""
    if record.rtype in {c.SVCB, c.HTTPS}:
        end = record.rdata.index(0, _SVCB_TARGET_AT) + 1
        return record.rdata[_SVCB_TARGET_AT:end]
    return record.target


def answer_target(answer: Records) -> bytes | None:
    """Return where the last alias of an answer leads."""
    return next((record.target for record in reversed(answer) if record.rtype == c.CNAME), None)


def _owned(records: Records, owner: bytes) -> Records:
    return [replace(record, owner=owner) for record in records]


def _from_the_right(name: bytes, origin: bytes) -> Iterator[bytes]:
    """Yield the origin, then each longer name, up to the name itself."""
    last = len(name) - len(origin)
    for at in reversed(starts_of(name)):
        if at <= last:
            yield name[at:]
