"""Answers that the plugin chain left with the native engine, as Python uses them.

Source: rust/src/cache.rs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from podname import _core
from podname.engine.caching import AnswerKey, CachedAnswer, CacheHits, Keeping, Kept


class NativeCache:
    """Answers in memory that the threads of the packet loop read."""

    def __init__(self, plugin: str, keeping: Keeping | None = None) -> None:
        self.plugin = plugin
        self.core = _core.AnswerCache(keeping)
        self._followed: list[tuple[str, _core.Hits]] = []
        self._gone: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0])

    def put(self, key: AnswerKey, answer: CachedAnswer) -> None:
        """Leave an answer in place of the one with its key. Of one that is too large nothing is left."""
        self.core.put(key[0], key[1:], *answer)

    def remove(self, key: AnswerKey) -> None:
        """Take an answer out, if it is there."""
        self.core.remove(key[0], key[1:])

    def get(self, key: AnswerKey) -> CachedAnswer | None:
        """Return an answer, expired or not, as it was left or fetched."""
        found = self.core.get(key[0], key[1:])
        if found is None:
            return None
        turning = tuple((octets, tuple(offsets)) for octets, offsets in found[9])
        return CachedAnswer(*found[:3], tuple(found[3]), *found[4:7], found[7], found[8], turning)

    def clear(self) -> None:
        """Take all out."""
        self.core.clear()

    def hits(self) -> Mapping[str, CacheHits]:
        """Count the questions answered, by listener."""
        sums = {server: list(counts) for server, counts in self._gone.items()}
        for server, hits in self._followed:
            _add(sums.setdefault(server, [0, 0, 0]), hits)
        return {server: CacheHits(*counts) for server, counts in sums.items()}

    def kept(self) -> Kept:
        """Count what relays fetched and is kept."""
        sizes, evictions = self.core.kept()
        return Kept(*sizes, *evictions)

    def __len__(self) -> int:
        return len(self.core)

    def follow(self, server: str, hits: _core.Hits) -> None:
        """Count what a listener's threads count here."""
        self._followed.append((server, hits))

    def let_go(self, server: str, hits: _core.Hits) -> None:
        """Keep the counts of threads that have ended."""
        _add(self._gone[server], hits)
        self._followed = [pair for pair in self._followed if pair[1] is not hits]


def _add(counts: list[int], hits: _core.Hits) -> None:
    for number, count in enumerate(hits.read()):
        counts[number] += count
