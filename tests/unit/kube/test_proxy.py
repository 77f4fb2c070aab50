"""To the API server through a proxy: what it is asked, and what is said when it refuses."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
import trustme

from podname.errors import KubeError
from podname.kube.auth import Credentials
from podname.kube.config import ClusterConfig, Pem
from podname.kube.proxy import Proxy
from podname.kube.transport import HttpTransport
from podname.runtime.clock import SystemClock
from tests.support.apiserver import ApiServer


@dataclass
class Relay:
    """An HTTP and SOCKS5 proxy. `refusal` answers CONNECT, `code` answers SOCKS."""

    refusal: bytes = b""
    code: int = 0
    asked: list[str] = field(default_factory=list)
    port: int = 0
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            first = await reader.readexactly(1)
            host, port = await (self._socks if first == b"\x05" else self._http)(reader, writer)
            if host:
                await self._relay(reader, writer, host, port)
        writer.transport.abort()

    async def _http(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> tuple[str, int]:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.asked.append("C" + head)
        writer.write(self.refusal or b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n")
        await writer.drain()
        host, _, port = head.split()[1].rpartition(":")
        return ("", 0) if self.refusal else (host.strip("[]"), int(port))

    async def _socks(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> tuple[str, int]:
        (method,) = await reader.readexactly((await reader.readexactly(1))[0])
        writer.write(bytes([5, method]))
        if method == 2:
            user = await reader.readexactly((await reader.readexactly(2))[1])
            password = await reader.readexactly((await reader.readexactly(1))[0])
            self.asked.append(f"{user.decode()}:{password.decode()}")
            writer.write(b"\x01\x00")
        kind = (await reader.readexactly(4))[3]
        length = {1: 4, 4: 16}.get(kind) or (await reader.readexactly(1))[0]
        raw = await reader.readexactly(length)
        host = raw.decode() if kind == 3 else ".".join(map(str, raw))
        port = int.from_bytes(await reader.readexactly(2), "big")
        self.asked.append(f"{kind} {host}:{port}")
        writer.write(bytes([5, self.code, 0, 3, 1]) + b"x" + b"\0\0")
        await writer.drain()
        return ("", 0) if self.code else (host, port)

    async def _relay(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int
    ) -> None:
        inner, outer = await asyncio.open_connection(host, port)
        self.tasks = {
            asyncio.create_task(_pump(reader, outer)),
            asyncio.create_task(_pump(inner, writer)),
        }
        await asyncio.wait(self.tasks, return_when=asyncio.FIRST_COMPLETED)
        outer.transport.abort()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)


@pytest.fixture
async def relay() -> AsyncIterator[Relay]:
    relay = Relay()
    server = await asyncio.start_server(relay, "127.0.0.1", 0)
    relay.port = server.sockets[0].getsockname()[1]
    yield relay
    server.close()


async def fetch(config: ClusterConfig) -> bytes:
    transport = HttpTransport(Credentials(config, SystemClock()), 5.0)
    try:
        return await transport.request("GET", "/api/v1/pods")
    finally:
        await transport.close()


def through(relay: Relay, scheme: str, server: str, user: str = "", **more: Pem) -> ClusterConfig:
    proxy = Proxy.parse(f"{scheme}://{user}127.0.0.1:{relay.port}")
    return ClusterConfig(server, proxy=proxy, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("scheme", ["http", "socks5"])
@pytest.mark.parametrize("has_tls", [False, True])
async def test_lists_come_through_a_proxy(relay: Relay, scheme: str, *, has_tls: bool) -> None:
    import ssl  # noqa: PLC0415

    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    async with ApiServer(context) if has_tls else ApiServer() as server:
        ca = Pem(data=authority.cert_pem.bytes())
        body = await fetch(through(relay, scheme, server.url, "me:p%40ss@", ca=ca))
    assert b'"items"' in body
    port = server.url.rpartition(":")[2]
    if scheme == "http":
        assert relay.asked[0].startswith(f"CONNECT 127.0.0.1:{port} HTTP/1.1\r\n")
        assert "Proxy-Authorization: Basic bWU6cEBzcw==" in relay.asked[0]
    else:
        assert relay.asked == ["me:p@ss", f"1 127.0.0.1:{port}"]


async def test_a_socks_proxy_resolves_the_name(relay: Relay) -> None:
    relay.code = 4
    with pytest.raises(
        KubeError, match=r"socks5://127.0.0.1:\d+ does not connect to api:80: the host cannot be"
    ):
        await fetch(through(relay, "socks5", "http://api"))
    assert relay.asked == ["3 api:80"]


async def test_a_proxy_that_refuses_is_named(relay: Relay) -> None:
    relay.refusal = b"HTTP/1.1 403 Filtered\r\n\r\n"
    with pytest.raises(
        KubeError,
        match=r"the proxy http://127.0.0.1:\d+ does not connect to api:443: 'HTTP/1.1 403",
    ):
        await fetch(through(relay, "http", "https://api", "me:secret@"))


async def test_a_proxy_that_is_not_there_is_named() -> None:
    config = ClusterConfig("http://api", proxy=Proxy.parse("http://127.0.0.1:1"))
    with pytest.raises(KubeError, match=r"the proxy http://127.0.0.1:1 cannot be reached"):
        await fetch(config)
