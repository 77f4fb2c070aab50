"""The HTTP server: a socket, a handler, and TLS where there is a certificate.

As many connections as `CONNECTIONS_MAX` may be open, those in their TLS handshake included. One more takes the place of
one on which no handler is at work, first of one that has asked nothing so far, then of the one that waits longest; if
there is none, it is refused.

Sources: asyncio, "Low-level socket functions"; CoreDNS plugin/pkg/reuseport.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections import Counter
from collections.abc import Collection
from functools import partial
from typing import Any

from podname.errors import PodnameError
from podname.runtime import privilege
from podname.runtime.http.connection import Connection, Service
from podname.runtime.http.messages import Handler
from podname.runtime.http.tls import Tls
from podname.runtime.tasks import Tasks

CONNECTIONS_MAX = 512
CLOSE_SECONDS = 5.0
HANDSHAKE_SECONDS = 5.0
_KEPT_SECONDS = 5.0
_BODY_OCTETS = 64 * 1024
_ABORT_SECONDS = 1.0
_AGAIN_SECONDS = 0.1


class HttpServer:
    """Serves one handler on one socket."""

    def __init__(
        self,
        handler: Handler,
        *,
        tls: Tls | None = None,
        kept_seconds: float = _KEPT_SECONDS,
        body_octets: int = _BODY_OCTETS,
        connections_of_a_client: int = CONNECTIONS_MAX,
    ) -> None:
        self._service = Service(handler, body_octets, kept_seconds)
        self._tls = tls
        self._listening: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None
        self._open: dict[Connection, asyncio.Task[None]] = {}
        self._clients: Counter[str] = Counter()  # of those that are open
        self._client_most = connections_of_a_client
        self._serving = Tasks()  # of those that are open or about to be gone

    @property
    def connections(self) -> Collection[Connection]:
        """Those that are open, be it in their handshake."""
        return self._open.keys()

    @property
    def is_draining(self) -> bool:
        """Whether each response ends its connection."""
        return self._service.is_draining

    async def open(self, host: str, port: int, *, share: bool = False) -> int:
        """Bind and serve; return the port. Raises PodnameError."""
        try:
            listening = await listen(host, port, share=share)
        except OSError as error:
            where = f"{'https' if self._tls else 'http'}://{host}:{port}"
            raise PodnameError(f"cannot listen on {where}: {error.strerror or error}") from error
        await self.serve(listening)
        return int(listening.getsockname()[1])

    async def serve(self, listening: socket.socket) -> None:
        """Serve on a socket that listens and does not block."""
        if self._tls is not None:
            await self._tls.prepare()
        self._listening = listening
        self._accepting = asyncio.create_task(self._accept(listening))

    async def show(self, tls: Tls | None) -> None:
        """Speak TLS with this, or none, on the next connections."""
        if tls is not None:
            await tls.prepare()
        self._tls = tls

    def keep(self, seconds: float) -> None:
        """Keep connections so long for the next request."""
        self._service.kept_seconds = seconds

    def drain(self) -> None:
        """Let each response end its connection: clients ask elsewhere, and none is surprised by `close`."""
        self._service.is_draining = True

    async def close(self) -> None:
        """Stop listening and finish what is under way; no connection outlives this, be it in its handshake."""
        if self._accepting is None or self._listening is None:
            return
        self._accepting.cancel()
        await asyncio.wait({self._accepting})
        self._listening.close()
        self.drain()
        for connection in list(self._open):
            if connection.is_made:
                connection.finish()
            else:
                self._drop(connection)
        await self._serving.wait(CLOSE_SECONDS)
        for connection in list(self._open):
            self._drop(connection)
        await self._serving.wait(_ABORT_SECONDS)

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                accepted, where = await loop.sock_accept(listening)
            except OSError:  # the client is gone, or there are too many open files
                await asyncio.sleep(_AGAIN_SECONDS)
                continue
            if self._clients[where[0]] < self._client_most and self._has_room():
                connection = Connection(self._service)
                serving = self._serving.start(self._serve(connection, accepted))
                self._open[connection] = serving
                self._clients[where[0]] += 1
                serving.add_done_callback(partial(self._ended, connection, accepted, where[0]))
            else:
                accepted.close()
            await asyncio.sleep(0)  # a flood of clients must not hold the event loop

    async def _serve(self, connection: Connection, accepted: socket.socket) -> None:
        """Shake hands, and wait for the end."""
        seconds = HANDSHAKE_SECONDS if self._tls else None
        with contextlib.suppress(OSError):  # who sends nonsense or goes away is not our news
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: connection,
                accepted,
                ssl=self._tls.context if self._tls else None,
                ssl_handshake_timeout=seconds,
                ssl_shutdown_timeout=seconds,
            )
            await connection.gone.wait()

    def _ended(
        self,
        connection: Connection,
        accepted: socket.socket,
        client: str,
        _: asyncio.Task[None],
    ) -> None:
        self._open.pop(connection, None)
        self._clients[client] -= 1
        if not self._clients[client]:
            del self._clients[client]
        accepted.close()  # of a task that was cancelled before it began, nobody else does

    def _has_room(self) -> bool:
        """Drop a connection if there are too many; return whether there is room for another."""
        if len(self._open) < CONNECTIONS_MAX:
            return True
        idle = [each for each in self._open if each.is_waiting]
        if idle:
            self._drop(min(idle, key=lambda each: (each.has_asked, each.waits_since)))
        return bool(idle)

    def _drop(self, connection: Connection) -> None:
        """Close a connection now, or its handshake."""
        serving = self._open.pop(connection)
        if connection.is_made:
            connection.abort()
        else:
            serving.cancel()


async def listen(host: str, port: int, *, share: bool) -> socket.socket:
    """Bind a listening TCP socket. A name is looked up, IPv4 first, as Go's `net.Listen` does."""
    if not host:
        with contextlib.suppress(OSError):
            return _bind(socket.AF_INET6, ("::", port), share=share)
        return _bind(socket.AF_INET, ("0.0.0.0", port), share=share)
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    family, _, _, _, where = min(found, key=lambda entry: entry[0] != socket.AF_INET)
    return _bind(family, where, share=share)


def _bind(family: int, where: tuple[Any, ...], *, share: bool) -> socket.socket:
    """Bind, refusing an address in use, except, with `share`, by an endpoint of our own."""
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(where[0] != "::"))
        try:
            privilege.bind(listening, where)
        except OSError as error:
            if not share or error.errno != errno.EADDRINUSE:
                raise
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            privilege.bind(listening, where)
        listening.listen(128)
        listening.setblocking(False)
        # From here on a socket of ours that asks for it may stand beside this one, and no other.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    except BaseException:
        listening.close()
        raise
    return listening
