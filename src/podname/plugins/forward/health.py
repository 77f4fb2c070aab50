"""Whether an upstream is alive: asked only after it failed, until it answers.

Any reply will do, whatever it says: `. NS` is answered by REFUSED in many places. Each question has a socket of its
own, so that what is wrong with a kept one does not count.

Sources: CoreDNS plugin/pkg/proxy health.go, plugin/pkg/up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from podname.dns import constants as c
from podname.dns import query
from podname.plugins.forward.address import Address
from podname.plugins.forward.options import HealthOptions, UpstreamOptions
from podname.plugins.forward.pool import PoolLimits
from podname.plugins.forward.pools import AnyPool, stream_pool, udp_pool

_TIMEOUT_SECONDS = 1.0


class Health:
    """The failed checks of one upstream in a row, and the task that goes on checking."""

    def __init__(self, address: Address, options: UpstreamOptions) -> None:
        self.fails = 0
        self.failures_total = 0
        self._options = options
        self._query = ping(options.health)
        self._address = address
        self._task: asyncio.Task[None] | None = None
        #: Called whenever `fails` has changed.
        self.watchers: set[Callable[[], None]] = set()

    def check(self) -> None:
        """Begin to check, unless a check is under way."""
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._until_alive())

    async def close(self) -> None:
        """Stop checking."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _until_alive(self) -> None:
        while not await self._is_alive():
            self.failures_total += 1
            self._tell(self.fails + 1)
            await asyncio.sleep(self._options.health.interval_seconds)
        self._tell(0)

    def _tell(self, fails: int) -> None:
        self.fails = fails
        for watcher in self.watchers:
            watcher()

    async def _is_alive(self) -> bool:
        pool = self._pool()
        try:
            await pool.exchange(self._query)
        except OSError:
            return False
        finally:
            pool.close()
        return True

    def _pool(self) -> AnyPool:
        address, options, limits = self._address, self._options, PoolLimits()
        udp = None if options.force_tcp else udp_pool(address, limits, _TIMEOUT_SECONDS)
        if udp is not None:
            return udp
        return stream_pool(address, options, limits, _TIMEOUT_SECONDS)


def ping(options: HealthOptions) -> bytes:
    """Make the query of a health check: the NS records of its domain."""
    return query.make(options.domain, c.NS, flags=c.RD if options.recursion else 0)
