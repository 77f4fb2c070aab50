"""The names of one cluster: a table, and the compiler that keeps it true. It outlives a reload.

Building runs beside the answers of everybody else: a few milliseconds of work, then the event loop has its turn.

Source: the design of podname (the path of a change).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable

from podname.engine.base import Engine, TableOptions
from podname.plugins.kubernetes.programming import Programming
from podname.plugins.kubernetes.source import Watched
from podname.zone.compiler import Compiler
from podname.zone.options import ZoneOptions

log = logging.getLogger(__name__)

_TURN_SECONDS = 0.002


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
        self._has_pods = asyncio.Event()
        self.compiler = Compiler(
            options,
            watched.sources,
            self.table,
            on_services=self._build,
            on_synced=self._has_pods.set,
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
        if self._building is not None:
            self._building.cancel()
            await asyncio.wait([self._building])

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
        log.info("%d answers made from the cluster in %.3f seconds", len(self.table), seconds)


async def _in_turns(steps: Iterable[None]) -> float:
    """Go through steps of work, letting others have their turns; give the seconds that it took."""
    began = turn = time.perf_counter()
    for _ in steps:
        if time.perf_counter() - turn > _TURN_SECONDS:
            await asyncio.sleep(0)
            turn = time.perf_counter()
    return time.perf_counter() - began
