"""The native engine: makes tables, and listeners whose packet loop is Rust's.

UDP is answered by one thread per core, each with a socket of its own. TCP connections are the event loop's, as the
reference engine's: they are few and long, and what each of their queries costs is not the answer. What they repeat
comes from the same native tables.

Sources: RFC 1035 §4.2; the design of podname.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from itertools import chain

from podname.engine.base import EngineStats, Plan, TableOptions
from podname.engine.caching import Keeping
from podname.engine.counters import Counters
from podname.engine.misses import Misses
from podname.engine.native.cache import NativeCache
from podname.engine.native.relay import NativeRelay
from podname.engine.native.responder import NativeResponder
from podname.engine.native.table import NativeTable
from podname.engine.native.udp import Udp
from podname.engine.relaying import RelayOptions
from podname.engine.sockets import Pair, bind, share_of
from podname.engine.tcp import Tcp


class NativeListener:
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
        self._responders: list[NativeResponder] = []
        self._udp: list[Udp] = []

    def serve(self, plans: Sequence[Plan]) -> None:
        """Swap what is served, atomically for each batch of packets, keeping the sockets."""
        self._tcp.serve(plans)
        for responder in self._responders:
            responder.serve(plans)
        for udp in self._udp:
            udp.serve(plans)

    async def close(self, grace_seconds: float) -> None:
        """Answer what has arrived, take nothing new, finish what is under way, close the sockets."""
        self._tcp.refuse()
        await asyncio.gather(*(udp.stop() for udp in self._udp))
        await asyncio.gather(self._misses.finish(grace_seconds), self._tcp.close(grace_seconds))
        for udp in self._udp:
            udp.close()
        for responder in self._responders:
            responder.close()
        self._udp.clear()
        self._responders.clear()

    async def open(self, pairs: Sequence[Pair], threads: int, plans: Sequence[Plan]) -> None:
        """Begin to answer on pairs of bound UDP and TCP sockets, by these plans from the first packet on."""
        self._tcp.serve(plans)
        for datagrams, stream in pairs:
            shares = [datagrams, *(share_of(datagrams) for _ in range(threads - 1))]
            self._udp.append(
                Udp(shares, self._server, self._dropped, self._misses, self._stats, plans=plans)
            )
            family = 2 if ":" in datagrams.getsockname()[0] else 1
            responder = NativeResponder(self._server, "tcp", family, self._dropped)
            responder.serve(plans)
            self._responders.append(responder)
            await self._tcp.accept(stream, responder)


class NativeEngine:
    """Makes tables and listeners. `threads` are those of each address family; 0 is one per core."""

    name = "native"

    def __init__(self, threads: int = 0) -> None:
        self.dropped = Counters()
        self.stats = EngineStats()
        self._threads = threads or len(os.sched_getaffinity(0))

    def table(self, options: TableOptions) -> NativeTable:
        """Make an empty table, not synced."""
        return NativeTable(options)

    def cache(self, plugin: str, keeping: Keeping | None = None) -> NativeCache:
        """Make an empty cache, whose answers are that plugin's; with `keeping` a relay's replies are kept in it."""
        return NativeCache(plugin, keeping)

    def relay(self, options: RelayOptions) -> NativeRelay:
        """Begin to ask upstreams. Raises OSError."""
        return NativeRelay(options)

    def responder(self, server: str, protocol: str, family: int) -> NativeResponder:
        """Make what answers packets one by one."""
        return NativeResponder(server, protocol, family, self.dropped)

    async def listen(
        self, host: str, port: int, server: str, plans: Sequence[Plan]
    ) -> NativeListener:
        """Bind UDP and TCP and serve the plans; both get the same port when 0 is asked for. Raises OSError."""
        pairs = bind(host, port, share=True)
        bound = pairs[-1][0].getsockname()
        listener = NativeListener((bound[0], bound[1]), server, self.dropped, self.stats)
        try:
            await listener.open(pairs, self._threads, plans)
        except OSError:
            await listener.close(0)
            for sock in chain.from_iterable(pairs):
                sock.close()
            raise
        return listener
