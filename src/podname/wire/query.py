"""A question as it came in, taken apart just far enough to be answered.

`parse` accepts what CoreDNS accepts: one question, at most one answer and one authority record and two additional
ones. All else is an RCODE or silence, never an exception: `Malformed` is a value that the packet loop sends or drops.

Sources: RFC 1035 §4.1; RFC 6891 §6.1; miekg/dns `defaultMsgAcceptFunc`.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import error as StructError
from struct import unpack_from

from podname.wire import constants as c
from podname.wire.records import skip_name, walk


@dataclass(frozen=True, slots=True)
class Edns:
    """What the OPT record of a query says. Options are not kept: none of ours needs one yet."""

    udp_octets: int
    version: int
    dnssec_ok: bool


@dataclass(frozen=True, slots=True)
class Query:
    """One well-formed query. `packet` is what came in; `name` has the client's case, `folded` is lower case."""

    packet: bytes
    flags: int
    name: bytes
    folded: bytes
    qtype: int
    qclass: int
    end: int  # offset behind the question
    edns: Edns | None

    @property
    def message_id(self) -> int:
        """The 16-bit id to answer with."""
        return int.from_bytes(self.packet[:2], "big")

    @property
    def question(self) -> bytes:
        """The question section as it came in."""
        return self.packet[c.HEADER_OCTETS : self.end]

    @property
    def udp_octets(self) -> int:
        """The largest answer that the client takes over UDP (RFC 6891 §6.2.3)."""
        return max(c.UDP_OCTETS_WITHOUT_EDNS, self.edns.udp_octets) if self.edns else 512


@dataclass(frozen=True, slots=True)
class Malformed:
    """A packet that is no query to us. `rcode` is what to say, None is silence."""

    rcode: int | None


def parse(packet: bytes) -> Query | Malformed:
    """Take a packet apart. O(length of the question and of what follows it); never raises."""
    if len(packet) < c.HEADER_OCTETS:
        return Malformed(None)
    _, flags, questions, answers, authorities, additionals = unpack_from("!6H", packet)
    if flags & c.QR:
        return Malformed(None)
    if flags >> 11 & 0xF not in {0, 4}:  # QUERY, NOTIFY
        return Malformed(c.NOTIMP)
    if questions != 1 or answers > 1 or authorities > 1 or additionals > 2:
        return Malformed(c.FORMERR)
    try:
        return _parse_sections(packet, flags, answers + authorities, additionals)
    except (IndexError, ValueError, StructError):
        return Malformed(c.FORMERR)


def _parse_sections(packet: bytes, flags: int, before: int, additionals: int) -> Query | Malformed:
    behind = skip_name(packet, c.HEADER_OCTETS)
    name = packet[c.HEADER_OCTETS : behind]
    if name[-1] or len(name) > 255:  # a pointer in a question points nowhere
        return Malformed(c.FORMERR)
    qtype, qclass = unpack_from("!HH", packet, behind)
    edns = None
    for number, rr in enumerate(walk(packet, behind + 4, before + additionals)):
        if rr.rtype == c.OPT and number >= before:
            if edns or packet[rr.start]:
                return Malformed(c.FORMERR)
            udp_octets, extended = unpack_from("!HI", packet, rr.fixed + 2)
            edns = Edns(udp_octets, extended >> 16 & 0xFF, bool(extended & 0x8000))
    return Query(packet, flags, name, name.lower(), qtype, qclass, behind + 4, edns)
