"""End a question that takes too long with SERVFAIL.

Source: CoreDNS 1.15.0 plugin/cancel.
"""

from __future__ import annotations

import asyncio

from podname.dns import constants as c
from podname.errors import ServeError
from podname.plugins.base import Next, Plugin, Reply, Request


class Cancel(Plugin):
    """`cancel`: the plugins behind it have so long for each question."""

    name = "cancel"

    def __init__(self, timeout_seconds: float) -> None:
        self.timeout_seconds = timeout_seconds

    async def serve(self, request: Request, next_: Next) -> Reply:
        """Hand the query on, and wait no longer than that."""
        try:
            async with asyncio.timeout(self.timeout_seconds):
                return await next_(request)
        except TimeoutError:
            raise ServeError(c.SERVFAIL, "context deadline exceeded") from None
