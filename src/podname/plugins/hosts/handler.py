"""Two tables for the engine, and a look at the file now and then.

The first table has the PTR records, for every reverse name, whatever the zones; what it does not know it lets pass. The
second has the addresses of the zones' names. Both follow the rules that `podname.engine.base` has for tables without
SOA, in the engine and in the plugin chain.

Source: CoreDNS 1.15.0 plugin/hosts hosts.go.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from podname.dns import constants as c
from podname.dns import names
from podname.engine.base import Change, Engine, Outcome, Table, TableOptions, Zone
from podname.errors import ServeError
from podname.plugins.base import CapsTtl, Draft, Next, Plugin, Reply, Request
from podname.plugins.hosts.entries import Entries, Key, parse, ready_answers
from podname.plugins.hosts.file import HostsFile
from podname.plugins.hosts.options import Options

if TYPE_CHECKING:
    from prometheus_client.core import Metric

_log = logging.getLogger(__name__)

_REVERSE_ZONES = (names.from_text("in-addr.arpa"), names.from_text("ip6.arpa"))


class Hosts(Plugin):
    """The `hosts` directive of a server block."""

    name = "hosts"
    is_planned = True  # what comes from behind passes as it is

    def __init__(self, options: Options, engine: Engine) -> None:
        self.options = options
        zones = frozenset(options.zones)
        self.file = HostsFile(options.path, zones, reverse=options.reverse)
        self.inline = parse(options.inline, zones, reverse=options.reverse)
        self._engine = engine
        self._cap: CapsTtl | None = None
        self._answers: dict[Key, bytes] = {}
        self._tables: tuple[Table, ...] = ()
        self._task: asyncio.Task[None] | None = None

    # ------------------------------------------------------------------ life

    def link(self, siblings: Mapping[str, Plugin]) -> None:
        """Learn which TTLs `cache` lets through."""
        cache = siblings.get("cache")
        self._cap = cache if isinstance(cache, CapsTtl) else None

    async def start(self) -> None:
        """Read the file, and go on looking at it."""
        self._tables = self._make_tables()
        await asyncio.to_thread(self.file.read)
        await self._compile()
        for table in self._tables:
            table.synced = True
        if self.options.reload_seconds > 0:
            self._task = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        """Stop looking."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def plan(self, draft: Draft) -> None:
        """Let the engine answer."""
        draft.layers.extend(self._tables)

    async def look(self) -> None:
        """Read the file if it changed, and change in the tables what that changes."""
        if await asyncio.to_thread(self.file.read):
            await self._compile()

    # --------------------------------------------------------------- answers

    async def serve(self, request: Request, next_: Next) -> Reply:
        """Answer in the chain as the engine does, or hand on."""
        query = request.query
        for table in self._tables:
            found = table.respond(query)
            if isinstance(found, bytes):
                return found
            if found is Outcome.MISS and not self._falls_through(query.folded):  # a transfer
                raise ServeError(c.SERVFAIL, "hosts has no zone to transfer")
        return await next_(request)

    def collect(self) -> Iterable[Metric]:
        """Return its metrics."""
        from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415 - start time counts

        if self.file.modified_seconds is None:
            return
        entries = GaugeMetricFamily(
            "coredns_hosts_entries",
            "Entries of the hosts file and the Corefile.",
            labels=("hostsfile",),
        )
        entries.add_metric((str(self.options.path),), len(self.file.entries) + len(self.inline))
        yield entries
        yield GaugeMetricFamily(
            "coredns_hosts_reload_timestamp_seconds",
            "When the hosts file that is in use was changed.",
            value=self.file.modified_seconds,
        )

    # ---------------------------------------------------------------- tables

    def _make_tables(self) -> tuple[Table, ...]:
        options = self.options
        reverse = TableOptions(self.name, _zones(_REVERSE_ZONES), (names.ROOT,), denies=False)
        forward = TableOptions(
            self.name,
            _zones(options.zones),
            options.fallthrough,
            denies=False,
            passes_other_types=options.fallthrough_unsupported,
        )
        return self._engine.table(reverse), self._engine.table(forward)

    async def _compile(self) -> None:
        sources: tuple[Entries, ...] = (self.file.entries, self.inline)
        answers = await asyncio.to_thread(ready_answers, sources, self._ttl_seconds)
        changes = changes_between(self._answers, answers)
        self._answers = answers
        reverse, forward = self._tables
        reverse.update(change for change in changes if change[1] == c.PTR)
        forward.update(change for change in changes if change[1] != c.PTR)

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(self.options.reload_seconds)
            try:
                await self.look()
            except Exception:
                _log.exception("The hosts file %s could not be read", self.options.path)

    def _ttl_seconds(self, owner: bytes) -> int:
        ttl_seconds = self.options.ttl_seconds
        if self._cap is None:
            return ttl_seconds
        return self._cap.cap_ttl_seconds(owner, ttl_seconds, denial=False)

    def _falls_through(self, owner: bytes) -> bool:
        return names.longest_match(owner, frozenset(self.options.fallthrough)) is not None


def changes_between(old: Mapping[Key, bytes], new: Mapping[Key, bytes]) -> list[Change]:
    """Return what makes one content of a table into the other."""
    gone: list[Change] = [(*key, None) for key in old if key not in new]
    return gone + [(*key, ready) for key, ready in new.items() if old.get(key) != ready]


def _zones(origins: Iterable[bytes]) -> tuple[Zone, ...]:
    """Make zones of names; a table without SOA asks for nothing but the origin."""
    return tuple(Zone(origin, 0, 0, names.ROOT, names.ROOT) for origin in origins)
