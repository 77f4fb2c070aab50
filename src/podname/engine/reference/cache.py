"""Answers that the plugin chain left, and how they are repeated.

Sources: the design of podname (the path of a query); RFC 2181 §8; RFC 6840 §5.7.
"""

from __future__ import annotations

from collections.abc import Mapping
from struct import pack

from podname.dns import constants as c
from podname.dns.fitting import fit
from podname.engine.caching import (
    CACHED_OCTETS_MAX,
    CACHED_PER_NAME_MAX,
    AnswerKey,
    CachedAnswer,
    CacheHits,
    Kept,
)
from podname.engine.reference.shapes import Shape

_NS = 1_000_000_000

#: Type, class, DO, CD.
_Kind = tuple[int, int, bool, bool]


class PythonCache:
    """Answers by name, and by what else tells them apart."""

    def __init__(self, plugin: str) -> None:
        self.plugin = plugin
        self._names: dict[bytes, dict[_Kind, CachedAnswer]] = {}
        self._count = 0
        self._hits: dict[str, list[int]] = {}

    def put(self, key: AnswerKey, answer: CachedAnswer) -> None:
        """Leave an answer in place of the one with its key. Of one that is too large nothing is left."""
        self.remove(key)
        if len(answer.records) > CACHED_OCTETS_MAX:
            return
        kinds = self._names.setdefault(key[0], {})
        if len(kinds) == CACHED_PER_NAME_MAX:
            del kinds[next(iter(kinds))]
            self._count -= 1
        kinds[key[1:]] = answer
        self._count += 1

    def remove(self, key: AnswerKey) -> None:
        """Take an answer out, if it is there."""
        kinds = self._names.get(key[0])
        if kinds is None or kinds.pop(key[1:], None) is None:
            return
        self._count -= 1
        if not kinds:
            del self._names[key[0]]

    def clear(self) -> None:
        """Take all out."""
        self._names.clear()
        self._count = 0

    def hits(self) -> Mapping[str, CacheHits]:
        """Count the questions answered, by listener."""
        return {server: CacheHits(*counts) for server, counts in self._hits.items()}

    def kept(self) -> Kept:
        """Count nothing: what is here was left by the plugin chain."""
        return Kept()

    def __len__(self) -> int:
        return self._count

    def tally(self, server: str) -> list[int]:
        """Return the hits of a listener, to be stepped."""
        return self._hits.setdefault(server, [0, 0])

    def find(self, owner: bytes, kind: _Kind, now_ns: int) -> tuple[CachedAnswer, int] | None:
        """Return an answer and the TTL that is left of it, if it has not expired."""
        kinds = self._names.get(owner)
        answer = None if kinds is None else kinds.get(kind)
        if answer is None:
            return None
        left = answer.ttl_seconds - max(0, now_ns - answer.stored_ns) // _NS
        return (answer, left) if left > 0 else None


def repeat(  # noqa: PLR0917  # runs for every packet
    packet: bytes,
    behind: int,
    shape: Shape,
    answer: CachedAnswer,
    left_seconds: int,
    turn: int | None,
) -> bytes:
    """Return the response without OPT, cut to fit. Without a turn nothing rotates."""
    flags = shape.flags | answer.flags & (0xFFFF if shape.wants_authenticated else ~c.AD)
    records = answer.records
    if not answer.keeps_ttl and left_seconds != answer.ttl_seconds:
        records = _aged(answer, left_seconds)
    if turn is not None and answer.groups:
        records = _rotated(records, answer, turn)
    head = pack("!HH", flags, 1)
    whole = b"".join((packet[:2], head, answer.counts, packet[12:behind], records))
    limit = shape.limit - len(shape.opt)
    return whole if len(whole) <= limit else fit(whole, limit)


def _aged(answer: CachedAnswer, left_seconds: int) -> bytes:
    octets, ttl = bytearray(answer.records), left_seconds.to_bytes(4, "big")
    for at in answer.ttl_offsets:
        octets[at : at + 4] = ttl
    return bytes(octets)


def _rotated(records: bytes, answer: CachedAnswer, turn: int) -> bytes:
    octets = bytearray(records)
    for size, offsets in answer.groups:
        for number, at in enumerate(offsets):
            other = offsets[(number + turn) % len(offsets)]
            octets[at : at + size] = records[other : other + size]
    return bytes(octets)
