"""The webhook over real TLS: the API server's requests, hostile ones, and a certificate that changes."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from podname.runtime.http import connection
from podname.runtime.http import server as http_server
from podname.webhook import serving
from podname.webhook.material import Material
from podname.webhook.review import Settings
from podname.webhook.serving import Reviewer, TlsServer
from tests.unit.webhook.test_review import asked, patched, pod

HOST = "podname-webhook.podname.svc"


async def search(_: str) -> str:
    """Return what each namespace says."""
    return "search"


class Client:
    """One connection of an API server, which trusts one material."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, body: bytes, path: str, method: str = "POST") -> None:
        head = f"{method} {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {len(body)}\r\n\r\n"
        self.writer.write(head.encode() + body)

    async def post(self, body: bytes, path: str = "/inject", method: str = "POST") -> Any:
        """Return the response of the AdmissionReview, or the status of a refusal."""
        self.send(body, path, method)
        return await self.answer()

    async def answer(self) -> Any:
        async with asyncio.timeout(10):
            head = await self.reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].split()[0])
            body = await self.reader.readexactly(length)
        status = int(head.split()[1])
        return msgspec.json.decode(body)["response"] if status == 200 else status


@pytest.fixture
def material() -> Material:
    return Material.make([HOST], datetime.now(UTC))


@pytest.fixture
async def server(material: Material) -> AsyncIterator[TlsServer]:
    server = TlsServer("127.0.0.1", 0, Reviewer(search, Settings()))
    server.show(material)
    await server.open()
    yield server
    await server.close()


@asynccontextmanager
async def connected(server: TlsServer, material: Material) -> AsyncIterator[Client]:
    context = ssl.create_default_context(cadata=material.authorities.decode())
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", server.port, ssl=context, server_hostname=HOST
    )
    try:
        yield Client(reader, writer)
    finally:
        writer.transport.abort()


async def test_pods_one_after_another(server: TlsServer, material: Material) -> None:
    async with connected(server, material) as client:
        for name in ("one", "two"):
            item = pod(name=name)
            said = await client.post(asked(item))
            searches = patched(item, said)["spec"]["dnsConfig"]["searches"]
            assert searches == ["shop.pod.cluster.local"]


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/", "POST", 404),
        ("/inject/", "POST", 404),
        ("/inject/search", "POST", 404),
        ("/metrics", "GET", 404),
        ("/inject", "GET", 405),
        ("/inject", "PUT", 405),
    ],
)
async def test_anything_else(
    server: TlsServer, material: Material, path: str, method: str, status: int
) -> None:
    async with connected(server, material) as client:
        assert await client.post(b"", path, method) == status


@pytest.mark.parametrize("body", [b"", b"{", b"\x00" * 5000, b"[" * 100_000])
async def test_bad_bodies(server: TlsServer, material: Material, body: bytes) -> None:
    async with connected(server, material) as client:
        for _ in range(2):
            said = await client.post(body)
            assert said["allowed"]
            assert said["warnings"]
        assert "patch" in await client.post(asked(pod()))


async def test_a_huge_body(server: TlsServer, material: Material) -> None:
    async with connected(server, material) as client:
        said = await client.post(asked(pod(annotations={"x": "y" * serving.MOST_OCTETS})))
        assert f"{serving.MOST_OCTETS} octets" in said["warnings"][0]
        assert "patch" in await client.post(asked(pod()))


async def test_a_mistake_of_ours(
    server: TlsServer, material: Material, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    monkeypatch.setattr(serving, "answer", lambda *_: 1 / 0)
    async with connected(server, material) as client:
        said = await client.post(asked(pod()))
    assert (said["uid"], said["allowed"]) == ("u-1", True)
    assert "its log says why" in said["warnings"][0]
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize(
    "octets",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\xff\xff" + b"\x00" * 300,
        b"\x00" * 9000,
        b"\x16\x03\x01",
    ],
)
async def test_who_speaks_no_tls_disturbs_nobody(
    server: TlsServer, material: Material, octets: bytes
) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(octets)
    async with connected(server, material) as client:
        assert "patch" in await client.post(asked(pod()))
    writer.close()


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"POST /inject HTTP/1.1\r\nHost: x\r\nContent-Len",
        b"POST /inject HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf",
    ],
)
async def test_half_a_request_is_left(
    material: Material, head: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "REQUEST_SECONDS", 0.02)
    server = TlsServer("127.0.0.1", 0, Reviewer(search, Settings()))
    server.show(material)
    await server.open()
    async with connected(server, material) as client:
        client.writer.write(head)
        async with asyncio.timeout(10):
            assert await _rest(client.reader) == b""
    await server.close()


async def _rest(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read()
    except ConnectionError:
        return b""


async def test_between_two_requests_the_connection_is_kept(
    material: Material, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "REQUEST_SECONDS", 0.2)
    server = TlsServer("127.0.0.1", 0, Reviewer(search, Settings()))
    server.show(material)
    await server.open()
    async with connected(server, material) as client, connected(server, material) as silent:
        assert "patch" in await client.post(asked(pod()))
        async with asyncio.timeout(10):
            assert await _rest(silent.reader) == b"", "who has asked nothing is not kept"
        assert "patch" in await client.post(asked(pod()))
    await server.close()


async def test_a_new_certificate_loses_no_request(server: TlsServer, material: Material) -> None:
    renewed = Material.make([HOST], datetime.now(UTC), material)
    async with connected(server, material) as before:
        body = asked(pod())
        before.writer.write(
            b"POST /inject HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
        )
        before.writer.write(body[:50])
        await before.writer.drain()
        server.show(renewed)
        before.writer.write(body[50:])
        assert "patch" in await before.answer()
        async with connected(server, renewed) as after:
            assert "patch" in await after.post(body)
        assert "patch" in await before.post(body)
    with pytest.raises(ssl.SSLCertVerificationError):
        async with connected(server, material):
            pass


async def test_many_at_once_while_the_certificate_changes(
    server: TlsServer, material: Material
) -> None:
    renewed = Material.make([HOST], datetime.now(UTC), material)

    async def create(number: int) -> None:
        if number == 16:
            server.show(renewed)
        async with connected(server, renewed) as client:  # who trusts both
            assert "patch" in await client.post(asked(pod()))

    await asyncio.gather(*(create(number) for number in range(32)))


async def test_who_ends_sends_the_next_question_elsewhere(material: Material) -> None:
    reviewer = Reviewer(search, Settings())
    server = TlsServer("127.0.0.1", 0, reviewer)
    server.show(material)
    await server.open()
    async with connected(server, material) as client:
        assert "patch" in await client.post(asked(pod()))
        server.drain()
        assert "patch" in await client.post(asked(pod()))
        async with asyncio.timeout(10):
            assert await _rest(client.reader) == b""
    await server.close()


async def test_what_is_under_way_is_answered_when_it_ends(
    server: TlsServer, material: Material
) -> None:
    async with connected(server, material) as client:
        assert "patch" in await client.post(asked(pod()))
        client.send(asked(pod()), "/inject")
        await client.writer.drain()
        said = await client.answer()
        await server.close()
        assert "patch" in said
        async with asyncio.timeout(10):
            assert await _rest(client.reader) == b""


@pytest.mark.parametrize("sent", [b"", b"\x16\x03\x01\x02\x00\x01"])
async def test_half_a_handshake_is_left(
    material: Material, sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_server, "HANDSHAKE_SECONDS", 0.02)
    server = TlsServer("127.0.0.1", 0, Reviewer(search, Settings()))
    server.show(material)
    await server.open()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(sent)
    async with asyncio.timeout(10):
        assert await _rest(reader) == b""
    writer.close()
    await server.close()
