"""A histogram: how many observations there were up to each bound, and their sum.

Source: the Prometheus text format 0.0.4.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate

#: CoreDNS's bounds of durations: 0.25 ms to 8.192 s, each twice the one before.
DURATION_BOUNDS_SECONDS = tuple(0.00025 * 2**power for power in range(16))


@dataclass(slots=True)
class Histogram:
    """Observations per bucket: the last one, without a bound, is above all bounds."""

    bounds: Sequence[float]
    buckets: list[int] = field(default_factory=list)
    sum: float = 0

    def __post_init__(self) -> None:
        self.buckets = self.buckets or [0] * (len(self.bounds) + 1)

    def add(self, value: float, count: int = 1) -> None:
        """Observe `value`, `count` times."""
        self.buckets[bisect_left(self.bounds, value)] += count
        self.sum += value * count

    def merge(self, other: Histogram) -> None:
        """Add another's observations."""
        self.buckets = [a + b for a, b in zip(self.buckets, other.buckets, strict=True)]
        self.sum += other.sum

    def cumulative(self) -> list[tuple[str, float]]:
        """Return bound and count as Prometheus wants them: each with all below it; the last is the count."""
        labels = (*(f"{bound:g}" for bound in self.bounds), "+Inf")
        return list(zip(labels, map(float, accumulate(self.buckets)), strict=True))
