"""The sockets of one address family, their threads, and what these hand to Python.

A miss goes to the plugin chain, and its answer back through the first socket; an observation goes to the
plan's observers. Both come in through queues; an eventfd says that they are no longer empty.

Sources: rust/src/udp.rs; eventfd(2); udp(7), where `shutdown` wakes whoever waits for a datagram.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import Sequence
from time import perf_counter

from podname import _core
from podname.dns.query import Edns, Query
from podname.engine.base import Client, EngineStats, Plan
from podname.engine.counters import Counters
from podname.engine.datagrams import is_wildcard, prepare
from podname.engine.misses import Misses
from podname.engine.native.routes import Routing, plugins_of
from podname.engine.responding import Refuser
from podname.engine.unsent import count_unsent

MISSES_MAX = 256  # that are taken before the event loop goes on
OBSERVATIONS_MAX = 256
_OBSERVATIONS_DROPPED, _UNSENT = 3, 4  # among the totals
_LET_GO = struct.pack("@ll", 1, 0)  # how often a thread without packets sees what is served
_FORGET_SECONDS = 2.0  # by then all threads have seen it, and the old plans are let go of


class Udp:
    """The packet loop of one address family."""

    def __init__(
        self,
        sockets: Sequence[socket.socket],
        server: str,
        dropped: Counters,
        misses: Misses,
        stats: EngineStats,
        *,
        plans: Sequence[Plan],
    ) -> None:
        self._sockets, self._server, self._misses = sockets, server, misses
        self._stats, self._observations_dropped, self._unsent = stats, 0, 0
        wildcard = is_wildcard(sockets[0])
        is_ipv6 = sockets[0].family == socket.AF_INET6
        for sock in sockets:
            prepare(sock)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _LET_GO)
        family = 2 if is_ipv6 else 1
        self._refuser = Refuser(server, "udp", family, dropped)
        self._routing = Routing(server, "udp", family, dropped, len(sockets))
        self._event = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._plans: dict[int, list[Plan]] = {}
        routes = self._numbered(plans)  # the threads answer from here on
        self._core = _core.Udp(
            [sock.fileno() for sock in sockets], is_ipv6, wildcard, self._event, routes
        )
        self._answers: list[tuple[_core.Origin, bytes]] = []
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._event, self._look)
        self._later = self._loop.call_soon(self._forget)

    def serve(self, plans: Sequence[Plan]) -> None:
        """Swap what is served."""
        self._core.serve(self._numbered(plans))
        self._later.cancel()
        self._later = self._loop.call_later(_FORGET_SECONDS, self._forget)

    async def stop(self) -> None:
        """Answer what has arrived, take nothing new."""
        self._core.stop()
        for sock in self._sockets:
            with contextlib.suppress(OSError):  # "not connected", but it wakes the thread
                sock.shutdown(socket.SHUT_RD)
        await self._loop.run_in_executor(None, self._core.join)
        self._look()

    def close(self) -> None:
        """Close the sockets, when nothing is under way any more."""
        self._later.cancel()
        self._send_all()
        self._loop.remove_reader(self._event)
        os.close(self._event)
        for sock in self._sockets:
            sock.close()
        self._routing.close()

    def totals(self) -> list[int]:
        """Count answers, misses, misses and observations that found their queue full, answers unsent, faults."""
        return self._core.totals()

    # --------------------------------------------------------------- queues

    def _look(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._event)
        self._core.look()
        misses, observations = (
            self._core.misses(MISSES_MAX),
            self._core.observations(OBSERVATIONS_MAX),
        )
        self._refuser.clock = perf_counter()
        for number, plan, packet, question, edns, source, origin in misses:
            query = Query(packet, *question, None if edns is None else Edns(*edns))
            self._ask(
                self._plans[number][plan], query, Client(*source, "udp", self._server), origin
            )
        for number, index, plugin, packet, response, address, port, seconds in observations:
            plan_seen = self._plans[number][index]
            client = Client(address, port, "udp", self._server)
            self._show(plan_seen, packet, response, client, plugins_of(plan_seen)[plugin], seconds)
        self._count()
        if len(misses) == MISSES_MAX or len(observations) == OBSERVATIONS_MAX:
            os.eventfd_write(self._event, 1)  # there may be more, after the event loop's turn

    def _count(self) -> None:
        """Add what the threads have counted since the last time."""
        totals = self._core.totals()
        observations_dropped, unsent = totals[_OBSERVATIONS_DROPPED], totals[_UNSENT]
        self._stats.observations_dropped += observations_dropped - self._observations_dropped
        count_unsent(self._stats, unsent - self._unsent)
        self._observations_dropped, self._unsent = observations_dropped, unsent

    def _ask(self, plan: Plan, query: Query, client: Client, origin: _core.Origin) -> None:
        def send(response: bytes | None) -> None:
            if response is not None:
                if not self._answers:
                    self._loop.call_soon(self._send_all)
                self._answers.append((origin, response))

        self._misses.start(plan, query, self._refuser, client, send)

    def _send_all(self) -> None:
        """Send the answers that came up since the event loop's last turn, with one system call for many."""
        answers, self._answers = self._answers, []
        fd = self._sockets[0].fileno()
        unsent = self._core.answer(fd, answers) if fd >= 0 else len(answers)
        count_unsent(self._stats, unsent)

    def _show(  # noqa: PLR0917  # an observer's arguments
        self,
        plan: Plan,
        packet: bytes,
        response: bytes,
        client: Client,
        plugin: str,
        seconds: float,
    ) -> None:
        for observe in plan.observers:
            try:
                observe(packet, response, client, plugin, seconds)
            except Exception as error:  # the answer is sent already; the next one is seen again
                self._misses.report(error)

    def _numbered(self, plans: Sequence[Plan]) -> _core.Routes:
        number, numbered, routes = self._routing.routes(plans)
        self._plans[number] = numbered
        return routes

    def _forget(self) -> None:
        """Let go of plans that no thread and no queue refers to."""
        served = set(self._core.served())
        self._plans = {number: plans for number, plans in self._plans.items() if number in served}
