"""Answers that the plugin chain left, and how they are repeated.

Sources: the design of podname (the path of a query); RFC 2181 §8; RFC 6840 §5.7.
"""

from __future__ import annotations

from collections.abc import Mapping

from podname.dns import constants as c
from podname.dns import reply
from podname.dns.message import with_ttl
from podname.dns.query import Query
from podname.engine.caching import (
    CACHED_OCTETS_MAX,
    CACHED_PER_NAME_MAX,
    AnswerKey,
    CachedAnswer,
    CacheHits,
    Kept,
)

_NS = 1_000_000_000
_OPCODE = 0x7800

#: Type, class, DO, CD.
_Kind = tuple[int, int, bool, bool]


class PythonCache:
    """Answers by name, and by what else tells them apart."""

    def __init__(self, plugin: str, *, repeats: bool = True) -> None:
        self.plugin = plugin
        self._repeats = repeats
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

    def get(self, key: AnswerKey) -> CachedAnswer | None:
        """Return an answer, expired or not, as it was left."""
        return self._names.get(key[0], {}).get(key[1:])

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

    def find(self, query: Query, now_ns: int) -> tuple[CachedAnswer, int] | None:
        """Return the answer to a question and the TTL that is left of it, if it has not expired."""
        if query.flags & _OPCODE or not self._repeats:
            return None
        kind = query.qtype, query.qclass, query.dnssec_ok, bool(query.flags & c.CD)
        answer = self._names.get(query.folded, {}).get(kind)
        if answer is None:
            return None
        left = answer.ttl_seconds - max(0, now_ns - answer.stored_ns) // _NS
        return (answer, left) if left > 0 else None


def repeat(query: Query, answer: CachedAnswer, left_seconds: int, turn: int) -> bytes:
    """Return the response without OPT."""
    wants_authenticated = query.flags & c.AD or query.dnssec_ok
    records = answer.records
    if not answer.keeps_ttl:
        records = with_ttl(records, answer.ttl_offsets, left_seconds)
    if turn:
        records = _rotated(records, answer, turn)
    flags = answer.flags if wants_authenticated else answer.flags & ~c.AD
    return reply.repeat(query, flags=flags, counts=answer.counts, records=records)


def _rotated(records: bytes, answer: CachedAnswer, turn: int) -> bytes:
    octets = bytearray(records)
    for size, offsets in answer.groups:
        for number, at in enumerate(offsets):
            other = offsets[(number + turn) % len(offsets)]
            octets[at : at + size] = records[other : other + size]
    return bytes(octets)
