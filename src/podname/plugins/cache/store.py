"""Where answers are kept: two shelves, each bounded. It outlives a reload that does not change the directive.

The answer that was put there longest ago makes room. (CoreDNS throws out any one of the same 256th.)

Source: CoreDNS 1.15.0 plugin/cache, plugin/pkg/cache.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from podname.plugins.cache.item import Item
from podname.plugins.cache.options import Options
from podname.wire import constants as c
from podname.wire.query import Query

#: Folded name, type, class, DO, CD.
Key = tuple[bytes, int, int, bool, int]

SUCCESS, DENIAL = "success", "denial"


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


class Shelf:
    """Kept answers of one type."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._items: OrderedDict[Key, Item] = OrderedDict()
        self.get = self._items.get

    def __len__(self) -> int:
        return len(self._items)

    def put(self, key: Key, item: Item) -> bool:
        """Keep an answer; say whether another had to go for it."""
        items = self._items
        items[key] = item
        items.move_to_end(key)
        if len(items) <= self._capacity:
            return False
        items.popitem(last=False)
        return True

    def remove(self, key: Key) -> None:
        """Throw an answer out, if it is there."""
        self._items.pop(key, None)

    def clear(self) -> None:
        """Throw everything out."""
        self._items.clear()


class Store:
    """The two shelves of a `cache` directive, and its counts."""

    def __init__(self, options: Options) -> None:
        self.success = Shelf(options.success.capacity)
        self.denial = Shelf(options.denial.capacity)
        self.tallies: dict[str, Tally] = {}

    def tally(self, server: str) -> Tally:
        """Give the counts of a listener."""
        tally = self.tallies.get(server)
        if tally is None:
            tally = self.tallies[server] = Tally()
        return tally

    async def close(self) -> None:
        """Throw everything out."""
        self.success.clear()
        self.denial.clear()


def key_of(query: Query) -> Key:
    """Give the key of a query's answer."""
    edns = query.edns
    dnssec_ok = edns is not None and edns.dnssec_ok
    return query.folded, query.qtype, query.qclass, dnssec_ok, query.flags & c.CD
