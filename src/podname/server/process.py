"""The server as a process: signals, the pid file, what is printed, the exit code.

========  ======================================================================
SIGTERM   not ready at once, lameduck, queries under way finished, exit 0
SIGINT    the same; a second one of either ends now, exit 1
SIGUSR1   reload
SIGQUIT   end now, exit 0
SIGHUP    nothing
========  ======================================================================

Sources: coredns/caddy sigtrap_posix.go; CoreDNS coremain/run.go, core/dnsserver/onstartup.go.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from podname.engine.base import Engine
from podname.server import banner
from podname.server.lifecycle import Server
from podname.server.logs import configure_logs
from podname.server.loops import loop_factory
from podname.server.source import find
from podname.server.watch import Watch, log_failure

_log = logging.getLogger("podname.server")

EXIT_DONE, EXIT_RUNTIME, EXIT_CONFIGURATION = 0, 1, 2

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGQUIT, signal.SIGHUP)
ECHO_SECONDS = 1.0
_END = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says."""

    conf: str | None = None
    port: int = 53
    pidfile: str | None = None
    quiet: bool = False
    log_format: str = "text"


def run(options: Options, engine: Engine) -> int:
    """Serve until a signal says to end; give the exit code. Raises PodnameError or OSError."""
    configure_logs(options.log_format)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        code, now = runner.run(_serve(options, engine))
        if now:  # nothing that still runs, and no thread, may hold up the end
            sys.stdout.flush()
            os._exit(code)
    return code


async def _serve(options: Options, engine: Engine) -> tuple[int, bool]:
    started_seconds = time.perf_counter()
    server = Server(find(options.conf), engine, options.port, _fatal)
    signals = Signals()
    start = asyncio.create_task(server.start())
    early = await signals.during(start)
    if early is not None:
        return EXIT_DONE, True
    await start
    announced: Coroutine[Any, Any, None] | None = None
    if not options.quiet:
        announced = banner.show(server, options.log_format, started_seconds)
    tasks = [asyncio.create_task(c) for c in (Watch(server).run(), announced) if c is not None]
    gc.freeze()  # what is loaded by now stays: the collector need not walk it again
    try:
        with _pidfile(options.pidfile):
            return await attend(server, signals)
    finally:
        for task in tasks:
            task.cancel()


def _fatal() -> None:
    sys.stdout.flush()
    os._exit(EXIT_RUNTIME)


class Signals:
    """The signals that come in, one after the other.

    The same signal again within a second is its echo, not impatience: make, timeout and some inits signal a process
    and then the group that it is in. `clock` gives seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._queue: asyncio.Queue[signal.Signals] = asyncio.Queue()
        self._clock = clock
        self._came_at: dict[signal.Signals, float] = {}
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self.send, number)

    def send(self, number: signal.Signals) -> None:
        """Take a signal."""
        before, now = self._came_at.get(number, -ECHO_SECONDS), self._clock()
        self._came_at[number] = now
        if number not in _END or now - before >= ECHO_SECONDS:
            self._queue.put_nowait(number)

    async def next(self) -> signal.Signals:
        """Return the next signal."""
        return await self._queue.get()

    async def during(self, work: asyncio.Task[Any]) -> signal.Signals | None:
        """Wait for `work`; a signal to end cancels it and is given."""
        while True:
            coming = asyncio.create_task(self.next())
            await asyncio.wait({work, coming}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                coming.cancel()
                return None
            if coming.result() in _END:
                work.cancel()
                return coming.result()


async def attend(server: Server, signals: Signals) -> tuple[int, bool]:
    """Do what signals say until one says to end. Gives the exit code, and whether to end at once."""
    reloads: set[asyncio.Task[None]] = set()
    while (number := await signals.next()) not in _END:
        if number == signal.SIGUSR1:
            _log.info("SIGUSR1: Reloading")
            reloads.add(task := asyncio.create_task(_reload(server)))
            task.add_done_callback(reloads.discard)
    if number == signal.SIGQUIT:
        _log.info("SIGQUIT: Quitting process immediately")
        return EXIT_DONE, True
    _log.info("%s: Shutting down servers then terminating", number.name)
    second = await signals.during(asyncio.create_task(_end(server)))
    if second is None:
        return EXIT_DONE, False
    _log.info("%s: Force quit", second.name)
    return EXIT_RUNTIME, True


async def _end(server: Server) -> None:
    await server.drain()
    await server.stop()


async def _reload(server: Server) -> None:
    try:
        await server.reload()
    except Exception as error:
        log_failure(_log, "SIGUSR1", error)


@contextlib.contextmanager
def _pidfile(path: str | None) -> Any:
    """Keep our process id in a file while we serve; one that cannot be written is no reason to end."""
    try:
        if path:
            Path(path).write_text(f"{os.getpid()}\n")
    except OSError as error:
        _log.error("Could not write pidfile: %s", error)
        path = None
    try:
        yield
    finally:
        if path:
            Path(path).unlink(missing_ok=True)
