"""A message taken apart into values, for whoever changes it, and put together again.

Names lose their compression, in the owner and in RDATA, so that each record can be changed, moved or left out by
itself. Nothing is compressed when the message is packed: the last step before the socket does that where it must
(`podname.dns.fitting`).

Sources: RFC 1035 §4.1; RFC 3403 §4.1 (NAPTR); RFC 6891 §6.1.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from struct import error as StructError
from struct import pack, unpack_from

from podname.dns import constants as c
from podname.dns import records
from podname.dns.compression import NAMES, expand, names_in_rdata, skip_name
from podname.dns.message import BadMessage, Message, Section
from podname.dns.names import ROOT
from podname.dns.records import Record

_NAPTR_TEXTS_AT, _NAPTR_TEXTS = 4, 3


@dataclass(slots=True)
class ResourceRecord:
    """One record. Names in RDATA have no pointers."""

    owner: bytes
    rtype: int
    rclass: int
    ttl_seconds: int
    rdata: bytes

    def pack(self) -> bytes:
        """Return its octets."""
        return records.record(self.owner, self.rtype, self.ttl_seconds, self.rdata, self.rclass)

    @property
    def target(self) -> bytes | None:
        """The first name in its RDATA: where NS, CNAME, PTR, MX, SRV, DNAME and NAPTR lead, and the MNAME of SOA."""
        found = _target_at(self)
        return None if found is None else self.rdata[found[0] : found[1]]

    @target.setter
    def target(self, name: bytes) -> None:
        found = _target_at(self)
        if found is not None:
            self.rdata = self.rdata[: found[0]] + name + self.rdata[found[1] :]


@dataclass(slots=True)
class Unpacked:
    """A message of one question."""

    message_id: int
    flags: int
    name: bytes
    qtype: int
    qclass: int
    answer: list[ResourceRecord] = field(default_factory=list)
    authority: list[ResourceRecord] = field(default_factory=list)
    additional: list[ResourceRecord] = field(default_factory=list)

    @property
    def rcode(self) -> int:
        """The RCODE of the header."""
        return self.flags & 0xF

    @rcode.setter
    def rcode(self, rcode: int) -> None:
        self.flags = self.flags & ~0xF | rcode & 0xF

    @property
    def opt(self) -> ResourceRecord | None:
        """The OPT record."""
        return next((rr for rr in self.additional if rr.rtype == c.OPT), None)

    def pack(self) -> bytes:
        """Return the octets of the message."""
        sections = (self.answer, self.authority, self.additional)
        head = pack("!6H", self.message_id, self.flags, 1, *map(len, sections))
        question = self.name + pack("!HH", self.qtype, self.qclass)
        return head + question + b"".join(rr.pack() for section in sections for rr in section)


def unpack(octets: bytes) -> Unpacked:
    """Take a message apart. Raises BadMessage."""
    message = Message(octets)
    if octets[4:6] != b"\x00\x01":
        raise BadMessage("a message without a question, or with several")
    message_id, flags = unpack_from("!HH", octets)
    end = message.question_end
    try:
        qtype, qclass = unpack_from("!HH", octets, end - 4)
    except StructError as error:
        raise BadMessage(str(error)) from None
    sections = ([_taken(message, rr) for rr in message.section(section)] for section in Section)
    return Unpacked(message_id, flags, message.name(c.HEADER_OCTETS), qtype, qclass, *sections)


def opt_record(udp_octets: int, options: list[tuple[int, bytes]] | None = None) -> ResourceRecord:
    """Make an OPT record."""
    return ResourceRecord(ROOT, c.OPT, udp_octets, 0, pack_options(options or []))


def options_of(rdata: bytes) -> list[tuple[int, bytes]]:
    """Return code and data of each EDNS option in the RDATA of an OPT record that was checked."""
    found, at = [], 0
    while at < len(rdata):
        code, length = unpack_from("!HH", rdata, at)
        found.append((code, rdata[at + 4 : at + 4 + length]))
        at += 4 + length
    return found


def pack_options(options: list[tuple[int, bytes]]) -> bytes:
    """Return the RDATA of an OPT record with these options."""
    return b"".join(pack("!HH", code, len(data)) + data for code, data in options)


def _taken(message: Message, rr: Record) -> ResourceRecord:
    owner, rclass = message.name(rr.start), message.class_of(rr)
    return ResourceRecord(owner, rr.rtype, rclass, rr.ttl_seconds, _rdata(message, rr))


def _rdata(message: Message, rr: Record) -> bytes:
    if rr.rtype not in NAMES:
        return message.rdata(rr)
    at = rr.rdata + NAMES[rr.rtype][0]
    parts = [message.octets[rr.rdata : at]]
    try:
        for end, name in names_in_rdata(message.octets, rr.rtype, rr.rdata):
            parts.append(name)
            at = end
    except (IndexError, ValueError) as error:
        raise BadMessage(str(error)) from None
    return b"".join(parts) + message.octets[at : rr.end]


def _target_at(rr: ResourceRecord) -> tuple[int, int] | None:
    """Return where the first name in RDATA begins and ends."""
    try:
        if rr.rtype in NAMES:
            start = NAMES[rr.rtype][0]
        elif rr.rtype == c.NAPTR:
            start = _behind_texts(rr.rdata)
        else:
            return None
        expand(rr.rdata, start)
        return start, skip_name(rr.rdata, start)
    except (IndexError, ValueError):
        return None


def _behind_texts(rdata: bytes) -> int:
    at = _NAPTR_TEXTS_AT
    for _ in range(_NAPTR_TEXTS):
        at += 1 + rdata[at]
    return at
