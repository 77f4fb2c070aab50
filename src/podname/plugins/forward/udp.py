"""Questions over UDP: connected sockets, each with the questions that are under way on it.

A connected socket hears nobody but the upstream and learns at once when nothing listens there (ECONNREFUSED). Its port
is the kernel's random choice and each question's id is ours, so a forger has to guess both (RFC 5452). A question
gets a socket of its own; past `SOCKETS_MOST` questions share sockets, told apart by their ids.

Sources: RFC 5452 §4, §9.2; RFC 1035 §4.2.1; CoreDNS plugin/pkg/proxy connect.go.
"""

from __future__ import annotations

import asyncio
import os
import random
from time import monotonic

from podname.plugins.forward.address import Address
from podname.plugins.forward.deadlines import Deadlines
from podname.plugins.forward.pool import Keeping, Pool
from podname.wire import constants as c

SOCKETS_MOST = 128
_IDS_AT_ONCE = 1024


class UdpSocket(asyncio.DatagramProtocol):
    """One connected socket. `waiting` are the answers that are due on it, by message id."""

    def __init__(self) -> None:
        self.alive = True
        self.created_seconds = self.used_seconds = monotonic()
        self.waiting: dict[bytes, asyncio.Future[bytes]] = {}
        self.users = 0
        self.transport: asyncio.DatagramTransport

    def datagram_received(self, data: bytes, addr: tuple[str | int, ...]) -> None:
        """Hand a reply to whoever waits for its id; what nobody waits for is dropped."""
        if len(data) < c.HEADER_OCTETS:
            return
        answer = self.waiting.pop(data[:2], None)
        if answer is not None and not answer.done():
            answer.set_result(data)

    def error_received(self, exc: Exception) -> None:
        """Tell everybody at once that nothing listens there."""
        self.fail(exc)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell everybody that the socket is gone."""
        self.fail(exc or ConnectionAbortedError("the socket was closed"))

    def close(self) -> None:
        """Close the socket."""
        self.fail(ConnectionAbortedError("the socket was closed"))

    def fail(self, reason: Exception) -> None:
        """End everything that waits here, and the socket."""
        self.alive = False
        waiting, self.waiting = self.waiting, {}
        for answer in waiting.values():
            if not answer.done():
                answer.set_exception(reason)
        self.transport.close()


class UdpPool(Pool[UdpSocket]):
    """The UDP sockets of one upstream."""

    protocol = "udp"

    def __init__(self, address: Address, keeping: Keeping, read_timeout_seconds: float) -> None:
        super().__init__(keeping)
        self._address = address
        self._deadlines = Deadlines(read_timeout_seconds)
        self._busy: set[UdpSocket] = set()
        self._ids: list[bytes] = []

    async def exchange(self, packet: bytes) -> bytes:
        """Send a query under an id of our own and give the reply that has it. Raises OSError."""
        udp = self._shared() or self.take() or await self._open()
        self._busy.add(udp)
        udp.users += 1
        try:
            return await self._ask(udp, packet)
        except BaseException:
            udp.alive = False  # a late reply to this question must meet nobody
            raise
        finally:
            udp.users -= 1
            if not udp.users:
                self._busy.discard(udp)
                self.give(udp)

    async def _ask(self, udp: UdpSocket, packet: bytes) -> bytes:
        message_id = self._fresh_id(udp)
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[bytes] = loop.create_future()
        udp.waiting[message_id] = answer
        self._deadlines.add(answer, loop)
        udp.transport.sendto(message_id + packet[2:])
        try:
            return await answer
        except BaseException:
            udp.waiting.pop(message_id, None)
            raise

    def close(self) -> None:
        """Close all sockets; whoever waits is told."""
        super().close()
        self._deadlines.close()
        for udp in tuple(self._busy):
            udp.close()

    def _shared(self) -> UdpSocket | None:
        if self or len(self._busy) < SOCKETS_MOST:
            return None
        alive = [udp for udp in self._busy if udp.alive]
        return random.choice(alive) if alive else None  # noqa: S311  # ids and ports are what must be random

    async def _open(self) -> UdpSocket:
        udp = self._address.connected()
        loop = asyncio.get_running_loop()
        transport, protocol = await loop.create_datagram_endpoint(UdpSocket, sock=udp)
        protocol.transport = transport
        return protocol

    def _fresh_id(self, udp: UdpSocket) -> bytes:
        while True:
            if not self._ids:
                octets = os.urandom(2 * _IDS_AT_ONCE)
                self._ids = [octets[at : at + 2] for at in range(0, len(octets), 2)]
            message_id = self._ids.pop()
            if message_id not in udp.waiting:
                return message_id
