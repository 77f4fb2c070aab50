"""The HTTP server under an `Endpoint` and under the webhook: uvicorn's protocol on a socket of our own.

uvicorn's `Server` is not used: it takes signals for its own, wakes ten times a second, and gives a TLS handshake a
minute.

Sources: uvicorn's `Server`; CoreDNS plugin/pkg/reuseport.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
import ssl
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from podname.engine import privilege
from podname.errors import PodnameError
from podname.plugins.asgi import App

_CLOSE_SECONDS = 5
_ABORT_SECONDS = 1
_HANDSHAKE_SECONDS = 5.0
_IDLE_SECONDS = 5

logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # who sends nonsense is not our news


class Connection(H11Protocol):
    """Ends when nothing has come of it for a while: no request, half of one, or an answer that nobody reads."""

    _timer: asyncio.TimerHandle
    _seen: object = None
    _waited_seconds = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to look at it now and then."""
        super().connection_made(transport)
        self._timer = self.loop.call_later(_IDLE_SECONDS, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """Look at it no more."""
        self._timer.cancel()
        super().connection_lost(exc)

    def _look(self) -> None:
        self._waited_seconds += _IDLE_SECONDS
        if self.cycle is not self._seen:  # a request since the last time
            self._seen, self._waited_seconds = self.cycle, 0
        elif self._waited_seconds >= (self.timeout_keep_alive if self._is_kept else 0):
            self.transport.abort()
            return
        self._timer = self.loop.call_later(_IDLE_SECONDS, self._look)

    @property
    def _is_kept(self) -> bool:
        """Whether the last answer was read and nothing of a next request has come."""
        is_answered = self.cycle is not None and self.cycle.response_complete
        is_read = not self.transport.get_write_buffer_size()
        return is_answered and is_read and not self.conn.trailing_data[0]


class HttpServer:
    """Serves one ASGI callable on one socket, over TLS where there is a context for it."""

    def __init__(
        self, app: App, *, tls: ssl.SSLContext | None = None, kept_seconds: int | None = None
    ) -> None:
        self._config = uvicorn.Config(
            app,
            http=Connection,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=kept_seconds or _IDLE_SECONDS,
        )
        self._state = ServerState()
        self._tls = tls
        self._server: asyncio.Server | None = None

    async def open(self, host: str, port: int, *, share: bool = False) -> int:
        """Bind and serve; give the port. Raises PodnameError."""
        try:
            listening = await listen(host, port, share=share)
        except OSError as error:
            where = f"{'https' if self._tls else 'http'}://{host}:{port}"
            raise PodnameError(f"cannot listen on {where}: {error.strerror or error}") from error
        self._config.load()
        seconds = _HANDSHAKE_SECONDS if self._tls else None
        self._server = await asyncio.get_running_loop().create_server(
            lambda: Connection(self._config, self._state, {}),
            sock=listening,
            ssl=self._tls,
            ssl_handshake_timeout=seconds,
            ssl_shutdown_timeout=seconds,
        )
        return int(listening.getsockname()[1])

    async def close(self) -> None:
        """Stop listening and finish what is under way; no connection outlives this, be it in its handshake."""
        server, self._server = self._server, None
        if server is None:
            return
        closed = asyncio.ensure_future(server.wait_closed())
        await asyncio.sleep(0)  # before `close`: after it uvloop and Python 3.11 wait for nobody
        server.close()
        for connection in list(self._state.connections):
            connection.shutdown()
        waiting = {closed, *self._state.tasks}
        _, late = await asyncio.wait(waiting, timeout=_CLOSE_SECONDS)
        for connection in list(self._state.connections):
            connection.transport.abort()
        if late:
            await asyncio.wait(late, timeout=_ABORT_SECONDS)


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
