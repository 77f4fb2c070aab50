"""Questions that only the plugin chain can answer, while they are on their way through it.

So many at once are bounded: beyond the bound a question is answered SERVFAIL and counted as dropped. A chain that
raises (which it must not) or answers octets that are no message costs its own question SERVFAIL and nothing else, and
each kind of failure is logged once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import cast

from podname.dns import constants as c
from podname.dns import reply
from podname.dns.query import Malformed, Query
from podname.engine.base import Client, EngineStats, Plan
from podname.engine.reference.responder import Responder

MISSES_MAX = 4096  # per listener, each some kilobytes of coroutine

_log = logging.getLogger(__name__)


class Misses:
    """The misses of one listener that are under way."""

    def __init__(self, stats: EngineStats) -> None:
        self._stats = stats
        self._tasks: set[asyncio.Task[None]] = set()
        self._reported: set[tuple[type[BaseException], int]] = set()

    def start(
        self,
        plan: Plan,
        query: Query | Malformed,
        responder: Responder,
        client: Client,
        send: Callable[[bytes | None], None],
    ) -> None:
        """Ask the plan's chain; `send` is called once, with the finished response or None for silence."""
        if not isinstance(query, Query):  # the engine asks for well-formed queries only
            send(None)
            return
        self._stats.misses += 1
        if len(self._tasks) >= MISSES_MAX:
            send(responder.refuse(query, c.SERVFAIL))
            return
        task = asyncio.get_running_loop().create_task(
            self._ask(plan, query, responder, client, send)
        )
        self._tasks.add(task)

    async def finish(self, grace_seconds: float) -> None:
        """Wait for those under way, at most so long; give up the others."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace_seconds)
        for task in self._tasks:
            task.cancel()

    async def _ask(
        self,
        plan: Plan,
        query: Query,
        responder: Responder,
        client: Client,
        send: Callable[[bytes | None], None],
    ) -> None:
        limit_octets = responder.size_limit(query)
        try:
            whole = await plan.miss(query, client)
            response = None if whole is None else _finished(query, whole, limit_octets)
        except Exception as error:  # whatever it is, it is one question's
            self.report(error)
            response = reply.finish(query, reply.deny(query, c.SERVFAIL), limit_octets)
        finally:
            self._tasks.discard(cast("asyncio.Task[None]", asyncio.current_task()))
        send(response)

    def report(self, error: Exception) -> None:
        """Log an error of a question, the first time that it happens there."""
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        place = (type(error), trace.tb_lineno if trace else 0)
        if place not in self._reported:
            self._reported.add(place)
            _log.error("a question could not be answered, and gets SERVFAIL", exc_info=error)


def _finished(query: Query, whole: bytes, limit_octets: int) -> bytes:
    if len(whole) < c.HEADER_OCTETS:
        raise ValueError(f"a response of {len(whole)} octets")
    return reply.finish(query, whole, limit_octets)
