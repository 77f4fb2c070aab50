"""Fetching again what is kept: before it expires because it is popular, or after because nothing better is at hand.

One fetch for an item at a time. What is fetched in the background goes over TCP, so that it is not truncated.

Sources: CoreDNS 1.15.0 plugin/cache handler.go (`tryPrefetch`, `verifyWithTimeout`); RFC 8767.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from dataclasses import replace
from time import perf_counter

from podname.errors import ServeError
from podname.plugins.base import Next, Reply, Request
from podname.plugins.cache.item import Item
from podname.plugins.cache.options import Options
from podname.plugins.cache.store import Tally
from podname.runtime.tasks import Tasks

_log = logging.getLogger(__name__)


#: Asks the next plugin and keeps what it says; None if that is not accepted. Raises ServeError.
Fetch = Callable[[Request, Next], Awaitable[Reply]]


class Refresher:
    """The fetches of one cache."""

    def __init__(
        self, options: Options, clock: Callable[[], float], fetch: Fetch, renew: Fetch
    ) -> None:
        self._options = options
        self._clock = clock
        self._fetch = fetch
        self._renew = renew
        self._tasks = Tasks()

    async def close(self) -> None:
        """Stop fetching."""
        self._tasks.cancel()
        await self._tasks.wait()

    def prefetch(self, request: Request, next_: Next, item: Item, tally: Tally, now: float) -> None:
        """Count a question for an item, and fetch it again if it is popular and will soon expire."""
        options = self._options.prefetch
        hits = item.hit(options.gap_seconds, now)
        threshold = math.ceil(options.percentage / 100 * item.ttl_seconds)
        if hits >= options.amount and item.left_seconds(now) <= threshold and not item.refreshing:
            tally.prefetches += 1
            self._begin(request, next_, item, self._fetch)

    def renew(self, request: Request, next_: Next, item: Item, tally: Tally, now: float) -> None:
        """Fetch an expired item again, in the background."""
        if not self._may_try(item, now):
            return
        tally.prefetches += 1
        self._begin(request, next_, item, self._renew)

    async def verify(self, request: Request, next_: Next, item: Item, now: float) -> bytes | None:
        """Fetch an expired item again and wait for it, as long as the options say."""
        stale = self._options.stale
        if not (stale.recheck_seconds or stale.verify_timeout_seconds):
            return await _quietly(self._renew, request, next_)
        if not self._may_try(item, now):
            return None
        task = self._begin(request, next_, item, self._renew)
        await asyncio.wait({task}, timeout=stale.verify_timeout_seconds or None)
        return task.result() if task.done() and not task.cancelled() else None

    def _may_try(self, item: Item, now: float) -> bool:
        return not item.refreshing and now >= item.retry_at_seconds

    def _begin(
        self, request: Request, next_: Next, item: Item, fetch: Fetch
    ) -> asyncio.Task[bytes | None]:
        item.refreshing = True
        task = self._tasks.start(self._work(_over_tcp(request), next_, item, fetch))
        task.add_done_callback(_tell)
        return task

    async def _work(self, request: Request, next_: Next, item: Item, fetch: Fetch) -> bytes | None:
        fresh = None
        try:
            fresh = await _quietly(fetch, request, next_)
        finally:
            item.refreshing = False
            recheck = self._options.stale.recheck_seconds
            item.retry_at_seconds = self._clock() + recheck if fresh is None and recheck else 0.0
        return fresh


async def _quietly(fetch: Fetch, request: Request, next_: Next) -> bytes | None:
    try:
        return await fetch(request, next_)
    except ServeError:
        return None


def _tell(task: asyncio.Task[bytes | None]) -> None:
    """Log what went wrong."""
    if not task.cancelled() and (error := task.exception()):
        _log.error("Fetching again what is kept failed: %r", error)


def _over_tcp(request: Request) -> Request:
    """Make a request of our own, that the client's does not share."""
    client = request.client._replace(protocol="tcp")
    return replace(request, client=client, started_seconds=perf_counter(), plugin="")
