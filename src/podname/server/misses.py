"""What the engine does not answer by itself: run through the plugin chain of its server block.

The response is whole, without OPT and without a limit of size: the engine makes it fit to send. A
query ends in a response, whatever happens: a ServeError is its RCODE, any other exception is a fault
of ours, answered SERVFAIL, counted as CoreDNS counts a panic, and logged with its traceback the
first time that it happens at a place (every time with `errors { stacktrace }`).

Sources: CoreDNS core/dnsserver/server.go; RFC 1035 §4.1.1.
"""

from __future__ import annotations

import asyncio
import logging
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import count

from podname.dns import constants as c
from podname.dns import names
from podname.dns.names import ROOT
from podname.dns.query import Query, parse
from podname.dns.reply import deny, opt_record
from podname.engine.base import Client, Engine, Miss
from podname.engine.counters import DROPPED
from podname.errors import ServeError
from podname.plugins.base import Request
from podname.plugins.prometheus.totals import ServerTotals
from podname.server.routes import Routes

_log = logging.getLogger("podname.server")

_DEPTH_MAX, _LOOKUPS_MAX = 8, 64


@dataclass(frozen=True, slots=True)
class Lookups:
    """The questions of our own that one question of a client caused: those that led to this one, and a count of all."""

    depth: int = 0
    made: Iterator[int] = field(default_factory=partial(count, 1))

    def next(self) -> Lookups:
        """Return what one more makes of it."""
        return Lookups(self.depth + 1, self.made)

    def are_too_many(self) -> bool:
        """Count one more. Rules of `rewrite` branch: two at each of eight aliases would be 256."""
        return self.depth > _DEPTH_MAX or next(self.made) > _LOOKUPS_MAX


class Misses:
    """The misses of one configuration: how they are answered, and how many are under way."""

    def __init__(self, engine: Engine, totals: ServerTotals) -> None:
        self.stacktrace = False
        self._engine = engine
        self._totals = totals
        self._under_way = 0
        self._idle: asyncio.Event | None = None  # somebody waits for it
        self._told: set[tuple[str, int | None]] = set()

    def of(self, routes: Routes) -> Miss:
        """Make what answers the misses of a listener."""
        return partial(self._run, routes, None)

    async def finished(self, grace_seconds: float) -> None:
        """Wait until none is under way, at most so long."""
        if not self._under_way:
            return
        self._idle = asyncio.Event()
        try:
            async with asyncio.timeout(grace_seconds):
                await self._idle.wait()
        except TimeoutError:
            _log.warning("%d queries were still under way", self._under_way)

    async def _run(
        self,
        routes: Routes,
        lookups: Lookups | None,
        query: Query,
        client: Client,
    ) -> bytes | None:
        self._under_way += 1
        lookups = lookups or Lookups()
        upstream = partial(self._ask, routes, lookups.next())
        request = Request(query, client, ROOT, time.perf_counter(), upstream, lookups=lookups.depth)
        try:
            route = routes.find(request)
            if route is None:
                self._count_dropped(query, client, c.REFUSED)
                return deny(query, c.REFUSED)
            return await route.chain(request)
        except ServeError as error:
            return deny(query, error.rcode, extended_error=error.extended_error)
        except Exception as error:
            self._panic(query, client, error)
            return deny(query, c.SERVFAIL)
        finally:
            self._under_way -= 1
            if self._idle is not None and not self._under_way:
                self._idle.set()

    async def _ask(
        self, routes: Routes, lookups: Lookups, packet: bytes, client: Client
    ) -> bytes | None:
        """Ask the whole server anew, for an alias; aliases of aliases end somewhere."""
        query = parse(packet)
        if not isinstance(query, Query):
            return None
        if lookups.are_too_many():
            return deny(query, c.SERVFAIL)
        return await self._run(routes, lookups, query, client)

    def _count_dropped(self, query: Query, client: Client, rcode: int) -> None:
        """Count an answer that belongs to no server block."""
        family = 2 if ":" in client.address else 1
        self._engine.dropped.tally(client.server, DROPPED, client.protocol, family).count(
            query.qtype,
            rcode,
            "",
            request_octets=len(query.packet),
            response_octets=query.end + len(opt_record(query)),  # as the engine counts a refusal
            seconds=0.0,
        )

    def _panic(self, query: Query, client: Client, error: Exception) -> None:
        self._totals.panics += 1
        self._count_dropped(query, client, c.SERVFAIL)
        frame = traceback.extract_tb(error.__traceback__)[-1]
        place = frame.filename, frame.lineno
        fault = None if place in self._told and not self.stacktrace else error
        self._told.add(place)
        name = names.to_text(query.folded)
        _log.error(
            'Recovered from panic in server: "%s" %s: %r',
            client.server,
            name,
            error,
            exc_info=fault,
        )
