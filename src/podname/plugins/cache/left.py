"""What is kept is left with the engine, too, so that the next question for it never comes here.

The engine has, for a key, exactly what would be answered from the shelves, and repeats it until it expires. What to do
then (ask, or serve what is stale) is decided here; for that, what the engine's relay fetched is taken over.
Left out are answers that only code can shape: of several MX records, which `loadbalance` writes anew.

Sources: the design of podname (the path of a query); CoreDNS plugin/loadbalance.
"""

from __future__ import annotations

from collections.abc import Mapping

from podname.dns import constants as c
from podname.dns.message import Message, Section, uncompressed_octets
from podname.engine.caching import (
    AnswerCache,
    AnswerKey,
    CachedAnswer,
    CacheHits,
    Groups,
    Kept,
    groups_of,
)
from podname.plugins.cache.item import Item


class Left:
    """The answers that the engine has of one `cache`."""

    def __init__(self, cache: AnswerCache, *, keeps_ttl: bool) -> None:
        self.cache = cache
        self._keeps_ttl = keeps_ttl

    def put(self, key: AnswerKey, item: Item) -> None:
        """Leave an answer with the engine, in place of what it had for the key."""
        groups = _groups(item)
        if groups is None:
            self.cache.remove(key)
            return
        end = item.end
        self.cache.put(
            key,
            CachedAnswer(
                flags=item.flags | item.authenticated,
                counts=item.counts,
                records=item.message[end:],
                ttl_offsets=tuple([at - end for at in item.ttl_offsets]),
                ttl_seconds=item.ttl_seconds,
                stored_ns=int(item.stored_seconds * 1e9),
                uncompressed_octets=uncompressed_octets(item.message, end) - end,
                keeps_ttl=self._keeps_ttl,
                is_denial=item.is_denial,
                groups=groups,
            ),
        )

    def get(self, key: AnswerKey) -> CachedAnswer | None:
        """Return what the engine has, expired or not."""
        return self.cache.get(key)

    def remove(self, key: AnswerKey) -> None:
        """Let the engine ask for this one."""
        self.cache.remove(key)

    def clear(self) -> None:
        """Let the engine ask for everything."""
        self.cache.clear()

    def hits(self) -> Mapping[str, CacheHits]:
        """Count what the engine answered, by listener."""
        return self.cache.hits()

    def kept(self) -> Kept:
        """Count what the engine fetched and keeps."""
        return self.cache.kept()


def _groups(item: Item) -> Groups | None:
    """Return the addresses that take turns; None when something else would."""
    message = Message(item.message, item.end)
    if message.count(Section.ANSWER) < 2 or item.rcode != c.NOERROR:
        return ()
    records = message.section(Section.ANSWER)
    if any(rr.rtype == c.MX for rr in records):
        return None
    return groups_of(item.message, records, item.end)
