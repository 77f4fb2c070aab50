"""Questions over connections: kept for the next question, and shared when there are many at once.

A question gets a connection of its own; past `connections_most` questions share those that there are. A connection
that the upstream closed while it was kept is not its fault: the question is asked once more, on a new one. One on
which a question was not answered in time takes no more of them, and is closed when the others have ended.

Sources: RFC 7766 §6.2 (pipelining, reuse, closing); CoreDNS plugin/pkg/proxy connect.go (ErrCachedClosed).
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from time import monotonic
from typing import cast

from podname.plugins.forward.address import Address
from podname.plugins.forward.deadlines import Deadlines
from podname.plugins.forward.failures import UpstreamError, calling, endpoint, failure
from podname.plugins.forward.pool import Pool, PoolLimits

Answer = asyncio.Future[bytes]

#: Half of what a question may take in all, so that there is time for another upstream.
CONNECT_TIMEOUT_SECONDS = 2.5


class ConnectionEnded(UpstreamError):
    """The upstream closed the connection between two messages."""


class StreamConnection(asyncio.Protocol):
    """One connection, and the answers that are due on it."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.alive = True
        self.created_seconds = self.used_seconds = monotonic()
        self.users = 0
        self.transport: asyncio.Transport
        self._waiting: dict[bytes | int, Answer] = {}

    @property
    def is_full(self) -> bool:
        """Whether no more questions may be asked until others are answered."""
        return False

    @property
    def is_within_message(self) -> bool:
        """Whether a message has begun that did not end yet."""
        return False

    def ask(self, packet: bytes, answer: Answer) -> None:
        """Send a query; its reply ends `answer`."""
        raise NotImplementedError

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way to send."""
        self.transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits."""
        if isinstance(exc, OSError):
            self.end(ConnectionEnded(str(failure("read", self.path, exc))))
        elif self.is_within_message:
            self.end(UpstreamError("unexpected EOF"))
        else:
            self.end(ConnectionEnded("EOF"))

    def close(self) -> None:
        """Close the connection."""
        self.end(UpstreamError("use of closed network connection"))
        self.transport.abort()

    def end(self, reason: UpstreamError) -> None:
        """Take no more questions, and tell whoever waits why."""
        self.alive = False
        for key in tuple(self._waiting):
            self.fail(key, reason)

    def fail(self, key: bytes | int, reason: UpstreamError) -> None:
        """Let one question be without an answer."""
        answer = self._waiting.pop(key, None)
        if answer is not None and not answer.done():
            answer.set_exception(reason)

    def answered(self, key: bytes | int, message: bytes) -> None:
        """Hand a reply to whoever waits for it; what nobody waits for is dropped."""
        answer = self._waiting.pop(key, None)
        if answer is not None and not answer.done():
            answer.set_result(message)


class StreamPool(Pool[StreamConnection]):
    """The connections of one kind to one upstream."""

    def __init__(
        self,
        protocol: str,
        make: Callable[[str], StreamConnection],
        address: Address,
        limits: PoolLimits,
        read_timeout_seconds: float,
        *,
        context: ssl.SSLContext | None = None,
        connections_most: int = 16,
    ) -> None:
        super().__init__(limits)
        self.protocol = protocol
        self._make, self._address, self._context = make, address, context
        self._deadlines = Deadlines(read_timeout_seconds)
        self._most = connections_most
        self._opening = asyncio.Semaphore(connections_most)

    async def exchange(self, packet: bytes) -> bytes:
        """Send a query and return the reply to it. Raises UpstreamError."""
        kept = self._shared() or self.take()
        if kept is not None:
            try:
                return await self._ask(kept, packet)
            except ConnectionEnded:
                pass
        return await self._ask(await self._opened(), packet)

    async def _ask(self, connection: StreamConnection, packet: bytes) -> bytes:
        loop = asyncio.get_running_loop()
        answer: Answer = loop.create_future()
        self._deadlines.add(answer, loop)
        self._busy.add(connection)
        connection.users += 1
        try:
            connection.ask(packet, answer)
            return await answer
        except BaseException as error:
            connection.alive = False  # a late reply to this question must meet nobody
            if isinstance(error, TimeoutError):
                raise failure("read", connection.path, error) from None
            raise
        finally:
            connection.users -= 1
            if not connection.users:
                self.done(connection)

    def close(self) -> None:
        """Close every connection; whoever waits for an answer is told."""
        super().close()
        self._deadlines.close()

    def _shared(self) -> StreamConnection | None:
        """Return the connection with the fewest questions, when there are as many as may be."""
        if len(self._busy) < self._most:
            return None
        usable = [each for each in self._busy if each.alive and not each.is_full]
        return min(usable, key=lambda each: each.users, default=None)

    async def _opened(self) -> StreamConnection:
        with calling("connect", "dial", f"tcp {self._address}"):
            async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS), self._opening:
                return self._shared() or await self._open()

    async def _open(self) -> StreamConnection:
        address, context = self._address, self._context
        dialled = await address.dialled(CONNECT_TIMEOUT_SECONDS)
        path = f"tcp {endpoint(dialled.getsockname())}->{address}"
        name = (address.server_name or address.host) if context else None
        try:
            _, connection = await asyncio.get_running_loop().create_connection(
                lambda: self._make(path), sock=dialled, ssl=context, server_hostname=name
            )
        except BaseException:
            dialled.close()
            raise
        return connection
