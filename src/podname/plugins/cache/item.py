"""One kept answer: the octets of its message, and where their TTLs stand.

Sources: CoreDNS 1.15.0 plugin/cache item.go, freq/freq.go.
"""

from __future__ import annotations

from podname.dns import constants as c
from podname.dns import reply
from podname.dns.message import Message, with_ttl
from podname.dns.query import Query
from podname.engine.caching import CachedAnswer
from podname.plugins.cache.response import examine

_KEPT_FLAGS = c.AA | c.RA


class Item:
    """A kept answer. Its age is counted in whole seconds, as TTLs are."""

    __slots__ = (
        "_body",
        "_body_ttl_seconds",
        "_hit_seconds",
        "answers",
        "authenticated",
        "counts",
        "end",
        "flags",
        "hits",
        "is_denial",
        "last_good",
        "message",
        "rcode",
        "refreshing",
        "retry_at_seconds",
        "stored_seconds",
        "ttl_offsets",
        "ttl_seconds",
    )

    def __init__(
        self,
        query: Query,
        message: bytes,
        ttl_offsets: tuple[int, ...],
        ttl_seconds: int,
        now: float,
        *,
        is_denial: bool = False,
        answers: bool = False,
    ) -> None:
        view = Message(message, query.end)
        self.rcode = view.rcode
        self.authenticated = view.flags & c.AD
        self.stored_seconds = now
        self.ttl_seconds = ttl_seconds
        self.is_denial = is_denial
        self.answers = answers
        self.last_good: Item | None = None  # that this one, which answers nothing, stands before
        self.hits = 0
        self.refreshing = False
        self.retry_at_seconds = 0.0
        self._hit_seconds = 0.0
        self.flags = view.flags & _KEPT_FLAGS | self.rcode
        self.counts = view.counts
        self.end = query.end
        self.message = message
        self.ttl_offsets = ttl_offsets
        self._body_ttl_seconds = ttl_seconds
        self._body = message[query.end :]

    @classmethod
    def of(cls, query: Query, answer: CachedAnswer) -> Item:
        """Make one of what the engine has for a query."""
        counts, records = answer.counts, answer.records
        message = reply.repeat(query, flags=answer.flags, counts=counts, records=records)
        return cls(
            query,
            message,
            tuple([at + query.end for at in answer.ttl_offsets]),
            answer.ttl_seconds,
            answer.stored_ns / 1e9,
            is_denial=answer.is_denial,
            answers=examine(query, Message(message, query.end)).answers,
        )

    @property
    def good(self) -> Item | None:
        """The answer to the question: this one, or the last one that was."""
        return self if self.answers else self.last_good

    @property
    def octets(self) -> int:
        """How many octets of the room it takes: its name and its records."""
        own = len(self.message) - c.HEADER_OCTETS
        return own + self.last_good.octets if self.last_good else own

    def left_seconds(self, now: float) -> int:
        """Return the TTL that is left; zero and below it has expired, and for how long."""
        return self.ttl_seconds - int(now - self.stored_seconds)

    def hit(self, gap_seconds: float, now: float) -> int:
        """Count a question, and give how many came without a gap that long between them."""
        self.hits = 1 if now - self._hit_seconds > gap_seconds else self.hits + 1
        self._hit_seconds = now
        return self.hits

    def inherit(self, hits: int, now: float) -> None:
        """Begin with the popularity of the item that this one replaces."""
        self.hits, self._hit_seconds = hits, now

    def response(self, query: Query, ttl_seconds: int) -> bytes:
        """Answer a query: its id, its question and what its flags ask for, our records and their age."""
        if ttl_seconds != self._body_ttl_seconds:
            self._body = with_ttl(self.message, self.ttl_offsets, ttl_seconds)[self.end :]
            self._body_ttl_seconds = ttl_seconds
        flags = self.flags
        if self.authenticated and wants_authenticated(query):
            flags |= c.AD
        return reply.repeat(query, flags=flags, counts=self.counts, records=self._body)


def wants_authenticated(query: Query) -> bool:
    """Return whether the client wants to know about DNSSEC (RFC 6840 §5.7)."""
    return bool(query.flags & c.AD or query.dnssec_ok)
