"""Say that the process is alive, measure how fast it says so, and hold up its end.

`/health` is always 200 OK. When the server is told to end, `lameduck` keeps it answering, with data
that still follows the cluster, while the clients learn that it goes.

Source: CoreDNS plugin/health.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING

from podname.plugins.base import Plugin
from podname.plugins.durations import go_text
from podname.runtime.histogram import Histogram
from podname.runtime.http.endpoint import Endpoint
from podname.runtime.http.messages import text

if TYPE_CHECKING:
    from prometheus_client.core import Metric

_log = logging.getLogger(__name__)

_POLL_SECONDS = 1.0
_TIMEOUT_SECONDS = 3.0
_SLOW_SECONDS = 1.0
_BOUNDS_SECONDS = (0.00025, 0.0025, 0.025, 0.25, 2.5)


class HealthCounters:
    """How the process's requests to itself went. Outlives a reload."""

    def __init__(self) -> None:
        self.failures = 0
        self.durations = Histogram(_BOUNDS_SECONDS)

    async def close(self) -> None:
        """Hold nothing."""


class Health(Plugin):
    """`health`: one endpoint and one request a second to it."""

    name = "health"

    def __init__(
        self,
        endpoint: Endpoint,
        lameduck_seconds: float,
        counters: HealthCounters,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.endpoint = endpoint
        self.lameduck_seconds = lameduck_seconds
        self._counters = counters
        self._sleep = sleep
        self._shown = text(lambda: (200, "OK"))
        self._poll: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Open the endpoint."""
        self.endpoint.add("/health", self._shown)
        await self.endpoint.open()
        self._poll = asyncio.create_task(self._poll_forever())

    async def drain(self) -> None:
        """Let the server answer for as long as `lameduck` says."""
        if self.lameduck_seconds:
            _log.info("Going into lameduck mode for %s", go_text(self.lameduck_seconds))
            await self._sleep(self.lameduck_seconds)

    async def stop(self) -> None:
        """Leave the endpoint."""
        if self._poll is not None:
            self._poll.cancel()
        self.endpoint.remove("/health", self._shown)

    async def _poll_forever(self) -> None:
        while True:
            await asyncio.sleep(_POLL_SECONDS)
            await self.poll()

    async def poll(self) -> None:
        """Ask our own endpoint once, and count how it went."""
        started_seconds = time.perf_counter()
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                await _get(self.endpoint.host or "127.0.0.1", self.endpoint.port)
        except (OSError, EOFError) as error:  # a timeout is an OSError
            self._counters.failures += 1
            _log.warning("Local health request to port %d failed: %r", self.endpoint.port, error)
        seconds = time.perf_counter() - started_seconds
        self._counters.durations.add(seconds)
        if seconds > _SLOW_SECONDS:
            _log.warning("Local health request took more than 1s: %s", go_text(seconds))

    def collect(self) -> Iterable[Metric]:
        """Tell how the requests to ourselves went."""
        from prometheus_client.core import (  # noqa: PLC0415 - start time counts
            CounterMetricFamily,
            HistogramMetricFamily,
        )

        duration = HistogramMetricFamily(
            "coredns_health_request_duration_seconds",
            "Histogram of the time (in seconds) each request took.",
        )
        durations = self._counters.durations
        duration.add_metric([], durations.cumulative(), durations.sum)
        failures = CounterMetricFamily(
            "coredns_health_request_failures", "The number of times the health check failed."
        )
        failures.add_metric([], self._counters.failures)
        return [duration, failures]


async def _get(host: str, port: int) -> None:
    """Make a request and read the whole answer. Raises OSError or EOFError."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        await reader.readuntil(b"\r\n\r\nOK")
    finally:
        writer.close()
