"""How a command that runs for long is run: the event loop, signals, the exit code.

::

    start ──► work ──► a signal ──► end, while work goes on ──► work is cancelled ──► close ──► exit 0

========  ======================================================================
SIGTERM   end in peace, exit 0
SIGINT    the same; a second one of either ends now, exit 1
SIGUSR1   reload, where there is something to reload
SIGQUIT   end now, exit 0
SIGHUP    nothing
========  ======================================================================

A signal to end that comes while it starts ends it now. The event loop is uvloop's, where there is one: TLS and
datagrams cost it less than Python's own.

Sources: coredns/caddy sigtrap_posix.go; uvloop, "Performance".
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

from podname.runtime.logs import configure_logs
from podname.runtime.tasks import Tasks

_log = logging.getLogger(__name__)

EXIT_DONE, EXIT_RUNTIME, EXIT_CONFIGURATION = 0, 1, 2
ECHO_SECONDS = 1.0

_END = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
_SIGNALS = (*_END, signal.SIGUSR1, signal.SIGHUP)
_LET_GO_SECONDS = 0.1


class Process:
    """What is run. `parting` is what a signal to end means, for the log."""

    parting = "ending"

    async def start(self) -> None:
        """Begin. Raises PodnameError or OSError; `close` follows then, too."""

    async def work(self) -> None:
        """Do what there is to do until cancelled. What it raises ends the process."""

    async def reload(self) -> None:
        """Read the configuration anew; whatever is wrong with it is told."""

    async def end(self) -> None:
        """Part from those who still come."""

    async def close(self) -> None:
        """Let everything go."""


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

    async def during(
        self, work: asyncio.Task[Any], reload: Callable[[], object] | None = None
    ) -> signal.Signals | None:
        """Wait for `work`; return None when it is over, or a signal to end that came before."""
        while True:
            coming = asyncio.create_task(self._queue.get())
            await asyncio.wait({work, coming}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                coming.cancel()
                return None
            number = coming.result()
            if number in _END:
                return number
            if number == signal.SIGUSR1 and reload is not None:
                reload()


def run(make: Callable[[], Process], log_format: str) -> int:
    """Make a process on the event loop and run it until it ends; return the exit code. Raises what it raises."""
    configure_logs(log_format)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        code, is_now = runner.run(_run(make))
        if is_now:  # nothing that still runs, and no thread, may hold up the end
            leave(code)
    return code


def leave(code: int = EXIT_RUNTIME) -> None:
    """End the process at once."""
    sys.stdout.flush()
    os._exit(code)


async def _run(make: Callable[[], Process]) -> tuple[int, bool]:
    """Start and attend to a process; return the exit code, and whether to end at once."""
    process, signals = make(), Signals()
    starting = asyncio.create_task(_start(process))
    if await signals.during(starting) is not None:
        return EXIT_DONE, True
    await starting
    gc.freeze()  # what is loaded by now stays: the collector need not walk it again
    return await attend(process, signals)


async def _start(process: Process) -> None:
    try:
        await process.start()
    except BaseException:
        await process.close()
        raise


async def attend(process: Process, signals: Signals) -> tuple[int, bool]:
    """Let a process work and do what signals say; return the exit code, and whether to end at once."""
    work = asyncio.create_task(process.work())
    try:
        return await _until_end(process, work, signals)
    finally:
        work.cancel()
        await asyncio.wait({work}, timeout=_LET_GO_SECONDS)


async def _until_end(
    process: Process, work: asyncio.Task[None], signals: Signals
) -> tuple[int, bool]:
    """Do what signals say until one says to end, or `work` is over."""
    reloads = Tasks()
    number = await signals.during(work, lambda: reloads.start(process.reload()))
    if number == signal.SIGQUIT:
        _log.info("SIGQUIT: Quitting process immediately")
        return EXIT_DONE, True
    if number is not None:
        _log.info("%s: %s", number.name, process.parting)
    ending = asyncio.create_task(_end(process, work))
    second = await signals.during(ending)
    if second is not None:
        _log.info("%s: Force quit", second.name)
        return EXIT_RUNTIME, True
    await ending
    return EXIT_RUNTIME if number is None else EXIT_DONE, False


async def _end(process: Process, work: asyncio.Task[None]) -> None:
    """End in peace, or because of what `work` raised."""
    if not work.done():
        await process.end()
    work.cancel()
    await asyncio.wait({work})
    await process.close()
    if not work.cancelled():
        await work


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # noqa: PLC0415 - not on every platform
    except ImportError:
        return None
    return uvloop.new_event_loop
