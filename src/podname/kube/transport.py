"""The way to the API server: GET a path and read the answer as it comes.

Everything that can go wrong on the way becomes a KubeError: Gone (410), Unauthorized (401, after the credentials were
renewed once), Forbidden (403), or KubeError with the status. A server that falls silent, as it does when a firewall
forgets a connection, is left after `IDLE_SECONDS`: bookmarks come every minute, so silence is no good sign; besides,
the kernel is told to probe.

Sources: Kubernetes API conventions, "HTTP status codes"; client-go rest `Request.Watch`.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from typing import Protocol
from urllib.parse import urlencode, urlsplit

from podname import __version__
from podname.errors import Forbidden, Gone, KubeError, Unauthorized
from podname.kube.auth import Credentials
from podname.kube.http import Connection, Disconnected, Response
from podname.kube.scrub import scrub
from podname.kube.shapes import Status

JSON = "application/json"
#: Names, versions and labels without the rest: what a comparison needs.
METADATA = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json"

IDLE_SECONDS = 150.0
CONNECT_SECONDS = 10.0
_ERROR_OCTETS_MAX = 64 * 1024
_KEPT_CONNECTIONS_MAX = 4
_PROBES = (("TCP_KEEPIDLE", 20), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3))


class Transport(Protocol):
    """What the reflector needs of a way to the API server.

    `requests` counts by verb (LIST or WATCH) and status code (0: no answer).
    """

    requests: Counter[tuple[str, int]]

    def stream(
        self, path: str, parameters: Mapping[str, str], accept: str = JSON
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """GET a path; the octets of the answer's body as they come. Raises KubeError, in the body too."""

    async def close(self) -> None:
        """Let go of all connections."""


class HttpTransport:
    """Speaks to one API server."""

    def __init__(self, credentials: Credentials, idle_seconds: float = IDLE_SECONDS) -> None:
        self.requests: Counter[tuple[str, int]] = Counter()
        self._credentials = credentials
        self._idle_seconds = idle_seconds
        parts = urlsplit(credentials.config.server)
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._authority = parts.netloc.rpartition("@")[2]
        self._base_path = parts.path.rstrip("/")
        self._kept: list[tuple[ssl.SSLContext | None, Connection]] = []

    @asynccontextmanager
    async def stream(
        self, path: str, parameters: Mapping[str, str], accept: str = JSON
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """GET a path; a 401 renews the credentials and is tried once more."""
        target = f"{self._base_path}{path}?{urlencode(parameters)}"
        verb = "WATCH" if parameters.get("watch") == "true" else "LIST"
        generation = self._credentials.generation
        context, connection, response = await self._answer(verb, target, accept)
        if response.status == 401:
            connection.close()
            self._credentials.renew(generation)
            context, connection, response = await self._answer(verb, target, accept)
        try:
            if response.status != 200:
                raise await _error(response, path)
            async with aclosing(response.body()) as body:
                yield body
        finally:
            self._put_back(context, connection, response)

    async def close(self) -> None:
        """Close the connections that wait for a next request."""
        while self._kept:
            self._kept.pop()[1].close()

    async def _answer(
        self, verb: str, target: str, accept: str
    ) -> tuple[ssl.SSLContext | None, Connection, Response]:
        """Send a request and read the head of its answer; a kept connection may have died meanwhile."""
        headers = {
            "Host": self._authority,
            "User-Agent": f"podname/{__version__}",
            "Accept": accept,
            "Accept-Encoding": "identity",
        }
        status = 0
        try:
            headers |= await self._credentials.headers()
            context = await self._credentials.tls()
            while True:
                connection = self._take_kept(context) or await self._connect(context)
                response = Response(connection)
                try:
                    connection.write(_request(target, headers))
                    await response.read_head()
                except Disconnected:
                    connection.close()
                    if connection.is_used:
                        continue
                    raise
                except BaseException:
                    connection.close()
                    raise
                status = response.status
                return context, connection, response
        finally:
            self.requests[verb, status] += 1

    async def _connect(self, context: ssl.SSLContext | None) -> Connection:
        name = self._credentials.config.server_name or self._host
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                transport, connection = await loop.create_connection(
                    lambda: Connection(self._idle_seconds),
                    self._host,
                    self._port,
                    ssl=context,
                    server_hostname=name if context else None,
                )
        except (OSError, TimeoutError, ssl.CertificateError) as error:
            reason = str(error) or type(error).__name__
            raise KubeError(f"cannot connect to {self._authority}: {reason}") from error
        _probe(transport.get_extra_info("socket"))
        return connection

    def _take_kept(self, context: ssl.SSLContext | None) -> Connection | None:
        while self._kept:
            made_with, connection = self._kept.pop()
            if made_with is context and not connection.has_ended:
                return connection
            connection.close()
        return None

    def _put_back(
        self, context: ssl.SSLContext | None, connection: Connection, response: Response
    ) -> None:
        if (
            response.can_reuse
            and not connection.has_ended
            and len(self._kept) < _KEPT_CONNECTIONS_MAX
        ):
            connection.is_used = True
            self._kept.append((context, connection))
        else:
            connection.close()


def _request(target: str, headers: Mapping[str, str]) -> bytes:
    lines = [f"GET {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    if any("\r" in line or "\n" in line for line in lines):
        raise KubeError("a token or an address holds the end of a line")
    return "\r\n".join([*lines, "", ""]).encode("utf-8")


def _probe(connected: socket.socket | None) -> None:
    """Let the kernel find out within a minute that the other side is gone."""
    if connected is None:
        return
    with contextlib.suppress(OSError):
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in _PROBES:
            if hasattr(socket, option):
                connected.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


async def _error(response: Response, path: str) -> KubeError:
    """Make an error of an answer that is none, with the server's own words for it."""
    text = b""
    with contextlib.suppress(KubeError):
        async with aclosing(response.body()) as body:
            async for piece in body:
                text += piece
                if len(text) > _ERROR_OCTETS_MAX:
                    break
    status = scrub(text, Status) or Status()
    said = status.message or text[:200].decode("utf-8", "replace").strip() or "no reason given"
    code = response.status
    message = f"GET {path}: {code}: {said[:500]}"
    after = response.headers.get("retry-after", "")
    after_seconds = float(after) if after.isdecimal() and len(after) < 6 else 0.0
    kinds = {401: Unauthorized, 403: Forbidden, 410: Gone}
    return kinds.get(code, KubeError)(message, code, after_seconds)
