"""Questions over TCP and TLS: connections that are kept for the next question, one question at a time on each.

A connection that the upstream closed while it was kept is not its fault: `StaleConnection` asks for another try.

Sources: RFC 7766; RFC 7858; RFC 1035 §4.2.2; CoreDNS plugin/pkg/proxy connect.go (ErrCachedClosed).
"""

from __future__ import annotations

import asyncio
import os
import ssl
from time import monotonic
from typing import cast

from podname.dns import constants as c
from podname.plugins.forward.address import Address
from podname.plugins.forward.deadlines import Deadlines
from podname.plugins.forward.failures import UpstreamError, endpoint, failure
from podname.plugins.forward.pool import Pool, PoolLimits

#: Half of what a question may take in all, so that there is time for another upstream.
CONNECT_TIMEOUT_SECONDS = 2.5


class StaleConnection(UpstreamError):
    """A kept connection was closed by the upstream before it could be used."""


class TcpConnection(asyncio.Protocol):
    """One connection, and the answer that is due on it."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.alive = True
        self.created_seconds = self.used_seconds = monotonic()
        self.reused = False
        self.transport: asyncio.Transport
        self._buffer = bytearray()
        self._answer: asyncio.Future[bytes] | None = None
        self._message_id = b""

    def ask(self, message: bytes, answer: asyncio.Future[bytes]) -> None:
        """Send a query; its reply ends `answer`."""
        self._message_id, self._answer = message[:2], answer
        self.transport.write(len(message).to_bytes(2, "big") + message)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way to send."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Cut messages out of the stream; what is no answer to our question is dropped."""
        buffer = self._buffer
        buffer += data
        while len(buffer) >= 2 and len(buffer) >= (end := 2 + int.from_bytes(buffer[:2], "big")):
            self._received(bytes(buffer[2:end]))
            del buffer[:end]

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits."""
        self.alive = False
        if self.reused and not self._buffer:
            self._end(StaleConnection())
        self._end(self._lost(exc))

    def close(self) -> None:
        """Close the connection."""
        self.alive = False
        self._end(UpstreamError("use of closed network connection"))
        self.transport.abort()

    def _lost(self, error: Exception | None) -> UpstreamError:
        """Return why the connection is gone: an error of the network, or the upstream closed it."""
        if isinstance(error, OSError):
            return failure("read", self.path, error)
        return UpstreamError("unexpected EOF" if self._buffer else "EOF")

    def _end(self, reason: Exception) -> None:
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            answer.set_exception(reason)

    def _received(self, message: bytes) -> None:
        answer = self._answer
        if answer is None or len(message) < c.HEADER_OCTETS or message[:2] != self._message_id:
            return
        self._answer = None
        if not answer.done():
            answer.set_result(message)


class TcpPool(Pool[TcpConnection]):
    """The TCP connections of one upstream, over TLS where there is a context for it."""

    def __init__(
        self,
        address: Address,
        limits: PoolLimits,
        read_timeout_seconds: float,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(limits)
        self.protocol = "tcp" if tls is None else "tcp-tls"
        self._address, self._tls = address, tls
        self._deadlines = Deadlines(read_timeout_seconds)

    async def exchange(self, packet: bytes) -> bytes:
        """Send a query under an id of our own and give the reply that has it. Raises UpstreamError."""
        while True:
            connection = self._kept() or await self._open()
            try:
                return await self._exchange(connection, packet)
            except StaleConnection:
                continue

    async def _exchange(self, connection: TcpConnection, packet: bytes) -> bytes:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[bytes] = loop.create_future()
        self._deadlines.add(answer, loop)
        self._busy.add(connection)
        try:
            connection.ask(os.urandom(2) + packet[2:], answer)
            return await answer
        except BaseException as error:
            connection.close()
            if isinstance(error, TimeoutError):
                raise failure("read", connection.path, error) from None
            raise
        finally:
            self.done(connection)

    def close(self) -> None:
        """Close every connection; whoever waits for an answer is told."""
        super().close()
        self._deadlines.close()

    def _kept(self) -> TcpConnection | None:
        connection = self.take()
        if connection is not None:
            connection.reused = True
        return connection

    async def _open(self) -> TcpConnection:
        address = self._address
        dialled = await address.dialled(CONNECT_TIMEOUT_SECONDS)
        path = f"tcp {endpoint(dialled.getsockname())}->{address}"
        loop, tls = asyncio.get_running_loop(), self._tls
        if tls is None:
            _, connection = await loop.create_connection(lambda: TcpConnection(path), sock=dialled)
            return connection
        name = address.server_name or address.host.partition("%")[0]
        try:
            _, connection = await loop.create_connection(
                lambda: TcpConnection(path),
                sock=dialled,
                ssl=tls,
                server_hostname=name,
                ssl_handshake_timeout=CONNECT_TIMEOUT_SECONDS,
            )
        except OSError as error:
            raise UpstreamError(f"dial {path}: tls: {error}") from None
        return connection
