"""Making a message fit: names compressed, then as many whole records as there is room for, TC when some are missing.

CoreDNS sends a message as it is while it fits, and compresses one that does not before it drops anything; what a
client is told thus depends on the compressed size, and so it does here. Records are dropped from the end, the OPT
record (which the caller adds behind) never.

Additional records beside an answer go first, all of them and without TC: nobody is to ask again over TCP for what is
only a courtesy. In a referral, which has no answer, they are what was asked for.

Names that differ in case are different to the compressor: every name keeps the case that it had.

Sources: RFC 1035 §4.1.4; RFC 2181 §9 (TC); RFC 9471 (referrals); RFC 3597 §4 (which names may be compressed);
miekg/dns `Msg.Truncate`.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import pack_into, unpack_from

from podname.dns import constants as c
from podname.dns.compression import NAMES, expand, skip_name
from podname.dns.records import POINTER_REACH, Record, pointer, walk

_ADDITIONAL = 2  # the section's number


def fit(message: bytes, limit_octets: int) -> bytes:
    """Return the message again, of at most `limit_octets` (if its question leaves room for that).

    Raises IndexError, ValueError or struct.error when it is malformed. O(octets that fit).
    """
    questions, *counts = unpack_from("!4H", message, 4)
    at = c.HEADER_OCTETS
    for _ in range(questions):
        at = skip_name(message, at) + 4
    writer = _Writer(message, at)
    kept, begins = [0, 0, 0], at
    for section, rr in _sections(message, at, counts):
        before = len(writer.out)
        writer.copy(rr)
        if len(writer.out) > limit_octets:
            is_courtesy = section == _ADDITIONAL and counts[0] > 0
            del writer.out[begins if is_courtesy else before :]
            if is_courtesy:
                kept[section] = 0
            else:
                writer.out[2] |= c.TC >> 8
            break
        kept[section] += 1
        if section < _ADDITIONAL:
            begins = len(writer.out)
    pack_into("!3H", writer.out, 6, *kept)
    return bytes(writer.out)


def _sections(message: bytes, at: int, counts: list[int]) -> Iterator[tuple[int, Record]]:
    for section, count in enumerate(counts):
        for rr in walk(message, at, count):
            yield section, rr
            at = rr.end


class _Writer:
    """Writes records with their names compressed. `seen` knows the offset of each name written, by its octets."""

    def __init__(self, message: bytes, question_end: int) -> None:
        self.message = message
        self.out = bytearray(message[:question_end])
        self.seen: dict[bytes, int] = {}
        if question_end > c.HEADER_OCTETS:
            self._remember(expand(message, c.HEADER_OCTETS), c.HEADER_OCTETS)

    def copy(self, rr: Record) -> None:
        """Write a record of the message again."""
        self._name(expand(self.message, rr.start), compress=True)
        self.out += self.message[rr.fixed : rr.rdata]
        start = len(self.out)
        self._rdata(rr)
        pack_into("!H", self.out, start - 2, len(self.out) - start)

    def _rdata(self, rr: Record) -> None:
        before, names, compress = NAMES.get(rr.rtype, (0, 0, False))
        at = rr.rdata + before
        self.out += self.message[rr.rdata : at]
        for _ in range(names):
            self._name(expand(self.message, at), compress=compress)
            at = skip_name(self.message, at)
        self.out += self.message[at : rr.end]

    def _name(self, name: bytes, *, compress: bool) -> None:
        at = 0
        while name[at]:
            found = self.seen.get(name[at:]) if compress else None
            if found is not None:
                self._remember(name, len(self.out), at)
                self.out += name[:at] + pointer(found)
                return
            at += 1 + name[at]
        self._remember(name, len(self.out))
        self.out += name

    def _remember(self, name: bytes, offset: int, end: int | None = None) -> None:
        """Note where `name`, written at `offset`, and each name within it stand; only its first `end` octets do."""
        at = 0
        while name[at] and at != end and offset + at < POINTER_REACH:
            self.seen.setdefault(name[at:], offset + at)
            at += 1 + name[at]
