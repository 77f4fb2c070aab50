"""Ask oneself a question that nobody else asks, and count how often it comes.

Once is right. More than twice means that somebody whom we forward to forwards to us: that takes all CPU and memory
there is, so the process has to end.

Source: CoreDNS 1.15.0 plugin/loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from time import monotonic

from podname.dns import constants as c
from podname.dns import names
from podname.engine.base import Code
from podname.errors import ServeError
from podname.plugins.base import Bound, Draft, Next, Plugin, Reply, Request
from podname.plugins.loop import probe

_log = logging.getLogger(__name__)

TRYING_SECONDS_MOST = 30.0
BETWEEN_TRIES_SECONDS = 1.0
REPLY_SECONDS_MOST = 2.0
_SEEN_MOST = 2


class Loop(Plugin):
    """The `loop` directive of a server block. `fatal` ends the process."""

    name = "loop"
    is_planned = True  # what comes from behind passes as it is

    def __init__(self, zone: bytes, fatal: Callable[[], None]) -> None:
        self.zone = zone
        self.question = probe.random_name(zone)
        self.seen = 0
        self.looking = True
        self._fatal = fatal
        self._host, self._port = "", 0
        self._task: asyncio.Task[None] | None = None

    def bound(self, listeners: Sequence[Bound]) -> None:
        """Learn where to ask: the first listener of the block."""
        for listener in [each for each in listeners if each.scheme == "dns"][:1]:
            self._host, self._port = listener.host, listener.port

    async def start(self) -> None:
        """Begin to ask; nobody waits for the outcome."""
        self._task = asyncio.create_task(self._look())

    async def stop(self) -> None:
        """Stop asking."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def plan(self, draft: Draft) -> None:
        """Ask the engine for the one question that is ours."""
        draft.layers.append(Code((self.question,)))

    async def serve(self, request: Request, next_: Next) -> Reply:
        """Count our question on its way."""
        query = request.query
        if not self.looking or query.qtype != c.HINFO or query.folded != self.question:
            return await next_(request)
        self.seen += 1
        if self.seen > _SEEN_MOST:
            raise self._found(f"{request.client.address}:{request.client.port}")
        return await next_(request)

    async def _look(self) -> None:
        """Ask until there is a reply, or it took too long."""
        deadline = monotonic() + TRYING_SECONDS_MOST
        while monotonic() < deadline:
            try:
                await probe.ask(self._host, self._port, self.question, REPLY_SECONDS_MOST)
            except OSError:
                self.seen = 0
            else:
                if self.seen:  # else the server is still starting and says SERVFAIL
                    break
            await asyncio.sleep(BETWEEN_TRIES_SECONDS)
        self.looking = False

    def _found(self, client: str) -> ServeError:
        zone, question = names.to_text(self.zone), names.to_text(self.question)
        message = (
            f'Loop ({client} -> {self._host}:{self._port}) detected for zone "{zone}": the question "HINFO {question}" '
            "came back. An upstream of forward leads here again; see Troubleshooting in the README of the plugin loop"
        )
        _log.critical(message)
        self._fatal()
        return ServeError(c.SERVFAIL, message)
