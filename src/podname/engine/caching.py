"""Answers of upstreams that the engine repeats until they expire.

What is left with an `AnswerCache` is what `cache` keeps of forwarded answers: the octets of a message, where its TTLs
stand, and since when. The engine adds the question's id, name and flags, and the TTL that is left. Who leaves an answer
must take it out when it would no longer say the same; that it expires is all that the engine sees to by itself. With
`Keeping` it also keeps what its own relay fetches (`podname.engine.relaying`).

What is kept is bounded the same way by both, the plugin chain and the relay (`KeptHalf`): of successes and of denials
so many answers and so many octets, names and records counted. The answer that was put there longest ago makes room.

Sources: RFC 2181 §8 (TTL); RFC 6840 §5.7 (AD); CoreDNS plugin/cache item.go (one TTL for all records of a message).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple, Protocol

from podname.dns import constants as c
from podname.dns.records import Record

#: Folded name, type, class, DO, CD: what tells answers apart.
AnswerKey = tuple[bytes, int, int, bool, bool]

#: Octets of the records of an answer that may be left.
CACHED_OCTETS_MAX = 4096
#: Answers for one name: of more, the one that was left first makes room.
CACHED_PER_NAME_MAX = 16


#: What an answer may have on average, its name and its records.
OCTETS_PER_ANSWER = 1024

_ADDRESS_OCTETS = {c.A: 4, c.AAAA: 16}

#: Addresses that may change places: octets of each, and where these stand.
Groups = tuple[tuple[int, tuple[int, ...]], ...]


class CachedAnswer(NamedTuple):
    """An answer to be repeated until it expires. Offsets are from the beginning of `records`.

    The TTL of every record is `ttl_seconds`, less the whole seconds since `stored_ns` (`time.monotonic_ns`); when
    nothing is left of it the answer has expired. With `keeps_ttl` it expires as well, but is not counted down.
    """

    flags: int  # AA, RA and RCODE as they are; AD is for who asks with AD or DO
    counts: bytes  # of the three sections, two octets each
    records: bytes  # all that stands behind the question, no OPT; pointers as in the whole message
    ttl_offsets: tuple[int, ...]
    ttl_seconds: int
    stored_ns: int
    uncompressed_octets: int  # of the records, for the counts
    keeps_ttl: bool = False
    is_denial: bool = False  # for the counts
    groups: Groups = ()  # that take turns in a plan that rotates


class KeptHalf(NamedTuple):
    """How replies of one half are kept: successes, or denials and errors."""

    capacity: int  # answers at most
    octets_most: int
    ttl_seconds_most: int
    ttl_seconds_least: int  # the upper bound wins
    disabled: tuple[bytes, ...] = ()  # zones of which nothing is kept


class Keeping(NamedTuple):
    """How replies that the engine fetched are kept."""

    success: KeptHalf
    denial: KeptHalf
    servfail_seconds: int
    keeps_ttl: bool
    #: How long an expired answer is for the plugin chain to decide about: so long the relay does not ask.
    stale_seconds: int = 0
    #: Whether the engine answers with what is kept; else the plugin chain does, and the relay does not ask.
    repeats: bool = True


class CacheHits(NamedTuple):
    """How many questions of one listener the engine answered from a cache; `misses` its relays answered."""

    successes: int
    denials: int
    misses: int = 0


class Kept(NamedTuple):
    """How many replies of its own the engine keeps, and how many had to make room."""

    successes: int = 0
    denials: int = 0
    evicted_successes: int = 0
    evicted_denials: int = 0


class AnswerCache(Protocol):
    """Answers that the plugin chain left with the engine. Whoever leaves them bounds their number."""

    plugin: str  # who answers, for logs and metrics: "cache"

    def put(self, key: AnswerKey, answer: CachedAnswer) -> None:
        """Leave an answer in place of the one with its key. Of one that is too large nothing is left."""

    def remove(self, key: AnswerKey) -> None:
        """Take an answer out, if it is there."""

    def get(self, key: AnswerKey) -> CachedAnswer | None:
        """Return an answer, expired or not, as it was left or fetched."""

    def clear(self) -> None:
        """Take all out."""

    def hits(self) -> Mapping[str, CacheHits]:
        """Count the questions answered, by listener (`Client.server`)."""

    def kept(self) -> Kept:
        """Count what the engine keeps by itself."""

    def __len__(self) -> int:
        """Count the answers, expired ones too."""


def groups_of(message: bytes, answer: Iterable[Record], start: int = 0) -> Groups:
    """Return the addresses of one owner in an answer section, as far as there are several; offsets from `start`."""
    groups: defaultdict[tuple[bytes, int], list[int]] = defaultdict(list)
    for rr in answer:
        if rr.end - rr.rdata == _ADDRESS_OCTETS.get(rr.rtype):
            # Two owners written differently may be one name: they then take turns apart, no harm.
            groups[message[rr.start : rr.fixed], rr.rtype].append(rr.rdata - start)
    return tuple(
        (_ADDRESS_OCTETS[rtype], tuple(offsets))
        for (_, rtype), offsets in groups.items()
        if len(offsets) > 1
    )
