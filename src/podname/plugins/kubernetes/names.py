"""The names of one cluster: a table, and the compiler that keeps it true. It outlives a reload.

All work runs beside the answers of everybody else: a few milliseconds of it, then the event loop has its turn. An event
takes less than that, and is followed before anything else happens.

Source: the design of podname (the path of a change).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterable, Iterator

from podname.engine.base import Engine, TableOptions
from podname.kube import collector
from podname.names.compiler import Compiler
from podname.names.options import ZoneOptions
from podname.plugins.kubernetes.programming import Programming
from podname.plugins.kubernetes.source import Watched

log = logging.getLogger(__name__)

_TURN_SECONDS = 0.002
_TURNS_OF_LONG_WORK = 10


class ClusterNames:
    """A table that follows a cluster from the moment it is made until `close`.

    `clock` gives the seconds since 1970 that become the SOA serial.
    """

    def __init__(
        self,
        engine: Engine,
        table_options: TableOptions,
        options: ZoneOptions,
        watched: Watched,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.options = options
        self.watched = watched
        self.table = engine.table(table_options)
        self.synced = asyncio.Event()
        self._clock = clock
        self._serial = 0
        self._building: asyncio.Task[None] | None = None
        self._working: Iterator[None] | None = None
        self._timer: asyncio.Handle | None = None
        self._is_idle = asyncio.Event()
        self._is_idle.set()
        self._turns = 0
        self._meanwhile = contextlib.ExitStack()  # what holds while work is done in turns
        self._has_pods = asyncio.Event()
        self.compiler = Compiler(
            options,
            watched.sources,
            self.table,
            on_services=self._build,
            on_synced=self._has_pods.set,
            on_work=self._work,
            on_change=self._stamp,
        )
        self._stamp()
        self.compiler.follow()
        sources = watched.sources
        self.programming = Programming(sources.services, sources.slices, clock)

    async def close(self) -> None:
        """Follow the cluster no longer."""
        self.programming.close()
        self.compiler.forget()
        self.watched.release()
        if self._timer is not None:
            self._timer.cancel()
        self._is_idle.set()
        self._meanwhile.close()
        if self._building is not None:
            self._building.cancel()
            await asyncio.wait([self._building])

    async def idle(self) -> None:
        """Wait until the table and what is known of the cluster agree: nearly always they do."""
        await self._is_idle.wait()

    def _stamp(self) -> None:
        serial = int(self._clock())
        if serial != self._serial:
            self._serial = serial
            self.table.set_serial(serial)

    def _build(self) -> None:
        self._building = asyncio.get_running_loop().create_task(self._build_in_turns())

    async def _build_in_turns(self) -> None:
        seconds = await _in_turns(self.compiler.build_services())
        await self._has_pods.wait()
        seconds += await _in_turns(self.compiler.build_pods())
        self.synced.set()
        self._work()  # for what waits until later
        log.info("%d answers made from the cluster in %.3f seconds", len(self.table), seconds)

    def _work(self) -> None:
        """Follow what waits: an event at once, and of more than that a turn now, the rest in turns."""
        if self._working is not None:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._working = self.compiler.work()
        self._turn()

    def _turn(self) -> None:
        assert self._working is not None  # noqa: S101
        loop = asyncio.get_running_loop()
        began = time.perf_counter()
        try:
            for _ in self._working:
                if time.perf_counter() - began > _TURN_SECONDS:
                    self._is_idle.clear()
                    self._turns += 1
                    if self._turns == _TURNS_OF_LONG_WORK:
                        self._meanwhile.enter_context(collector.paused())
                    self._timer = loop.call_soon(self._turn)
                    return
        except Exception:
            log.exception("changes of the cluster could not be followed")
        self._working, self._turns = None, 0
        self._is_idle.set()
        self._meanwhile.close()
        seconds = self.compiler.later_seconds
        self._timer = None if seconds is None else loop.call_later(seconds, self._work)


async def _in_turns(steps: Iterable[None]) -> float:
    """Go through steps of work, letting others have their turns; give the seconds that it took."""
    began = turn = time.perf_counter()
    with collector.paused():
        for _ in steps:
            if time.perf_counter() - turn > _TURN_SECONDS:
                await asyncio.sleep(0)
                turn = time.perf_counter()
    return time.perf_counter() - began
