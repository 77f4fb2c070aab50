"""What one `forward` directive says, as data.

Source: CoreDNS 1.15.0 plugin/forward README and setup.go (the defaults).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from podname.plugins.forward.address import Address
from podname.plugins.forward.pool import Keeping
from podname.wire import names


@dataclass(frozen=True, slots=True)
class HealthOptions:
    """How an upstream that failed is asked whether it is back."""

    interval_seconds: float = 0.5
    recursion: bool = True
    domain: bytes = names.ROOT


@dataclass(frozen=True, slots=True)
class UpstreamOptions:
    """What all upstreams of a directive have in common."""

    keeping: Keeping = field(default_factory=Keeping)
    read_timeout_seconds: float = 2.0
    force_tcp: bool = False
    health: HealthOptions = field(default_factory=HealthOptions)


@dataclass(frozen=True, slots=True)
class Options:
    """One `forward` directive."""

    zone: bytes  # FROM, folded
    addresses: tuple[Address, ...]
    excepted: frozenset[bytes] = frozenset()
    prefer_udp: bool = False
    max_fails: int = 2
    max_connect_attempts: int | None = None  # None: twice the number of upstreams; 0: no limit
    max_concurrent: int = 0
    failfast: bool = False
    policy: str = "random"
    next_rcodes: frozenset[int] = frozenset()
    next_on_nodata: bool = False
    failover_rcodes: frozenset[int] = frozenset()
    upstream: UpstreamOptions = field(default_factory=UpstreamOptions)

    @property
    def attempts_most(self) -> int:
        """Give how often upstreams may fail one question; 0 is no limit."""
        most = self.max_connect_attempts
        return 2 * len(self.addresses) if most is None else most

    def covers(self, folded: bytes) -> bool:
        """Say whether a name is to be forwarded."""
        zone = self.zone
        if zone != names.ROOT and not names.is_subdomain(folded, zone):
            return False
        if not self.excepted or folded == zone:
            return True
        return names.longest_match(folded, self.excepted) is None
