"""The native engine's relay, as Python uses it.

Source: rust/src/relay.
"""

from __future__ import annotations

from collections.abc import Sequence

from podname import _core
from podname.engine.relaying import RelayOptions, UpstreamCounts


class NativeRelay:
    """A thread that asks the upstreams of one directive; it ends when nobody has it any more."""

    def __init__(self, options: RelayOptions) -> None:
        self.core = _core.Relay(
            options.upstreams,
            options.order,
            options.source,
            _nanoseconds(options.timeout_seconds),
            _nanoseconds(options.idle_seconds_most),
            _nanoseconds(options.age_seconds_most),
            options.concurrent_most,
            sorted(options.odd_rcodes),
            options.odd_nodata,
            options.odd_truncated,
        )

    def set_alive(self, alive: Sequence[bool]) -> None:
        """Say of each upstream whether it is to be asked."""
        self.core.set_alive(alive)

    def under_way(self) -> int:
        """Count the questions under way."""
        return self.core.under_way()

    def counts(self) -> Sequence[UpstreamCounts]:
        """Return what each upstream was asked."""
        return [UpstreamCounts(*counts) for counts in self.core.counts()]

    def foreign(self) -> int:
        """Count the replies that answered nobody's question."""
        return self.core.foreign()

    async def close(self) -> None:
        """Let go of nothing: listeners may still serve a plan that asks."""


def _nanoseconds(seconds: float) -> int:
    return int(seconds * 1e9)
