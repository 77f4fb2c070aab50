"""One upstream: its connections, its health, its figures. It outlives a reload that does not change it.

Source: CoreDNS plugin/pkg/proxy.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from contextlib import suppress

from podname.dns.message import rcode_of
from podname.plugins.forward.address import Address
from podname.plugins.forward.health import Health
from podname.plugins.forward.options import UpstreamOptions
from podname.plugins.forward.tcp import TcpPool
from podname.plugins.forward.udp import UdpPool

#: Upper bounds of `coredns_proxy_request_duration_seconds`: 0.25 ms to 8.192 s, each twice the one before.
BOUNDS_SECONDS = tuple(0.00025 * 2**power for power in range(16))

_CLOSE_SECONDS_MOST = 5.0


class Durations:
    """How long the upstream took, for one RCODE: a count per bucket (the last has no bound) and the sum."""

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS_SECONDS) + 1)
        self.sum_seconds = 0.0

    def add(self, seconds: float) -> None:
        """Count one answer."""
        self.counts[bisect_left(BOUNDS_SECONDS, seconds)] += 1
        self.sum_seconds += seconds


class Upstream:
    """A server that questions are forwarded to."""

    def __init__(self, address: Address, options: UpstreamOptions) -> None:
        self.label = str(address)
        self.udp = UdpPool(address, options.limits, options.read_timeout_seconds)
        self.tcp = TcpPool(address, options.limits, options.read_timeout_seconds)
        self.health = Health(address, options.health, tcp=options.force_tcp)
        self.durations: dict[int, Durations] = {}

    def note(self, octets: bytes, seconds: float) -> None:
        """Count a reply."""
        rcode = rcode_of(octets)
        durations = self.durations.get(rcode)
        if durations is None:
            durations = self.durations[rcode] = Durations()
        durations.add(seconds)

    async def close(self) -> None:
        """Let the questions under way end, then close every socket."""
        await self.health.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_SECONDS_MOST):
                await self.udp.drain()
                await self.tcp.drain()
        self.udp.close()
        self.tcp.close()
