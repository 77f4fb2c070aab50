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
import socket
from time import monotonic

from podname.dns import constants as c
from podname.dns.message import id_of, with_id
from podname.plugins.forward.address import Address
from podname.plugins.forward.deadlines import Deadlines
from podname.plugins.forward.failures import UpstreamError, endpoint, failure
from podname.plugins.forward.pool import Pool, PoolLimits

SOCKETS_MOST = 128
_IDS_AT_ONCE = 1024


class UdpSocket:
    """One connected socket. `waiting` are the answers that are due on it, by message id."""

    __slots__ = (
        "_local",
        "_loop",
        "_remote",
        "_socket",
        "alive",
        "created_seconds",
        "used_seconds",
        "users",
        "waiting",
    )

    def __init__(
        self, connected: socket.socket, remote: Address, loop: asyncio.AbstractEventLoop
    ) -> None:
        self.alive = True
        self.created_seconds = self.used_seconds = monotonic()
        self.users = 0
        self.waiting: dict[bytes, asyncio.Future[bytes]] = {}
        self._loop = loop
        self._socket = connected
        self._local, self._remote = connected.getsockname(), remote
        loop.add_reader(connected, self._readable)

    def send(self, message: bytes) -> None:
        """Send a query. Raises UpstreamError."""
        try:
            self._socket.send(message)
        except OSError as error:
            raise self.failure("write", error) from error

    def failure(self, operation: str, error: OSError) -> UpstreamError:
        """Return the error of reading or writing here."""
        return failure(operation, f"udp {endpoint(self._local)}->{self._remote}", error)

    def close(self) -> None:
        """Close the socket."""
        self._fail(UpstreamError("use of closed network connection"))

    def _readable(self) -> None:
        """Hand a reply to whoever waits for its id; what nobody waits for is dropped."""
        try:
            reply = self._socket.recv(c.MESSAGE_OCTETS_MAX)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._fail(self.failure("read", error))
            return
        answer = self.waiting.pop(id_of(reply), None)
        if answer is not None and not answer.done():
            answer.set_result(reply)

    def _fail(self, reason: OSError) -> None:
        """End everything that waits here, and the socket."""
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket)
            self._socket.close()
        self.alive = False
        waiting, self.waiting = self.waiting, {}
        for answer in waiting.values():
            if not answer.done():
                answer.set_exception(reason)


class UdpPool(Pool[UdpSocket]):
    """The UDP sockets of one upstream."""

    protocol = "udp"

    def __init__(self, address: Address, limits: PoolLimits, read_timeout_seconds: float) -> None:
        super().__init__(limits)
        self._address = address
        self._deadlines = Deadlines(read_timeout_seconds)
        self._ids: list[bytes] = []

    async def exchange(self, packet: bytes) -> bytes:
        """Send a query under an id of our own and give the reply that has it. Raises UpstreamError."""
        loop = asyncio.get_running_loop()
        crowded = len(self._busy) >= SOCKETS_MOST and not self._idle
        udp = (crowded and self._shared()) or self.take() or self._open(loop)
        self._busy.add(udp)
        udp.users += 1
        message_id = self._ids.pop() if self._ids else b""
        if not message_id or message_id in udp.waiting:
            message_id = self._fresh_id(udp)
        answer: asyncio.Future[bytes] = loop.create_future()
        udp.waiting[message_id] = answer
        self._deadlines.add(answer, loop)
        try:
            udp.send(with_id(packet, message_id))
            return await answer
        except BaseException as error:
            udp.waiting.pop(message_id, None)
            udp.alive = False  # a late reply to this question must meet nobody
            if isinstance(error, TimeoutError):
                raise udp.failure("read", error) from None
            raise
        finally:
            udp.users -= 1
            if not udp.users:
                self.done(udp)

    def close(self) -> None:
        """Close every socket; whoever waits for an answer is told."""
        super().close()
        self._deadlines.close()

    def _shared(self) -> UdpSocket | None:
        alive = [udp for udp in self._busy if udp.alive]
        return random.choice(alive) if alive else None  # noqa: S311  # ids and ports are what must be random

    def _open(self, loop: asyncio.AbstractEventLoop) -> UdpSocket:
        return UdpSocket(self._address.connected(), self._address, loop)

    def _fresh_id(self, udp: UdpSocket) -> bytes:
        while True:
            if not self._ids:
                octets = os.urandom(2 * _IDS_AT_ONCE)
                self._ids = [octets[at : at + 2] for at in range(0, len(octets), 2)]
            message_id = self._ids.pop()
            if message_id not in udp.waiting:
                return message_id
