"""What is done to a ready answer on its way out: rotated, moved under another owner, given the question's case.

Each function takes a ready answer and gives one, and each is for the few questions that need it: several addresses, a
name spelled without its underscores, a name in capitals.

Sources: CoreDNS plugin/loadbalance (addresses take turns, nothing else moves); CoreDNS plugin/kubernetes, which takes
the zone of SRV and NS targets from the question (handler_case_test.go).
"""

from __future__ import annotations

from struct import pack_into

from podname.dns import constants as c
from podname.dns.names import is_subdomain
from podname.dns.records import POINTER_REACH, pointer, walk

COUNTS_OCTETS = 6
_ADDRESS_RECORD_OCTETS = {c.A: 16, c.AAAA: 28}
_TARGET_AT = {c.SRV: 6, c.NS: 0}


def turns_of(ready: bytes) -> int:
    """Return in how many ways `rotate` can begin. O(1)."""
    answers = ready[0] << 8 | ready[1]
    if answers and (ready[8] << 8 | ready[9]) in _ADDRESS_RECORD_OCTETS:
        return answers
    return max(1, ready[4] << 8 | ready[5])


def rotate(ready: bytes, turn: int) -> bytes:
    """Begin the addresses of the answer and of the additional section elsewhere. O(records), for addresses O(1)."""
    answers = ready[0] << 8 | ready[1]
    octets = _ADDRESS_RECORD_OCTETS.get(ready[8] << 8 | ready[9]) if answers else 0
    if not octets:
        return _rotate_additional(ready, answers, turn)
    start = COUNTS_OCTETS + turn % answers * octets
    end = COUNTS_OCTETS + answers * octets
    return ready[:COUNTS_OCTETS] + ready[start:end] + ready[COUNTS_OCTETS:start] + ready[end:]


def _rotate_additional(ready: bytes, answers: int, turn: int) -> bytes:
    additionals = ready[4] << 8 | ready[5]
    if additionals < 2:
        return ready
    records = list(walk(ready, COUNTS_OCTETS, answers + additionals))
    first, start = records[answers].start, records[answers + turn % additionals].start
    return ready[:first] + ready[start:] + ready[first:start]


def move(ready: bytes, shift: int) -> bytes:
    """Repeat a ready answer under an owner that is `shift` octets longer than the one it was made for.

    An additional record whose pointer would no longer reach is left out, as additional records may be.
    """
    answers, additionals = ready[0] << 8 | ready[1], ready[4] << 8 | ready[5]
    if not additionals:
        return ready
    return _move_in_place(ready, shift, answers, additionals) or _move_anew(ready, shift, answers)


def _move_in_place(ready: bytes, shift: int, answers: int, additionals: int) -> bytes | None:
    """Add to the pointers where they stand; None when one is not alone, or would no longer reach."""
    out, at = bytearray(ready), COUNTS_OCTETS
    for _ in range(answers):  # whose owner is always a pointer
        at += 12 + (ready[at + 10] << 8 | ready[at + 11])
    for _ in range(additionals):
        target = (ready[at] << 8 | ready[at + 1]) + shift
        if ready[at] < 0xC0 or not 0xC000 <= target < 0xC000 + POINTER_REACH:
            return None
        out[at], out[at + 1] = target >> 8, target & 0xFF
        at += 12 + (ready[at + 10] << 8 | ready[at + 11])
    return bytes(out)


def _move_anew(ready: bytes, shift: int, answers: int) -> bytes:
    additionals = ready[4] << 8 | ready[5]
    records = list(walk(ready, COUNTS_OCTETS, answers + additionals))[answers:]
    parts = [ready[COUNTS_OCTETS : records[0].start]]
    for rr in records:
        owner = ready[rr.start : rr.fixed]
        at = _pointer_in(owner)
        if at is not None:
            target = (int.from_bytes(owner[at:], "big") & 0x3FFF) + shift
            if target >= POINTER_REACH:
                continue
            owner = owner[:at] + pointer(target)
        parts += (owner, ready[rr.fixed : rr.end])
    counts = bytearray(ready[:COUNTS_OCTETS])
    pack_into("!H", counts, 4, len(parts) // 2)
    return bytes(counts) + b"".join(parts)


def _pointer_in(owner: bytes) -> int | None:
    """Return where the pointer of an owner stands, if it has one."""
    at = 0
    while 0 < owner[at] < 0xC0:
        at += 1 + owner[at]
    return at if owner[at] else None


def recase(ready: bytes, zone: bytes, spelled: bytes) -> bytes:
    """Spell the zone of SRV and NS targets as the question does; `zone` is folded, `spelled` as long."""
    out = bytearray(ready)
    for rr in walk(ready, COUNTS_OCTETS, ready[0] << 8 | ready[1]):
        before = _TARGET_AT.get(rr.rtype)
        if before is not None and is_subdomain(ready[rr.rdata + before : rr.end], zone):
            out[rr.end - len(zone) : rr.end] = spelled
    return bytes(out)
