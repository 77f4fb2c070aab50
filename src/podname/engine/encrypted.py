"""Listeners for questions over TLS and HTTPS. They answer as TCP does, from the same tables and plugin chains.

Without TLS the same is said in the clear, as CoreDNS does: behind a proxy that ends TLS, for instance.

Sources: RFC 7858, RFC 8484; CoreDNS 1.15.0 core/dnsserver server_tls.go and server_https.go.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence

from podname.engine.base import Engine, Plan
from podname.engine.doh import QUERY_OCTETS_MAX, Doh
from podname.engine.handshakes import Handshakes
from podname.engine.misses import Misses
from podname.engine.responding import Responder
from podname.engine.sockets import bind_streams
from podname.engine.tcp import BACKLOG, CONNECTIONS_OF_A_CLIENT_MAX, Tcp
from podname.runtime.http.server import HttpServer
from podname.runtime.http.tls import Tls


class EncryptedListener:
    """One address and port, for one scheme: `tls` or `https`."""

    def __init__(self, engine: Engine, server: str, scheme: str) -> None:
        self.address = ("", 0)
        self._engine, self._server, self._scheme = engine, server, scheme
        self._misses = Misses(engine.stats)
        self._tcp = Tcp(server, self._misses)
        self._responders: list[Responder] = []
        self._handshakes: list[Handshakes] = []
        self._https: list[HttpServer] = []

    async def open(self, host: str, port: int, plans: Sequence[Plan], tls: Tls | None) -> None:
        """Bind and serve, in the clear without `tls`. Raises OSError."""
        streams = bind_streams(host, port)
        self._tcp.serve(plans)
        bound = streams[-1].getsockname()
        self.address = (bound[0], bound[1])
        try:
            for stream in streams:
                family = 2 if stream.family == socket.AF_INET6 else 1
                responder = self._engine.responder(self._server, "tcp", family)
                responder.serve(plans)
                self._responders.append(responder)
                await self._accept(stream, responder, tls)
        except OSError:
            await self.close(0)
            for stream in streams:
                stream.close()
            raise

    async def _accept(self, stream: socket.socket, responder: Responder, tls: Tls | None) -> None:
        if self._scheme == "tls":
            self._handshakes.append(Handshakes(stream, self._tcp, responder, tls))
            return
        doh = Doh(self._server, responder, self._misses, self._engine.stats)
        https = HttpServer(
            doh.handle,
            tls=tls,
            kept_seconds=self._tcp.limits.idle_seconds,
            body_octets=QUERY_OCTETS_MAX,
            connections_of_a_client=CONNECTIONS_OF_A_CLIENT_MAX,
        )
        stream.listen(BACKLOG)
        stream.setblocking(False)
        await https.serve(stream)
        self._https.append(https)

    def serve(self, plans: Sequence[Plan]) -> None:
        """Swap what is served, keeping the sockets and the connections."""
        self._tcp.serve(plans)
        for responder in self._responders:
            responder.serve(plans)
        for https in self._https:
            https.keep(self._tcp.limits.idle_seconds)

    async def show(self, tls: Tls | None) -> None:
        """Speak TLS with this, or none, on the next connections."""
        for handshakes in self._handshakes:
            handshakes.tls = tls
        for https in self._https:
            await https.show(tls)

    async def close(self, grace_seconds: float) -> None:
        """Take no new connection, finish what is under way, close the sockets."""
        await asyncio.gather(*(handshakes.close() for handshakes in self._handshakes))
        await asyncio.gather(
            self._misses.finish(grace_seconds),
            self._tcp.close(grace_seconds),
            *(https.close() for https in self._https),
        )
        for responder in self._responders:
            responder.close()
        self._responders.clear()
