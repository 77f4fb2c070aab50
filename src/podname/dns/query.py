"""A query as it came in, taken apart just far enough to be answered; and queries of our own.

`parse` accepts what CoreDNS accepts: one question, at most one answer and one authority record and two additional
ones; records that the header counts but the packet does not hold are forgiven. All else is an RCODE or silence, never
an exception: `Malformed` is a value that the packet loop sends or drops.

Stricter than CoreDNS, as RFC 6891 §6.1.1 demands: two OPT records, or one whose owner is not the root, are FORMERR.

Sources: RFC 1035 §4.1; RFC 6891 §6.1; miekg/dns `defaultMsgAcceptFunc`, `Msg.unpack`, `EDNS0.unpack`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from struct import error as StructError
from struct import pack, unpack_from
from typing import NamedTuple

from podname.dns import constants as c
from podname.dns.names import LABEL_OCTETS_MAX, NAME_OCTETS_MAX
from podname.dns.records import walk

_OPCODE = 0x7800
_QUERY, _NOTIFY = 0, 4 << 11

#: Whether the data of an option may have this length; other options may have any.
_OPTION_LENGTHS: dict[int, Callable[[int], bool]] = {
    1: lambda length: length >= 18,  # LLQ, RFC 8764
    2: lambda length: length in {4, 8},  # UL
    9: lambda length: length == 0 or length >= 4,  # EXPIRE, RFC 7314
    11: lambda length: length in {0, 2},  # TCP-KEEPALIVE, RFC 7828
    15: lambda length: length >= 2,  # EDE, RFC 8914
}
_CLIENT_SUBNET = 8
_ROOT_OPT, _OPT_OCTETS = b"\x00\x00\x29", 11  # of an OPT record without options
_ADDRESS_BITS = {0: 0, 1: 32, 2: 128}


class Edns(NamedTuple):
    """What the OPT record of a query says. Options are not kept: none of ours needs one yet."""

    udp_octets: int
    version: int
    dnssec_ok: bool


class Query(NamedTuple):
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
    def dnssec_ok(self) -> bool:
        """Whether the client asks for signatures (DO)."""
        return self.edns is not None and self.edns.dnssec_ok

    @property
    def udp_octets(self) -> int:
        """The largest answer that the client says it takes over UDP (RFC 6891 §6.2.3)."""
        return max(c.UDP_OCTETS_WITHOUT_EDNS, self.edns.udp_octets) if self.edns else 512

    def octets_max(self, *, over_udp: bool) -> int:
        """Return the size of the largest answer that can reach the client."""
        return min(self.udp_octets, c.UDP_OCTETS_MAX) if over_udp else c.MESSAGE_OCTETS_MAX


@dataclass(frozen=True, slots=True)
class Malformed:
    """A packet that is no query to us. `rcode` is what to say, None is silence."""

    rcode: int | None
    question_end: int = c.HEADER_OCTETS  # behind the question, if that could be read


def parse(packet: bytes) -> Query | Malformed:
    """Take a packet apart. O(length of the question and of what follows it); never raises."""
    if len(packet) < c.HEADER_OCTETS:
        return Malformed(None)
    _, flags, questions, answers, authorities, additionals = unpack_from("!6H", packet)
    if flags & c.QR:
        return Malformed(None)
    if flags & _OPCODE not in {_QUERY, _NOTIFY}:
        return Malformed(c.NOTIMP)
    if questions != 1 or answers > 1 or authorities > 1 or additionals > 2:
        return Malformed(c.FORMERR)
    if len(packet) == c.HEADER_OCTETS:
        return Malformed(
            c.SERVFAIL
        )  # as CoreDNS answers a question that is announced and not there
    question_end = c.HEADER_OCTETS
    try:
        name, question_end = _question(packet)
        edns = _edns(packet, question_end, answers + authorities, additionals)
    except (IndexError, ValueError, StructError):
        return Malformed(c.FORMERR, question_end)
    qtype, qclass = unpack_from("!HH", packet, question_end - 4)
    return Query(packet, flags, name, name.lower(), qtype, qclass, question_end, edns)


def make(
    name: bytes, qtype: int, *, qclass: int = c.IN, flags: int = c.RD, message_id: int = 0
) -> bytes:
    """Make the packet of a query without EDNS."""
    return pack("!6H", message_id, flags, 1, 0, 0, 0) + name + pack("!HH", qtype, qclass)


def _question(packet: bytes) -> tuple[bytes, int]:
    at = c.HEADER_OCTETS
    while length := packet[at]:
        if length > LABEL_OCTETS_MAX:  # a pointer in a question points nowhere
            raise ValueError("a pointer, or a label of a reserved type")
        at += 1 + length
    name = packet[c.HEADER_OCTETS : at + 1]
    if len(name) > NAME_OCTETS_MAX:
        raise ValueError("a name of more than 255 octets")
    if at + 5 > len(packet):
        raise ValueError("a question without a type or a class")
    return name, at + 5


def _edns(packet: bytes, at: int, before: int, additionals: int) -> Edns | None:
    """Read the OPT record among the last `additionals` records, `before` others standing before them."""
    if not before and additionals == 1 and _is_bare_opt(packet, at):  # as nearly always
        return Edns(packet[at + 3] << 8 | packet[at + 4], packet[at + 6], packet[at + 7] > 127)
    edns = None
    for number in range(before + additionals):
        if at == len(packet):
            break
        (rr,) = walk(packet, at, 1)
        if rr.rtype == c.OPT and number >= before:
            if edns or packet[rr.start]:
                raise ValueError("a message has one OPT record, and the root owns it")
            udp_octets, extended = unpack_from("!HI", packet, rr.fixed + 2)
            _check_options(packet[rr.rdata : rr.end])
            edns = Edns(udp_octets, extended >> 16 & 0xFF, bool(extended & 0x8000))
        at = rr.end
    return edns


def _is_bare_opt(packet: bytes, at: int) -> bool:
    """Return whether an OPT record without options ends the packet."""
    is_opt = packet[at : at + 3] == _ROOT_OPT and packet[at + 9 : at + 11] == b"\x00\x00"
    return is_opt and len(packet) == at + _OPT_OCTETS


def _check_options(octets: bytes) -> None:
    """Raise ValueError or struct.error when the options of an OPT record are malformed."""
    at = 0
    while at < len(octets):
        code, length = unpack_from("!HH", octets, at)
        at += 4 + length
        fits = _OPTION_LENGTHS.get(code)
        if at > len(octets) or (fits and not fits(length)):
            raise ValueError("an option's data have a wrong length")
        if code == _CLIENT_SUBNET:
            _check_client_subnet(octets[at - length : at])


def _check_client_subnet(octets: bytes) -> None:
    """Raise when the option names no network (RFC 7871 §6)."""
    family, source, scope = unpack_from("!HBB", octets)
    bits = _ADDRESS_BITS.get(family)
    if bits is None or source > bits or (family and scope > bits):
        raise ValueError("a client subnet is longer than an address")
