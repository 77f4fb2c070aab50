"""Replies as values that can be compared: read octet by octet, without podname's code or dnspython's.

Nothing is forgiven: a name in a reply keeps its case, duplicates stay, a message with octets behind
its end is malformed. Only the SOA serial is left out, a time that two servers need not agree on.

Sources: RFC 1035 §4.1, RFC 6891 §6.1, RFC 3597 §5.
"""

from dataclasses import dataclass
from struct import unpack_from

A, NS, CNAME, SOA, PTR, MX, TXT, AAAA, SRV, DNAME, OPT = 1, 2, 5, 6, 12, 15, 16, 28, 33, 39, 41
FLAGS = {"AA": 0x400, "TC": 0x200, "RD": 0x100, "RA": 0x80, "Z": 0x40, "AD": 0x20, "CD": 0x10}
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED, BADVERS = 0, 1, 2, 3, 4, 5, 16
QR = 0x8000


class Malformed(Exception):
    """The octets are no DNS message."""


@dataclass(frozen=True, order=True, slots=True)
class Record:
    """One record; names in its data are written out."""

    owner: str
    rtype: int
    rclass: int
    ttl: int
    data: tuple[object, ...]

    def __str__(self) -> str:
        return f"{self.owner} {self.ttl} {type_text(self.rtype)} {' '.join(map(str, self.data))}"


@dataclass(frozen=True, slots=True)
class Edns:
    """What an OPT record says."""

    udp_octets: int
    version: int
    flags: int
    options: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """One response. `rcode` includes what the OPT record adds."""

    rcode: int
    opcode: int
    flags: frozenset[str]
    question: tuple[tuple[str, int, int], ...]
    answer: tuple[Record, ...]
    authority: tuple[Record, ...]
    additional: tuple[Record, ...]
    edns: Edns | None

    @property
    def truncated(self) -> bool:
        """Whether records are missing."""
        return "TC" in self.flags

    @property
    def denial(self) -> bool:
        """Whether it says NXDOMAIN or NODATA for a zone of its own: no answer, and the SOA."""
        return not self.answer and [record.rtype for record in self.authority] == [SOA]

    def __str__(self) -> str:
        lines = [f"rcode {self.rcode} opcode {self.opcode} {' '.join(sorted(self.flags))}"]
        for name in ("answer", "authority", "additional"):
            lines += [f"  {name}: {record}" for record in getattr(self, name)[:20]]
        return "\n".join([*lines, f"  {self.edns}"])


def read(octets: bytes) -> Reply:
    """Read a response. Raises Malformed."""
    try:
        return _read(octets)
    except (IndexError, ValueError) as error:
        raise Malformed(f"{error}: {octets[:600].hex()}") from error
    except Exception as error:  # struct.error has no other name
        raise Malformed(f"cut: {octets[:600].hex()}") from error


def _read(octets: bytes) -> Reply:
    _, flags, questions, *counts = unpack_from("!6H", octets)
    if not flags & QR:
        raise ValueError("not a response")
    at, question = 12, []
    for _ in range(questions):
        name, at = read_name(octets, at)
        rtype, rclass = unpack_from("!HH", octets, at)
        question.append((name, rtype, rclass))
        at += 4
    sections: list[tuple[Record, ...]] = []
    edns, rcode = None, flags & 0xF
    for number, count in enumerate(counts):
        section = []
        for _ in range(count):
            record, at = _record(octets, at)
            if record.rtype != OPT:
                section.append(record)
                continue
            if number != 2 or edns or record.owner != ".":
                raise ValueError("an OPT record where none belongs")
            edns = Edns(record.rclass, record.ttl >> 16 & 0xFF, record.ttl & 0xFFFF, _raw(record))
            rcode |= record.ttl >> 24 << 4
        sections.append(tuple(section))
    if at != len(octets):
        raise ValueError(f"{len(octets) - at} octets behind the end")
    named = frozenset(name for name, bit in FLAGS.items() if flags & bit)
    answer, authority, additional = sections
    opcode = flags >> 11 & 0xF
    return Reply(rcode, opcode, named, tuple(question), answer, authority, additional, edns)


def _raw(record: Record) -> bytes:
    (value,) = record.data
    assert isinstance(value, bytes)
    return value


def _record(octets: bytes, at: int) -> tuple[Record, int]:
    owner, at = read_name(octets, at)
    rtype, rclass, ttl, length = unpack_from("!HHIH", octets, at)
    at += 10
    end = at + length
    if end > len(octets):
        raise ValueError("a record that is cut")
    return Record(owner, rtype, rclass, ttl, _data(octets, rtype, at, end)), end


def _data(octets: bytes, rtype: int, at: int, end: int) -> tuple[object, ...]:
    if rtype in {A, AAAA}:
        return (octets[at:end].hex("."),)
    if rtype in {NS, CNAME, PTR, DNAME}:
        return (_last_name(octets, at, end),)
    if rtype == MX:
        return (*unpack_from("!H", octets, at), _last_name(octets, at + 2, end))
    if rtype == SRV:
        return (*unpack_from("!3H", octets, at), _last_name(octets, at + 6, end))
    if rtype == SOA:
        mname, at = read_name(octets, at)
        rname, at = read_name(octets, at)
        if at + 20 != end:
            raise ValueError("a SOA record of a wrong length")
        return (mname, rname, "serial", *unpack_from("!4I", octets, at + 4))
    return (octets[at:end],)


def _last_name(octets: bytes, at: int, end: int) -> str:
    name, behind = read_name(octets, at)
    if behind != end:
        raise ValueError("a name that does not fill its record")
    return name


def read_name(octets: bytes, at: int) -> tuple[str, int]:
    """Read a name; give it and the offset behind it."""
    labels: list[str] = []
    behind, octets_left = 0, 255
    while length := octets[at]:
        if length >= 0xC0:
            target = (length & 0x3F) << 8 | octets[at + 1]
            behind = behind or at + 2
            if target >= at:
                raise ValueError("a pointer that does not point back")
            at = target
            continue
        octets_left -= length + 1
        if length > 63 or octets_left < 1:
            raise ValueError("a label or name that is too long")
        labels.append(label_text(octets[at + 1 : at + 1 + length]))
        at += 1 + length
    return "".join(f"{label}." for label in labels) or ".", behind or at + 1


_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")


def label_text(label: bytes) -> str:
    """Show a label; what is not plain is written as three digits."""
    if _PLAIN.issuperset(label):
        return label.decode()
    return "".join(chr(octet) if octet in _PLAIN else f"\\{octet:03d}" for octet in label)


TYPES = {
    "A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "NULL": 10, "PTR": 12, "HINFO": 13, "MX": 15, "TXT": 16,
    "AAAA": 28, "SRV": 33, "NAPTR": 35, "DNAME": 39, "DS": 43, "RRSIG": 46, "NSEC": 47,
    "DNSKEY": 48, "SVCB": 64, "HTTPS": 65, "TKEY": 249, "TSIG": 250, "IXFR": 251, "AXFR": 252,
    "MAILB": 253, "ANY": 255, "URI": 256, "CAA": 257, "TYPE65280": 65280, "TYPE0": 0, "OPT": 41,
}  # fmt: skip
_TYPE_TEXTS = {number: text for text, number in TYPES.items()}


def type_text(rtype: int) -> str:
    """Show a type."""
    return _TYPE_TEXTS.get(rtype, f"TYPE{rtype}")
