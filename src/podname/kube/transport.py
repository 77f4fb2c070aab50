"""The way to the API server: GET a path and read the answer as it comes, or write and read the answer whole.

A request whose kept connection turns out to be dead is sent again, writes too: ask only for what may be done twice
(server-side apply, DELETE, a PUT or a POST that then ends in 409).

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
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlencode, urlsplit

from podname import __version__
from podname.errors import Forbidden, Gone, KubeError, Unauthorized
from podname.kube.auth import Credentials
from podname.kube.http import Connection, Disconnected, Response
from podname.kube.scrub import scrub
from podname.kube.types import Status
from podname.runtime.backoff import LONGEST_SECONDS

JSON = "application/json"
#: A watch in protobuf, or in JSON from a server that has no other.
PROTOBUF_WATCH = "application/vnd.kubernetes.protobuf;stream=watch,application/json"
#: Server-side apply; JSON is YAML.
APPLY = "application/apply-patch+yaml"
#: Names, versions and labels without the rest: what a comparison needs.
METADATA = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json"

IDLE_SECONDS = 150.0
CONNECT_SECONDS = 10.0
WRITE_SECONDS = 30.0
_ERROR_OCTETS_MAX = 64 * 1024
_KEPT_CONNECTIONS_MAX = 4
_PROBES = (("TCP_KEEPIDLE", 20), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3))


@dataclass(frozen=True, slots=True)
class _Call:
    """A request. `verb` is what it is counted as: LIST, WATCH, or the method."""

    verb: str
    method: str
    path: str
    target: str
    accept: str = JSON
    body: bytes = b""
    content_type: str = ""


class Transport(Protocol):
    """What the reflector needs of a way to the API server.

    `requests` counts by verb (LIST, WATCH, or the method of a single request) and status code (0: no answer).
    """

    requests: Counter[tuple[str, int]]

    def stream(
        self, path: str, parameters: Mapping[str, str], accept: str = JSON
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """GET a path; the octets of the answer's body as they come. Raises KubeError, in the body too."""

    async def close(self) -> None:
        """Let go of all connections."""


class Requester(Protocol):
    """What somebody needs who reads or writes single objects."""

    async def request(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, str] | None = None,
        body: bytes = b"",
        content_type: str = JSON,
        *,
        seconds: float = WRITE_SECONDS,
    ) -> bytes:
        """Ask once and give the whole answer. Raises KubeError: 404, 409 and the like are its `code`."""


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
        verb = "WATCH" if parameters.get("watch") == "true" else "LIST"
        call = _Call(verb, "GET", path, self._target(path, parameters), accept)
        async with self._exchange(call) as response, aclosing(response.body()) as body:
            yield body

    async def request(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, str] | None = None,
        body: bytes = b"",
        content_type: str = JSON,
        *,
        seconds: float = WRITE_SECONDS,
    ) -> bytes:
        """Ask once and give the whole answer, within `seconds`. Raises KubeError."""
        target = self._target(path, parameters or {})
        call = _Call(method, method, path, target, JSON, body, content_type if body else "")
        try:
            async with (
                asyncio.timeout(seconds),
                self._exchange(call) as response,
                aclosing(response.body()) as pieces,
            ):
                return b"".join([piece async for piece in pieces])
        except TimeoutError as error:
            raise KubeError(f"{method} {path}: no answer within {seconds:g} s") from error

    async def close(self) -> None:
        """Close the connections that wait for a next request."""
        while self._kept:
            self._kept.pop()[1].close()

    def _target(self, path: str, parameters: Mapping[str, str]) -> str:
        query = f"?{urlencode(parameters)}" if parameters else ""
        return f"{self._base_path}{path}{query}"

    @asynccontextmanager
    async def _exchange(self, call: _Call) -> AsyncIterator[Response]:
        """Send a request and give the good answer; a 401 renews the credentials and is tried once more."""
        generation = self._credentials.generation
        context, connection, response = await self._answer(call)
        if response.status == 401:
            connection.close()
            self._credentials.renew(generation)
            context, connection, response = await self._answer(call)
        try:
            if not 200 <= response.status < 300:
                raise await _error(response, call)
            yield response
        finally:
            self._put_back(context, connection, response)

    async def _answer(self, call: _Call) -> tuple[ssl.SSLContext | None, Connection, Response]:
        """Send a request and read the head of its answer; a kept connection may have died meanwhile."""
        headers = {
            "Host": self._authority,
            "User-Agent": f"podname/{__version__}",
            "Accept": call.accept,
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
                    connection.write(_request(call, headers))
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
            self.requests[call.verb, status] += 1

    async def _connect(self, context: ssl.SSLContext | None) -> Connection:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                transport, connection = await self._open(context)
        except (OSError, TimeoutError, ssl.CertificateError) as error:
            reason = str(error) or type(error).__name__
            raise KubeError(f"cannot connect to {self._authority}: {reason}") from error
        _probe(transport.get_extra_info("socket"))
        return connection

    async def _open(self, context: ssl.SSLContext | None) -> tuple[asyncio.Transport, Connection]:
        config, loop = self._credentials.config, asyncio.get_running_loop()
        name = (config.server_name or self._host) if context else None
        if config.proxy is None:
            return await loop.create_connection(
                self._connection, self._host, self._port, ssl=context, server_hostname=name
            )
        opened = await config.proxy.connect(self._host, self._port)
        try:
            return await loop.create_connection(
                self._connection, sock=opened, ssl=context, server_hostname=name
            )
        except BaseException:
            opened.close()
            raise

    def _connection(self) -> Connection:
        return Connection(self._idle_seconds)

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


def _request(call: _Call, headers: Mapping[str, str]) -> bytes:
    if call.body:
        headers = {
            **headers,
            "Content-Type": call.content_type,
            "Content-Length": str(len(call.body)),
        }
    first = f"{call.method} {call.target} HTTP/1.1"
    lines = [first, *(f"{name}: {value}" for name, value in headers.items())]
    if any("\r" in line or "\n" in line for line in lines):
        raise KubeError("a token or an address holds the end of a line")
    return "\r\n".join([*lines, "", ""]).encode("utf-8") + call.body


def _probe(connected: socket.socket | None) -> None:
    """Let the kernel find out within a minute that the other side is gone."""
    if connected is None:
        return
    with contextlib.suppress(OSError):
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in _PROBES:
            if hasattr(socket, option):
                connected.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


async def _error(response: Response, call: _Call) -> KubeError:
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
    message = f"{call.method} {call.path}: {code}: {said[:500]}"
    after = response.headers.get("retry-after", "")
    after_seconds = float(after) if after.isascii() and after.isdecimal() else 0.0
    kinds = {401: Unauthorized, 403: Forbidden, 410: Gone}
    return kinds.get(code, KubeError)(message, code, min(after_seconds, LONGEST_SECONDS))
