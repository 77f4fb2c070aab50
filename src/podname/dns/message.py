"""A message as a view of its octets: the header by name, the records by section, names followed.

Nothing is copied, and nothing behind the header is read, until somebody asks. What a message cannot give is
`BadMessage`: records that are cut, names whose pointers lead nowhere. The engine's hot path reads octets by itself.

Sources: RFC 1035 §4.1; RFC 2308 §2; CoreDNS 1.15.0 plugin/pkg/response typify.go, plugin/pkg/dnsutil ttl.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, IntEnum
from struct import error as StructError

from podname.dns import constants as c
from podname.dns.compression import NAMES, expand, names_in_rdata, skip_name
from podname.dns.query import Query
from podname.dns.records import Record, walk

_OPCODE_NOTIFY = 4


class BadMessage(ValueError):
    """The octets are not a whole message."""


class Section(IntEnum):
    """The sections that hold records, in their order."""

    ANSWER = 0
    AUTHORITY = 1
    ADDITIONAL = 2


class Classification(Enum):
    """What a response says, in CoreDNS's classes; the values are its words for them."""

    SUCCESS = "NOERROR"
    NODATA = "NODATA"
    NXDOMAIN = "NXDOMAIN"
    DELEGATION = "DELEGATION"  # no answer, no SOA, but NS records
    SERVER_ERROR = "SERVERERROR"  # SERVFAIL or NOTIMP
    META = "META"  # NOTIFY and transfers
    OTHER_ERROR = "OTHERERROR"

    @property
    def is_denial(self) -> bool:
        """Whether the name, or its type, does not exist."""
        return self in {Classification.NODATA, Classification.NXDOMAIN}


class Message:
    """One message. Raises BadMessage when there is not even a header."""

    __slots__ = ("_question_end", "_records", "octets")

    def __init__(self, octets: bytes, question_end: int | None = None) -> None:
        """Take the octets; `question_end`, the offset behind the question, is found when it is not given."""
        if len(octets) < c.HEADER_OCTETS:
            raise BadMessage("a message that ends within its header")
        self.octets = octets
        self._question_end = question_end
        self._records: list[Record] | None = None

    # ---------------------------------------------------------------- header

    @property
    def flags(self) -> int:
        """The 16 bits of flags, opcode and RCODE."""
        return self.octets[2] << 8 | self.octets[3]

    @property
    def rcode(self) -> int:
        """The RCODE of the header, without what an OPT record adds."""
        return rcode_of(self.octets)

    @property
    def opcode(self) -> int:
        """The opcode: 0 is QUERY."""
        return self.octets[2] >> 3 & 0xF

    @property
    def is_truncated(self) -> bool:
        """Whether TC is set."""
        return bool(self.flags & c.TC)

    @property
    def is_authenticated(self) -> bool:
        """Whether AD is set."""
        return bool(self.flags & c.AD)

    def count(self, section: Section) -> int:
        """Return how many records the header announces in a section."""
        at = 6 + 2 * section
        return self.octets[at] << 8 | self.octets[at + 1]

    @property
    def counts(self) -> bytes:
        """The counts of the three sections as they stand, two octets each."""
        return self.octets[6:12]

    # --------------------------------------------------------------- content

    @property
    def question_end(self) -> int:
        """The offset behind the question section."""
        if self._question_end is None:
            at = c.HEADER_OCTETS
            try:
                for _ in range(self.octets[4] << 8 | self.octets[5]):
                    at = skip_name(self.octets, at) + 4
            except (IndexError, ValueError) as error:
                raise BadMessage(str(error)) from None
            self._question_end = at
        return self._question_end

    @property
    def records(self) -> list[Record]:
        """Where the records of all sections stand."""
        if self._records is None:
            total = sum(self.count(section) for section in Section)
            try:
                self._records = list(walk(self.octets, self.question_end, total))
            except (IndexError, ValueError, StructError) as error:
                raise BadMessage(str(error)) from None
        return self._records

    def section(self, section: Section) -> list[Record]:
        """Return the records of one section."""
        start = sum(self.count(before) for before in Section if before < section)
        return self.records[start : start + self.count(section)]

    def name(self, at: int) -> bytes:
        """Return the name that stands at an offset, without pointers, in its own case."""
        if self.octets[at : at + 2] == c.POINTER_TO_QNAME:
            at = c.HEADER_OCTETS
        try:
            return expand(self.octets, at)
        except (IndexError, ValueError) as error:
            raise BadMessage(str(error)) from None

    def rdata(self, record: Record) -> bytes:
        """Return the RDATA of a record as it stands; names in it may be pointers into this message."""
        return self.octets[record.rdata : record.end]

    def class_of(self, record: Record) -> int:
        """Return the class of a record."""
        at = record.fixed + 2
        return self.octets[at] << 8 | self.octets[at + 1]

    def is_response_to(self, query: Query) -> bool:
        """Return whether this is a response to the query's question. The case of its name does not matter."""
        octets, end = self.octets, query.end
        return (
            bool(self.flags & c.QR)
            and octets[4:6] == b"\x00\x01"
            and octets[end - 4 : end] == query.packet[end - 4 : end]
            and octets[c.HEADER_OCTETS : end - 4].lower() == query.folded
        )

    def classify(self, query: Query) -> Classification:
        """Return what this response means to `query`."""
        if self.opcode == _OPCODE_NOTIFY or query.qtype in {c.AXFR, c.IXFR}:
            return Classification.META
        authority = {record.rtype for record in self.section(Section.AUTHORITY)}
        return _classify(self.rcode, self.count(Section.ANSWER) > 0, authority)

    def uncompressed_octets(self) -> int:
        """Return the size that the message would have without compression and without OPT."""
        return self.question_end + sum(
            len(self.name(record.start)) + 10 + self._uncompressed_rdata_octets(record)
            for record in self.records
            if record.rtype != c.OPT
        )

    def _uncompressed_rdata_octets(self, record: Record) -> int:
        before = NAMES[record.rtype][0] if record.rtype in NAMES else 0
        octets, at = before, record.rdata + before
        try:
            for end, name in names_in_rdata(self.octets, record.rtype, record.rdata):
                octets, at = octets + len(name), end
        except (IndexError, ValueError) as error:
            raise BadMessage(str(error)) from None
        return octets + record.end - at

    # ---------------------------------------------------------- changed copy

    def with_flags(self, *, set_: int = 0, clear: int = 0) -> bytes:
        """Return the message with other flags."""
        flags = (self.flags | set_) & ~clear
        return self.octets[:2] + flags.to_bytes(2, "big") + self.octets[4:]


def rcode_of(octets: bytes) -> int:
    """Return the RCODE of a message's header, where nothing else of it matters."""
    return octets[3] & 0xF


def uncompressed_octets(octets: bytes, question_end: int | None = None) -> int:
    """Return the size of a response as logs and metrics tell it: without compression, without OPT.

    CoreDNS takes it when a plugin writes the response. Of what cannot be taken apart, it is what there is.
    """
    try:
        return Message(octets, question_end).uncompressed_octets()
    except BadMessage:
        return len(octets)


def with_ttl(octets: bytes, ttl_offsets: Sequence[int], ttl_seconds: int) -> bytes:
    """Return octets with one TTL at each of the offsets."""
    out, ttl = bytearray(octets), ttl_seconds.to_bytes(4, "big")
    for at in ttl_offsets:
        out[at : at + 4] = ttl
    return bytes(out)


def _classify(rcode: int, has_answer: bool, authority: set[int]) -> Classification:
    if rcode in {c.SERVFAIL, c.NOTIMP}:
        return Classification.SERVER_ERROR
    if rcode == c.NXDOMAIN and not has_answer:
        return Classification.NXDOMAIN
    if rcode:
        return Classification.OTHER_ERROR
    if has_answer:
        return Classification.SUCCESS
    if c.SOA in authority:
        return Classification.NODATA
    return Classification.DELEGATION if c.NS in authority else Classification.SUCCESS


def id_of(octets: bytes) -> bytes:
    """Return the id of a message, two octets; of one without a header, nothing."""
    return octets[:2] if len(octets) >= c.HEADER_OCTETS else b""


def with_id(octets: bytes, message_id: bytes) -> bytes:
    """Return a message under another id."""
    return message_id + octets[2:]
