"""One upstream: its connections, its health, its figures. It outlives a reload that does not change it.

Source: CoreDNS plugin/pkg/proxy.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from podname.dns.message import rcode_of
from podname.plugins.forward.address import Address
from podname.plugins.forward.health import Health
from podname.plugins.forward.options import TOTAL_SECONDS_MOST, UpstreamOptions
from podname.plugins.forward.pools import AnyPool, stream_pool, udp_pool
from podname.runtime.histogram import DURATION_BOUNDS_SECONDS, Histogram


class Upstream:
    """A server that questions are forwarded to."""

    def __init__(self, address: Address, options: UpstreamOptions) -> None:
        self.label = str(address)
        limits, timeout_seconds = options.limits, options.read_timeout_seconds
        self.udp = udp_pool(address, limits, timeout_seconds)
        self.stream = stream_pool(address, options, limits, timeout_seconds)
        self.health = Health(address, options)
        self.durations: dict[int, Histogram] = {}

    @property
    def pools(self) -> tuple[AnyPool, ...]:
        """All its connections."""
        return (self.stream,) if self.udp is None else (self.udp, self.stream)

    def note(self, octets: bytes, seconds: float) -> None:
        """Count a reply."""
        rcode = rcode_of(octets)
        durations = self.durations.get(rcode)
        if durations is None:
            durations = self.durations[rcode] = Histogram(DURATION_BOUNDS_SECONDS)
        durations.add(seconds)

    async def close(self) -> None:
        """Let the questions under way end, then close every socket."""
        await self.health.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(TOTAL_SECONDS_MOST):
                for pool in self.pools:
                    await pool.drain()
        for pool in self.pools:
            pool.close()
