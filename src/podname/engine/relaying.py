"""Questions that the engine asks upstreams by itself.

`forward` says how (`RelayOptions`) and which upstreams are alive; the engine sends, checks, answers, keeps and counts.
What is not plain is a miss for the plugin chain, which asks again: no reply in time, one that cannot be handed on as
it is, an RCODE that another upstream or another directive may mend, too many questions under way. An engine may have
no relay: then every forwarded question is a miss, and the answers are the same.

Sources: RFC 5452 (which reply is ours); CoreDNS plugin/forward; rust/src/relay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol


@dataclass(frozen=True, slots=True)
class RelayOptions:
    """How one `forward` directive asks. Zero is no limit for `age_seconds_most` and `concurrent_most`."""

    upstreams: tuple[tuple[str, int], ...]  # IP addresses and ports
    order: str  # random, round_robin, sequential
    source: str | None  # the local address
    timeout_seconds: float
    idle_seconds_most: float  # after which a socket is closed
    age_seconds_most: float
    concurrent_most: int
    odd_rcodes: frozenset[int] = frozenset()  # that the chain decides about
    odd_nodata: bool = False
    odd_truncated: bool = False


class UpstreamCounts(NamedTuple):
    """What one upstream was asked: how often in vain, by sockets that were there, by new ones."""

    failures: int
    reused: int
    opened: int
    #: By RCODE: how many replies took how long (per bucket of `DURATION_BOUNDS_SECONDS`), and nanoseconds in all.
    durations: Sequence[tuple[Sequence[int], int]]


class Relay(Protocol):
    """Asks the upstreams of one directive. It is a resource, kept while the directive does not change."""

    def set_alive(self, alive: Sequence[bool]) -> None:
        """Say of each upstream whether it is to be asked; when none is, questions are misses."""

    def under_way(self) -> int:
        """Count the questions under way."""

    def counts(self) -> Sequence[UpstreamCounts]:
        """Return what each upstream was asked."""

    def foreign(self) -> int:
        """Count the replies that answered nobody's question: late ones, and forged ones."""

    async def close(self) -> None:
        """Let go of it; what is under way is still answered."""
