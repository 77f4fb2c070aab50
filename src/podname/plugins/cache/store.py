"""Where answers are kept: two shelves, each bounded. It outlives a reload that does not change the directive.

`podname.engine.caching` says which answers make room. (CoreDNS throws out any one of the same 256th.)

Source: CoreDNS 1.15.0 plugin/cache, plugin/pkg/cache.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field, replace

from podname.dns import constants as c
from podname.dns.query import Query
from podname.engine.caching import AnswerKey
from podname.plugins.cache.item import Item
from podname.plugins.cache.left import Left
from podname.plugins.cache.options import DENIAL, SUCCESS, LimitOptions, Options

Key = AnswerKey


@dataclass(slots=True)
class Tally:
    """The counts of one listener (`server`); those by type are keyed `success` and `denial`."""

    requests: int = 0
    misses: int = 0
    prefetches: int = 0
    drops: int = 0
    served_stale: int = 0
    hits: dict[str, int] = field(default_factory=lambda: {SUCCESS: 0, DENIAL: 0})
    evictions: dict[str, int] = field(default_factory=lambda: {SUCCESS: 0, DENIAL: 0})


class Lru:
    """Kept answers of one type."""

    def __init__(self, limits: LimitOptions) -> None:
        self._limits = limits
        self._octets = 0
        self._items: OrderedDict[Key, Item] = OrderedDict()
        self.get = self._items.get

    def __len__(self) -> int:
        return len(self._items)

    def put(self, key: Key, item: Item) -> list[Key]:
        """Keep an answer; return the keys of others that had to go for it."""
        self.remove(key)
        self._items[key] = item
        self._octets += item.octets
        gone = []
        while len(self._items) > self._limits.capacity or self._octets > self._limits.octets_most:
            oldest = next(iter(self._items))
            self.remove(oldest)
            gone.append(oldest)
        return gone

    def remove(self, key: Key) -> None:
        """Throw an answer out, if it is there."""
        item = self._items.pop(key, None)
        if item is not None:
            self._octets -= item.octets

    def clear(self) -> None:
        """Throw everything out."""
        self._items.clear()
        self._octets = 0


class Store:
    """The two shelves of a `cache` directive, what the engine has of them, and the counts."""

    def __init__(self, options: Options, left: Left) -> None:
        self.left = left
        self.success = Lru(options.success)
        self.denial = Lru(options.denial)
        self.tallies: dict[str, Tally] = {}

    def tally(self, server: str) -> Tally:
        """Return the counts of a listener."""
        tally = self.tallies.get(server)
        if tally is None:
            tally = self.tallies[server] = Tally()
        return tally

    async def close(self) -> None:
        """Throw everything out."""
        self.success.clear()
        self.denial.clear()
        self.left.clear()

    def tallies_with_hits_of_the_engine(self) -> dict[str, Tally]:
        """Return the counts of every listener, with the questions that never came here."""
        tallies = {server: replace(tally) for server, tally in self.tallies.items()}
        for server, (successes, denials, misses) in self.left.hits().items():
            tally = tallies.setdefault(server, Tally())
            tally.requests += successes + denials + misses
            tally.misses += misses
            tally.hits = _added(tally.hits, successes, denials)
        kept = self.left.kept()
        for tally in tallies.values():  # whose question it was is not known: the first listener's
            tally.evictions = _added(tally.evictions, kept.evicted_successes, kept.evicted_denials)
            break
        return tallies

    def sizes(self) -> dict[str, int]:
        """Return how many answers are kept, here or by the engine."""
        kept = self.left.kept()
        return {
            SUCCESS: len(self.success) + kept.successes,
            DENIAL: len(self.denial) + kept.denials,
        }


def _added(counts: dict[str, int], successes: int, denials: int) -> dict[str, int]:
    return {SUCCESS: counts[SUCCESS] + successes, DENIAL: counts[DENIAL] + denials}


def key_of(query: Query) -> Key:
    """Return the key of a query's answer."""
    edns = query.edns
    dnssec_ok = edns is not None and edns.dnssec_ok
    return query.folded, query.qtype, query.qclass, dnssec_ok, bool(query.flags & c.CD)
