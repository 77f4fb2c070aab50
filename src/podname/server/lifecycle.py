"""The life of the server: start, reload, drain, stop.

A start and a reload are the same steps; only a reload has something to fall back on:

1. set the Corefile up, claiming what the running configuration has (watched data, caches, sockets)
2. bind the sockets that are new, tell the plugins where
3. start the plugins; at a reload wait, for a while, until they are ready: the old ones still answer
4. swap what the sockets serve, at once
5. let the old queries finish, stop the old plugins, close what nobody claims any more

An error before step 4 undoes what was done and leaves everything as it was.

Sources: coredns/caddy Instance.Restart; CoreDNS core/dnsserver, plugin/health (lameduck).
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Awaitable, Callable, Sequence

from podname.corefile import Corefile
from podname.engine.base import Engine
from podname.plugins.base import Plugin, Resource, Resources
from podname.plugins.errors.handler import Errors
from podname.plugins.prometheus import totals
from podname.plugins.ready.handler import Ready
from podname.runtime.logs import set_debug
from podname.server.configuration import Configuration, House, configure
from podname.server.listeners import (
    GRACE_SECONDS,
    Address,
    Listeners,
    addresses_of,
    cold_plans,
    plans_of,
    tell_bound,
    tls_of,
)
from podname.server.misses import Misses
from podname.server.source import Source

_log = logging.getLogger("podname.server")

_READY_SECONDS = 5.0
_READY_LOOK_SECONDS = 0.02


class Server:
    """One server, from its Corefile to its end. Not for use from more than one event loop."""

    def __init__(
        self,
        source: Source,
        engine: Engine,
        port: int = 53,
        fatal: Callable[[], None] = sys.exit,
    ) -> None:
        self.source = source
        self.engine = engine
        self.listeners = Listeners(engine)
        self.configuration: Configuration | None = None
        self._house = House(engine, port, source.folder, _log.warning, fatal)
        self._misses: Misses | None = None
        self._changing = asyncio.Lock()
        self.changed = asyncio.Event()  # set whenever a configuration takes effect
        self.ending = False

    async def start(self, corefile: Corefile | None = None) -> None:
        """Begin to serve. Raises PodnameError or OSError, nothing left behind then."""
        async with self._changing:
            await self._change(corefile or self.source.read())

    async def reload(self, corefile: Corefile | None = None) -> None:
        """Serve the Corefile as it is now. Raises PodnameError or OSError: the old one is kept then."""
        async with self._changing:
            if self.ending:
                return
            _log.info("Reloading")
            await self._change(corefile or self.source.read())
            _log.info("Reloading complete")

    def unready(self) -> list[str]:
        """Name the plugins that cannot answer yet."""
        roster = self.configuration.roster if self.configuration else ()
        return sorted({plugin.name for plugin in roster if not plugin.ready()})

    async def drain(self) -> None:
        """Turn clients away but answer those who still come, as long as plugins want it."""
        self.ending = True
        roster = self.configuration.roster if self.configuration else ()
        await asyncio.gather(*(_each(plugin.drain, plugin) for plugin in roster))

    async def stop(self, grace_seconds: float = GRACE_SECONDS) -> None:
        """Finish the queries under way and let everything go."""
        self.ending = True
        async with self._changing:
            await self.listeners.close(list(self.listeners.open), grace_seconds)
            if self.configuration is not None:
                await _stop(self.configuration.roster)
                await _close(self.configuration.resources.all())
                self.configuration = None

    async def _change(self, corefile: Corefile) -> None:
        """Go from the present configuration, if there is one, to this one."""
        old, old_misses = self.configuration, self._misses
        resources = Resources(old.resources if old else None)
        opened: list[Address] = []
        try:
            new = await configure(corefile, self._house, resources)
            opened = await self.listeners.bind(cold_plans(new), tls_of(new))
            tell_bound(new, self.listeners)
            _set_cold(new.roster, cold=True)
            await _start(new.roster)
            if old is not None:
                await _until_ready(new.roster)
            self._take_effect(new)
        except BaseException:
            await self.listeners.close(opened)
            await _close(_without(resources.all(), resources.previous()))
            if old is not None and old_misses is not None:
                # What stood in the way, and the certificates.
                await self.listeners.bind(plans_of(old, old_misses), tls_of(old))
            raise
        if old is not None and old_misses is not None:
            gone = [a for a in self.listeners.open if a not in addresses_of(new)]
            await self.listeners.close(gone, GRACE_SECONDS)
            await old_misses.finished(GRACE_SECONDS)
            await _stop(old.roster)
            await _close(resources.unclaimed())

    def _take_effect(self, new: Configuration) -> None:
        """Swap. Nothing here waits, so no query meets half of it."""
        misses = Misses(self.engine, totals.claim(new.resources))
        misses.stacktrace = any(isinstance(p, Errors) and p.stacktrace for p in new.roster)
        self.listeners.serve(plans_of(new, misses))
        _set_cold(new.roster, cold=False)
        self.configuration, self._misses = new, misses
        self.changed.set()
        set_debug(on=new.plugin("debug") is not None)
        for plugin in new.roster:
            plugin.took_effect()


def _set_cold(plugins: Sequence[Plugin], *, cold: bool) -> None:
    """Tell `ready` whether what was started is served: until then the new sockets say SERVFAIL."""
    for plugin in plugins:
        if isinstance(plugin, Ready):
            plugin.cold = cold


async def _start(plugins: Sequence[Plugin]) -> None:
    """Start plugins in order; when one fails, those before it are stopped again."""
    for number, plugin in enumerate(plugins):
        try:
            await plugin.start()
        except BaseException:
            await _stop(plugins[: number + 1])
            raise


async def _stop(plugins: Sequence[Plugin]) -> None:
    for plugin in reversed(plugins):
        await _each(plugin.stop, plugin)


async def _each(step: Callable[[], Awaitable[None]], plugin: Plugin) -> None:
    """Let a plugin take a step to its end; its fault must not keep the others from theirs."""
    try:
        await step()
    except Exception:
        _log.exception("Plugin '%s' could not end as it should", plugin.name)


async def _close(resources: Sequence[Resource]) -> None:
    for resource in resources:
        try:
            await resource.close()
        except Exception:
            _log.exception("Could not let go of %s", type(resource).__name__)


async def _until_ready(plugins: Sequence[Plugin]) -> None:
    """Wait until every plugin can answer, but not for ever: the cluster may be away."""
    deadline = time.monotonic() + _READY_SECONDS
    while waiting := [plugin.name for plugin in plugins if not plugin.ready()]:
        if time.monotonic() > deadline:
            _log.warning("Reloading without waiting any longer for: %s", ", ".join(waiting))
            return
        await asyncio.sleep(_READY_LOOK_SECONDS)


def _without(resources: Sequence[Resource], kept: Sequence[Resource]) -> list[Resource]:
    known = {id(resource) for resource in kept}
    return [resource for resource in resources if id(resource) not in known]
