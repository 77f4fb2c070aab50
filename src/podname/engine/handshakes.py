"""TLS connections for `podname.engine.tcp`: accepted, and handed over when their handshake is done.

A handshake that does not end holds a descriptor: their number is bounded, in all and for each client, and so is their
time. The certificate is the one of the moment: a new one is for the next connection.

Source: RFC 7858 §3.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import Counter

from podname.engine.responding import Responder
from podname.engine.tcp import (
    BACKLOG,
    CONNECTIONS_MAX,
    CONNECTIONS_OF_A_CLIENT_MAX,
    Connection,
    Tcp,
)
from podname.runtime.http.tls import Tls
from podname.runtime.tasks import Tasks

_AGAIN_SECONDS = 0.1


class Handshakes:
    """What comes in on one bound socket. Without `tls` it is handed over in the clear."""

    def __init__(
        self, bound: socket.socket, tcp: Tcp, responder: Responder, tls: Tls | None
    ) -> None:
        self.tls = tls
        self._bound, self._tcp, self._responder = bound, tcp, responder
        self._clients: Counter[str] = Counter()  # of those under way
        self._under_way = Tasks()
        bound.listen(BACKLOG)
        bound.setblocking(False)
        self._accepting = asyncio.create_task(self._accept())

    async def close(self) -> None:
        """Accept nothing more; give up the handshakes under way."""
        self._accepting.cancel()
        await asyncio.gather(self._accepting, return_exceptions=True)
        self._bound.close()
        await self._under_way.end()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                accepted, where = await loop.sock_accept(self._bound)
            except OSError:  # the client is gone, or there are too many open files
                await asyncio.sleep(_AGAIN_SECONDS)
                continue
            if self._has_room(where[0]):
                self._clients[where[0]] += 1
                self._under_way.start(self._shake_hands(accepted, where[0]))
            else:
                accepted.close()
            await asyncio.sleep(0)  # a flood of clients must not hold the event loop

    def _has_room(self, client: str) -> bool:
        is_greedy = self._clients[client] >= CONNECTIONS_OF_A_CLIENT_MAX
        return not is_greedy and self._clients.total() < CONNECTIONS_MAX

    async def _shake_hands(self, accepted: socket.socket, client: str) -> None:
        tls, limits = self.tls, self._tcp.limits
        try:
            with contextlib.suppress(OSError):  # who sends nonsense or goes away is not our news
                await asyncio.get_running_loop().connect_accepted_socket(
                    lambda: Connection(self._tcp, self._responder),
                    accepted,
                    ssl=tls.context if tls else None,
                    ssl_handshake_timeout=limits.first_read_seconds if tls else None,
                    ssl_shutdown_timeout=limits.write_seconds if tls else None,
                )
        finally:
            self._clients[client] -= 1
            if not self._clients[client]:
                del self._clients[client]
