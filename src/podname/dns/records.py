"""Resource records and ready answers as octets.

A *ready answer* is what a table keeps for one owner name and type, to be repeated for every question::

    ancount nscount arcount     3 x 2 octets
    answer records              the owner is always the pointer 0xC00C: the question's own name
    additional records          the owner is a pointer to a name in an answer record's RDATA, past a pointer's reach
                                labels and a pointer to a name that this one lies in, or all of its labels

Because the question that matches an entry always has the same length, the pointers into the answer are known when the
answer is made. Names in RDATA are not compressed (RFC 2782, RFC 3597 §4). The owner in an answer thereby has the
question's own case. Answer records are one RRset. What `podname.dns.patching` does to an answer rests on all this.

A ready answer holds no more records than could ever be sent.

Sources: RFC 1035 §3.2.1, §4.1.3, §4.1.4; RFC 2782 (SRV); RFC 3596 (AAAA).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from struct import Struct
from typing import NamedTuple

from podname.dns import constants as c
from podname.dns.compression import skip_name

_FIXED = Struct("!HHIH")  # type, class, TTL, RDLENGTH
_TYPE_CLASS_TTL = Struct("!HHI")
_LENGTH = Struct("!H")
_COUNTS = Struct("!HHH")
_SRV = Struct("!HHH")
_RRSIG_VALIDITY, _RRSIG_VALIDITY_AT = Struct("!II"), 8

#: Where a compression pointer can no longer point.
POINTER_REACH = 0x4000

#: More than this never fit into a message: the smallest record has 13 octets.
RECORDS_MAX = c.MESSAGE_OCTETS_MAX // 13

EMPTY_ANSWER = _COUNTS.pack(0, 0, 0)

#: The ready answers of one owner name, by type.
ReadyAnswers = dict[int, bytes]


class Record(NamedTuple):
    """Where one record stands in a message or a ready answer: offsets from its beginning."""

    start: int
    fixed: int  # offset of TYPE
    rdata: int
    end: int
    rtype: int
    ttl_seconds: int

    @property
    def ttl_at(self) -> int:
        """Offset of the TTL."""
        return self.fixed + 4


def record(owner: bytes, rtype: int, ttl_seconds: int, rdata: bytes, rclass: int = c.IN) -> bytes:
    """Make one record; `owner` is a name or a compression pointer."""
    return owner + _FIXED.pack(rtype, rclass, ttl_seconds, len(rdata)) + rdata


def pointer(offset: int) -> bytes:
    """Make a compression pointer to an offset in the message (below 0x4000)."""
    return bytes((0xC0 | offset >> 8, offset & 0xFF))


def srv_rdata(priority: int, weight: int, port: int, target: bytes) -> bytes:
    """Make the RDATA of an SRV record."""
    return _SRV.pack(priority, weight, port) + target


def soa_rdata(mname: bytes, rname: bytes, timers: Sequence[int]) -> bytes:
    """Make the RDATA of a SOA record; `timers` are serial, refresh, retry, expire and minimum."""
    return mname + rname + Struct("!5I").pack(*timers)


def txt_rdata(text: bytes) -> bytes:
    """Make the RDATA of a TXT record of one character string (at most 255 octets)."""
    return bytes((len(text),)) + text


def answer(rtype: int, ttl_seconds: int, rdatas: Iterable[bytes]) -> bytes:
    """Make the ready answer of one RRset without additional records."""
    head = c.POINTER_TO_QNAME + _TYPE_CLASS_TTL.pack(rtype, c.IN, ttl_seconds)
    known = list(islice(rdatas, RECORDS_MAX))
    counts, sizes = _COUNTS.pack(len(known), 0, 0), set(map(len, known))
    if len(sizes) == 1:  # as of all addresses of a type
        head += _LENGTH.pack(*sizes)
        return counts + head + head.join(known)
    return counts + b"".join([head + _LENGTH.pack(len(rdata)) + rdata for rdata in known])


def answer_with_additional(
    owner_octets: int,
    rtype: int,
    ttl_seconds: int,
    rdatas: Iterable[tuple[bytes, int]],
    additional: Iterable[tuple[int, int, bytes]],
) -> bytes:
    """Make a ready answer whose RDATA names have records of their own.

    `owner_octets` is the length of the owner name. `rdatas` are (RDATA, offset of the target name within it).
    `additional` are (index of the answer whose target owns it, type, RDATA).
    """
    out, targets = [], []
    at = c.HEADER_OCTETS + owner_octets + 4
    head = c.POINTER_TO_QNAME + _TYPE_CLASS_TTL.pack(rtype, c.IN, ttl_seconds)
    for rdata, target in islice(rdatas, RECORDS_MAX):
        octets = len(rdata)
        targets.append((at + 12 + target, rdata, target))
        out.append(b"%b%b%b" % (head, _LENGTH.pack(octets), rdata))
        at += 12 + octets
    extra = [
        b"%b%b%b"
        % (_owner(targets[index], targets[0]), _fixed(etype, ttl_seconds, len(rdata)), rdata)
        for index, etype, rdata in islice(additional, RECORDS_MAX)
        if index < len(targets)
    ]
    return _COUNTS.pack(len(out), 0, len(extra)) + b"".join(out) + b"".join(extra)


@lru_cache(maxsize=16)  # nearly all are addresses with one TTL
def _fixed(rtype: int, ttl_seconds: int, octets: int) -> bytes:
    """Return what stands between the owner of a record and its RDATA."""
    return _FIXED.pack(rtype, c.IN, ttl_seconds, octets)


def _owner(target: tuple[int, bytes, int], first: tuple[int, bytes, int]) -> bytes:
    """Point to a target, or from out of reach to the parent that it shares with the first one."""
    offset, rdata, start = target
    if offset < POINTER_REACH:
        return pointer(offset)
    name, (first_offset, first_rdata, first_start) = rdata[start:], first
    while name != b"\x00" and not first_rdata[first_start:].endswith(name):
        name = name[1 + name[0] :]
    labels = rdata[start : len(rdata) - len(name)]
    if name == b"\x00":
        return labels + name
    return labels + pointer(first_offset + len(first_rdata) - first_start - len(name))


def walk(octets: bytes, at: int, count: int) -> Iterator[Record]:
    """Walk over `count` records from `at`. Raises IndexError, ValueError or struct.error when they are malformed."""
    for _ in range(count):
        fixed = at + 2 if octets[at] >= 0xC0 else skip_name(octets, at)
        rtype, _, ttl_seconds, length = _FIXED.unpack_from(octets, fixed)
        rdata = fixed + 10
        if rdata + length > len(octets):
            raise ValueError("a record reaches past the message's end")
        yield Record(at, fixed, rdata, rdata + length, rtype, ttl_seconds)
        at = rdata + length


def rdatas_of(ready: bytes) -> list[bytes]:
    """Return the RDATA of the answer records of a ready answer."""
    return [
        ready[rr.rdata : rr.end] for rr in walk(ready, _COUNTS.size, _COUNTS.unpack_from(ready)[0])
    ]


def rrsig_validity(rdata: bytes) -> tuple[int, int]:
    """Return the inception and the expiration of a signature (RFC 4034 §3.1.5); of one that is cut, (0, 0)."""
    if len(rdata) < _RRSIG_VALIDITY_AT + _RRSIG_VALIDITY.size:
        return 0, 0
    expiration, inception = _RRSIG_VALIDITY.unpack_from(rdata, _RRSIG_VALIDITY_AT)
    return inception, expiration
