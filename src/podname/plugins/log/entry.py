"""One query and its answer, as the `log` directive sees them.

`rsize` is the size that the response would have without compression, as CoreDNS logs it. What a
response means is told apart in CoreDNS's classes; an answer whose signatures have expired is not
looked for.

Sources: CoreDNS plugin/log, plugin/pkg/response, plugin/pkg/dnstest; RFC 1035 §4.1.4; RFC 2308 §2.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from struct import error as StructError
from struct import unpack_from

from podname.engine.base import Client
from podname.wire import constants as c
from podname.wire.compression import skip_name
from podname.wire.query import Query
from podname.wire.records import Record, walk

SUCCESS, DENIAL, ERROR = "success", "denial", "error"

_NOTIFY = 4
#: Where names stand in the RDATA of types that may compress them: octets before the first, how many.
_NAMES_IN_RDATA = {
    c.NS: (0, 1),
    c.CNAME: (0, 1),
    c.PTR: (0, 1),
    c.MX: (2, 1),
    c.SRV: (6, 1),
    c.SOA: (0, 2),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A query that has been answered. `response` None is silence."""

    query: Query
    client: Client
    response: bytes | None
    seconds: float

    @property
    def opcode(self) -> int:
        """What kind of message the query is."""
        return self.query.flags >> 11 & 0xF

    @property
    def dnssec_ok(self) -> bool:
        """Whether the client wants DNSSEC records."""
        return self.query.edns is not None and self.query.edns.dnssec_ok

    @property
    def buffer_octets(self) -> int:
        """The largest response that the client takes."""
        tcp = self.client.protocol == "tcp"
        return c.MESSAGE_OCTETS_MAX if tcp else self.query.udp_octets

    @property
    def rcode(self) -> int | None:
        """The RCODE of the response's header."""
        return None if self.response is None else self.response[3] & 0xF

    @property
    def flags(self) -> int:
        """The flags of the response."""
        return 0 if self.response is None else int.from_bytes(self.response[2:4], "big")

    def response_octets(self) -> int:
        """Give the size of the response without OPT and without compression."""
        if self.response is None:
            return 0
        try:
            return self.query.end + sum(
                _name_octets(self.response, rr.start) + 10 + _rdata_octets(self.response, rr)
                for rr, _ in self._records(self.response)
                if rr.rtype != c.OPT
            )
        except (IndexError, ValueError, StructError):
            return len(self.response)

    def classify(self) -> tuple[str, str]:
        """Give the class (`success`, `denial`, `error`) and the type (`NODATA`) of the response."""
        if self.response is None:
            return "OTHERERROR", ERROR
        if self.opcode == _NOTIFY or self.query.qtype in {c.AXFR, c.IXFR}:
            return "META", ERROR
        try:
            in_authority = {
                rr.rtype for rr, section in self._records(self.response) if section == 1
            }
        except (IndexError, ValueError, StructError):
            return "OTHERERROR", ERROR
        answers = int.from_bytes(self.response[6:8], "big")
        return _typify(self.response[3] & 0xF, answers, in_authority)

    def _records(self, response: bytes) -> Iterator[tuple[Record, int]]:
        """Walk over the records, each with its section: 0 answer, 1 authority, 2 additional."""
        counts = unpack_from("!3H", response, 6)
        behind = c.HEADER_OCTETS
        for _ in range(int.from_bytes(response[4:6], "big")):
            behind = skip_name(response, behind) + 4
        for number, rr in enumerate(walk(response, behind, sum(counts))):
            yield rr, (number >= counts[0]) + (number >= counts[0] + counts[1])


def _typify(rcode: int, answers: int, in_authority: set[int]) -> tuple[str, str]:
    if rcode == c.NOERROR:
        if answers:
            return "NOERROR", SUCCESS
        if c.SOA in in_authority:
            return "NODATA", DENIAL
        return ("DELEGATION" if c.NS in in_authority else "NOERROR"), SUCCESS
    if rcode == c.NXDOMAIN and not answers:
        return "NXDOMAIN", DENIAL
    return ("SERVERERROR" if rcode in {c.SERVFAIL, c.NOTIMP} else "OTHERERROR"), ERROR


def _rdata_octets(message: bytes, rr: Record) -> int:
    """Give the size of RDATA with the names in it written out."""
    before, count = _NAMES_IN_RDATA.get(rr.rtype, (0, 0))
    at, octets = rr.rdata + before, before
    for _ in range(count):
        octets += _name_octets(message, at)
        at = skip_name(message, at)
    return octets + rr.end - at


def _name_octets(message: bytes, at: int) -> int:
    """Give the size of the name at `at`, pointers followed, each of which must point backwards."""
    octets, before = 1, at
    while length := message[at]:
        if length >= 0xC0:
            at = unpack_from("!H", message, at)[0] & 0x3FFF
            if at >= before:
                raise ValueError("a pointer that does not point backwards")
            before = at
        else:
            octets += 1 + length
            at += 1 + length
    return octets
