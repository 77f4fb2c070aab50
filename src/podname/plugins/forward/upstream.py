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
from podname.plugins.forward.tcp import TcpPool
from podname.plugins.forward.udp import UdpPool
from podname.runtime.histogram import DURATION_BOUNDS_SECONDS, Histogram


class Upstream:
    """A server that questions are forwarded to."""

    def __init__(self, address: Address, options: UpstreamOptions) -> None:
        self.label = str(address)
        self.is_encrypted = address.scheme == "tls"  # and so never asked over UDP
        tls = options.tls.context() if self.is_encrypted else None
        self.udp = UdpPool(address, options.limits, options.read_timeout_seconds)
        self.tcp = TcpPool(address, options.limits, options.read_timeout_seconds, tls)
        tcp = options.force_tcp or self.is_encrypted
        self.health = Health(address, options.health, tcp=tcp, tls=tls)
        self.durations: dict[int, Histogram] = {}

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
                await self.udp.drain()
                await self.tcp.drain()
        self.udp.close()
        self.tcp.close()
