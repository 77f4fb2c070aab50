"""The reference engine: makes tables, and listeners that answer from them.

A listener has a UDP and a TCP socket for its address; for a wildcard address one of each for IPv4 and for IPv6, as
far as the system has them. All of it runs in the event loop's thread, so a change of a table or of the plans is
atomic for whoever asks.

Sources: RFC 1035 §4.2; the design of podname.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from itertools import chain

from podname.engine.base import EngineStats, Plan, TableOptions
from podname.engine.caching import Keeping
from podname.engine.counters import Counters
from podname.engine.misses import Misses
from podname.engine.reference.cache import PythonCache
from podname.engine.reference.responder import PythonResponder
from podname.engine.reference.table import PythonTable
from podname.engine.reference.udp import Udp
from podname.engine.relaying import Relay, RelayOptions
from podname.engine.sockets import Pair, bind
from podname.engine.tcp import Tcp


class PythonListener:
    """UDP and TCP sockets on one address and port."""

    def __init__(
        self, address: tuple[str, int], server: str, dropped: Counters, stats: EngineStats
    ) -> None:
        self.address = address
        self._server = server
        self._dropped = dropped
        self._stats = stats
        self._misses = Misses(stats)
        self._tcp = Tcp(server, self._misses)
        self._responders: list[PythonResponder] = []
        self._udp: list[Udp] = []

    def serve(self, plans: Sequence[Plan]) -> None:
        """Swap what is served, atomically, keeping the sockets."""
        self._tcp.serve(plans)
        for responder in self._responders:
            responder.serve(plans)

    async def close(self, grace_seconds: float) -> None:
        """Answer what has arrived, take nothing new, finish what is under way, close the sockets."""
        loop = asyncio.get_running_loop()
        self._tcp.refuse()
        for endpoint in self._udp:
            loop.remove_reader(endpoint.sock.fileno())
            endpoint.readable()
        await asyncio.gather(self._misses.finish(grace_seconds), self._tcp.close(grace_seconds))
        for endpoint in self._udp:
            endpoint.sock.close()
        self._udp.clear()
        self.serve(())  # follows no table any more

    async def open(self, sockets: Sequence[Pair], plans: Sequence[Plan]) -> None:
        """Begin to answer on pairs of bound UDP and TCP sockets, by these plans from the first packet on."""
        self._tcp.serve(plans)
        loop = asyncio.get_running_loop()
        for datagrams, stream in sockets:
            family = 2 if datagrams.family == socket.AF_INET6 else 1
            over_udp, over_tcp = (
                PythonResponder(self._server, protocol, family, self._dropped)
                for protocol in ("udp", "tcp")
            )
            for responder in (over_udp, over_tcp):
                responder.serve(plans)
                self._responders.append(responder)
            endpoint = Udp(datagrams, self._server, over_udp, self._misses, self._stats)
            self._udp.append(endpoint)
            await self._tcp.accept(stream, over_tcp)
            loop.add_reader(datagrams.fileno(), endpoint.readable)


class PythonEngine:
    """Makes tables and listeners."""

    name = "python"

    def __init__(self) -> None:
        self.dropped = Counters()
        self.stats = EngineStats()

    def table(self, options: TableOptions) -> PythonTable:
        """Make an empty table, not synced."""
        return PythonTable(options)

    def cache(self, plugin: str, keeping: Keeping | None = None) -> PythonCache:
        """Make an empty cache, whose answers are that plugin's. There is no relay whose replies could be kept."""
        return PythonCache(plugin, repeats=keeping is None or keeping.repeats)

    def relay(self, options: RelayOptions) -> Relay | None:
        """Ask no upstream: the plugin chain does."""
        del options
        return None

    def responder(self, server: str, protocol: str, family: int) -> PythonResponder:
        """Make what answers packets one by one."""
        return PythonResponder(server, protocol, family, self.dropped)

    async def listen(
        self, host: str, port: int, server: str, plans: Sequence[Plan]
    ) -> PythonListener:
        """Bind UDP and TCP and serve the plans; both get the same port when 0 is asked for. Raises OSError."""
        sockets = bind(host, port)
        bound = sockets[-1][0].getsockname()
        listener = PythonListener((bound[0], bound[1]), server, self.dropped, self.stats)
        try:
            await listener.open(sockets, plans)
        except OSError:
            await listener.close(0)
            for sock in chain.from_iterable(sockets):
                sock.close()
            raise
        return listener
