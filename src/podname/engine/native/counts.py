"""What the native engine counted, folded into the reference's tallies when somebody wants to know.

Threads add to plain integers; a fold reads their sums and gives the tally what has come since the last one.

Sources: rust/src/counters.rs, which has the order of the integers.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TypeVar

from podname import _core
from podname.engine.counters import SIZE_BOUNDS_OCTETS, Tally, Totals
from podname.runtime.histogram import Histogram

_TYPES = (1, 28, 12, 33, 2, 5, 6, 15, 16, 43, 46, 47, 48, 50, 64, 65, 251, 252, 255)
_OTHER_TYPE = 0  # a type that has no label of its own
_DURATIONS = 17
_RCODES = 16
_Key = TypeVar("_Key")


class Fold:
    """The counts of one server block over one protocol and family, on their way into its tally."""

    __slots__ = ("_plugins", "_seen", "core", "tally")

    def __init__(self, tally: Tally, plugins: tuple[str, ...], threads: int) -> None:
        self.core = _core.Counts(threads, len(plugins))
        self.tally = tally
        self._plugins = plugins
        self._seen = self.core.read()

    def fold(self) -> None:
        """Return the tally what is new."""
        now = self.core.read()
        new = iter([after - before for after, before in zip(now, self._seen, strict=True)])
        self._seen = now
        totals = Totals()
        for qtype in (*_TYPES, _OTHER_TYPE):
            _add(totals.requests, qtype, next(new))
        totals.dnssec_ok = next(new)
        seconds = next(new) / 1e9
        slow = list(islice(new, _DURATIONS))
        octets = list(islice(new, 2))
        totals.request_octets = _sizes(new, octets[0])
        totals.response_octets = _sizes(new, octets[1])
        for plugin in self._plugins:
            for rcode in range(_RCODES):
                _add(totals.responses, (rcode, plugin), next(new))
        self.tally.absorb(totals, seconds, slow)


def _add(counts: dict[_Key, int], key: _Key, count: int) -> None:
    if count:
        counts[key] = count


def _sizes(new: Iterator[int], octets: int) -> Histogram:
    buckets = list(islice(new, len(SIZE_BOUNDS_OCTETS) + 1))
    return Histogram(SIZE_BOUNDS_OCTETS, buckets, octets)
