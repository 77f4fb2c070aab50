"""What the `cache` directive says, as data.

Source: CoreDNS 1.15.0 plugin/cache README and cache.go (the defaults).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from podname.wire import names

GAP_SECONDS, PERCENTAGE = 60.0, 10
_SHARDS = 256  # CoreDNS divides a cache by as many, and what remains is lost


def capacity(said: int) -> int:
    """Give the number of answers that CoreDNS keeps when the Corefile says so many."""
    return max(said // _SHARDS, 4) * _SHARDS


@dataclass(frozen=True, slots=True)
class ShelfOptions:
    """One half of the cache: successes, or denials."""

    capacity: int = capacity(10_000)
    ttl_seconds_most: int = 3600
    ttl_seconds_least: int = 5
    disabled: frozenset[bytes] = frozenset()

    def clamped(self, ttl_seconds: int) -> int:
        """Bring a TTL between the bounds; the upper one wins."""
        return min(max(ttl_seconds, self.ttl_seconds_least), self.ttl_seconds_most)

    def takes(self, folded: bytes) -> bool:
        """Say whether answers for a name may be kept (`disable`)."""
        return not self.disabled or names.longest_match(folded, self.disabled) is None


@dataclass(frozen=True, slots=True)
class Prefetch:
    """When a popular answer is fetched again before it expires; `amount` 0 is never."""

    amount: int = 0
    gap_seconds: float = GAP_SECONDS
    percentage: int = PERCENTAGE


@dataclass(frozen=True, slots=True)
class Stale:
    """Whether answers are served after they expired; `up_to_seconds` 0 is never."""

    up_to_seconds: float = 0.0
    verify: bool = False
    verify_timeout_seconds: float = 0.0
    ttl_seconds: int = 0
    recheck_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Options:
    """One `cache` directive."""

    zones: tuple[str, ...]
    success: ShelfOptions = field(default_factory=ShelfOptions)
    denial: ShelfOptions = field(default_factory=lambda: ShelfOptions(ttl_seconds_most=1800))
    servfail_seconds: float = 5.0
    keepttl: bool = False
    prefetch: Prefetch = field(default_factory=Prefetch)
    stale: Stale = field(default_factory=Stale)

    @property
    def label(self) -> str:
        """Give the label `zones` of the metrics."""
        return ",".join(self.zones)
