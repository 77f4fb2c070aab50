"""The way to the API server: framing, statuses, connections that are kept, TLS and tokens."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from podname.errors import Forbidden, Gone, KubeError, Unauthorized
from podname.kube.auth import Credentials
from podname.kube.config import ClusterConfig, Pem, from_endpoint
from podname.kube.http import Chunks, Disconnected
from podname.kube.transport import HttpTransport
from podname.runtime.clock import SystemClock
from tests.support.apiserver import ApiServer
from tests.support.clock import FakeClock, until
from tests.support.objects import pod

PATH = "/api/v1/pods"


def open_transport(config: ClusterConfig, idle_seconds: float = 5.0) -> HttpTransport:
    return HttpTransport(Credentials(config, SystemClock()), idle_seconds)


async def fetch(
    transport: HttpTransport, path: str = PATH, parameters: Mapping[str, str] | None = None
) -> bytes:
    async with transport.stream(path, parameters or {}) as chunks:
        return b"".join([chunk async for chunk in chunks])


Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


Raw = Callable[[Answer], Awaitable[HttpTransport]]


@pytest.fixture
async def raw() -> AsyncIterator[Raw]:
    """Serve connections by hand; give the way to that server."""
    servers: list[tuple[asyncio.Server, HttpTransport]] = []

    async def serve(answer: Answer) -> HttpTransport:
        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await answer(reader, writer)
            writer.transport.abort()

        server = await asyncio.start_server(connected, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        transport = open_transport(from_endpoint(f"http://127.0.0.1:{port}"))
        servers.append((server, transport))
        return transport

    yield serve
    for server, transport in servers:
        await transport.close()
        server.close()


def saying(octets: bytes, size: int = 1 << 20) -> Answer:
    """Answer one request with these octets, in pieces, and close."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for at in range(0, len(octets), size):
            writer.write(octets[at : at + size])
            await writer.drain()
        writer.write_eof()
        await reader.read()

    return answer


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize(
    ("octets", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", b"hello"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b""),
        (b"HTTP/1.0 200\r\n\r\nto the end", b"to the end"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length:2\r\n\r\nok", b"ok"),
        (b"HTTP/1.1 200 OK\r\nTRANSFER-ENCODING: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", b"abc"),
        (
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                b"3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nT: x\r\n\r\n"
            ),
            b"abc0123456789",
        ),
    ],
)
async def test_bodies(raw: Raw, octets: bytes, body: bytes, size: int) -> None:
    transport = await raw(saying(octets, size))
    assert await fetch(transport) == body


@pytest.mark.parametrize(
    ("octets", "message"),
    [
        (b"", "closed the connection without an answer"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "does not speak HTTP"),
        (b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000, "no end of headers"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhell", "broke off"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhell", "broke off"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"x" * 5000, "not chunked"),
        (b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", "302"),
    ],
)
async def test_answers_that_are_none(raw: Raw, octets: bytes, message: str) -> None:
    transport = await raw(saying(octets))
    with pytest.raises(KubeError, match=message):
        await fetch(transport)


@given(st.lists(st.binary(min_size=1, max_size=30), max_size=6), st.integers(1, 20))
def test_chunks_in_any_pieces(parts: list[bytes], size: int) -> None:
    text = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    chunks, found = Chunks(), b""
    for at in range(0, len(text), size):
        if not chunks.has_ended:
            found += chunks.feed(text[at : at + size])
    assert chunks.has_ended
    assert found == b"".join(parts)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, Unauthorized),
        (403, Forbidden),
        (410, Gone),
        (500, KubeError),
        (429, KubeError),
        (504, KubeError),
    ],
)
async def test_statuses_become_errors(
    server: ApiServer, status: int, error: type[KubeError]
) -> None:
    server.faults.statuses.extend([status, status])
    transport = open_transport(from_endpoint(server.url))
    with pytest.raises(KubeError, match="as asked for") as caught:
        await fetch(transport)
    assert type(caught.value) is error
    assert caught.value.code == status
    assert transport.requests == {("LIST", status): 2 if status == 401 else 1}
    await transport.close()


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("7", 7),
        ("30", 30),
        ("31", 30),
        ("99999", 30),
        ("9" * 400, 30),
        ("-5", 0),
        ("1.5", 0),
        ("soon", 0),
        ("", 0),
        ("Wed, 21 Oct 2065 07:28:00 GMT", 0),
    ],
)
async def test_a_server_says_when_to_come_back(raw: Raw, said: str, seconds: float) -> None:
    octets = f"HTTP/1.1 429 X\r\nRetry-After: {said}\r\nContent-Length: 3\r\n\r\nbsy".encode()
    transport = await raw(saying(octets))
    with pytest.raises(KubeError, match="429: bsy") as caught:
        await fetch(transport)
    assert caught.value.retry_after_seconds == seconds


async def test_nobody_listens() -> None:
    transport = open_transport(from_endpoint("http://127.0.0.1:1"))
    with pytest.raises(KubeError, match=r"cannot connect to 127\.0\.0\.1:1"):
        await fetch(transport)
    assert transport.requests == {("LIST", 0): 1}


async def test_a_connection_serves_one_list_after_the_other(server: ApiServer) -> None:
    transport = open_transport(from_endpoint(server.url))
    await fetch(transport)
    await fetch(transport)
    assert len(server._tasks) == 1
    await transport.close()
    await until(lambda: not server._tasks)


async def test_a_kept_connection_that_died_is_replaced(server: ApiServer) -> None:
    transport = open_transport(from_endpoint(server.url))
    await fetch(transport)
    await server.down()
    await server.up()
    await fetch(transport)
    assert transport.requests == {("LIST", 200): 2}
    await transport.close()


async def test_a_kept_connection_that_dies_under_a_request_is_replaced(raw: Raw) -> None:
    connections = 0

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await reader.readuntil(b"\r\n\r\n")  # the next one gets no answer

    transport = await raw(once)
    assert [await fetch(transport) for _ in range(3)] == [b"ok"] * 3
    assert connections == 3


@pytest.mark.parametrize(
    ("answer", "connections"),
    [
        (b"Content-Length: 2\r\n\r\nok", 1),
        (b"Content-Length: 2\r\nConnection: close\r\n\r\nok", 2),
        (b"Content-Length: 2\r\n\r\nok and more", 2),
        (b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 1),
        (b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nTrailer: x\r\n\r\n", 2),
    ],
)
async def test_a_connection_is_kept_only_if_nothing_is_left_on_it(
    raw: Raw, answer: bytes, connections: int
) -> None:
    opened = 0

    async def again(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal opened
        opened += 1
        while True:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\n" + answer)

    transport = await raw(again)
    assert [await fetch(transport) for _ in range(2)] == [b"ok"] * 2
    assert opened == connections


async def test_a_stream_that_is_left_early_closes_its_connection(server: ApiServer) -> None:
    transport = open_transport(from_endpoint(server.url))
    async with transport.stream(PATH, {"watch": "true", "resourceVersion": "1"}):
        await until(lambda: server.watches == 1)
    await until(lambda: not server._tasks)
    await transport.close()


async def test_silence_ends_a_stream(server: ApiServer) -> None:
    transport = open_transport(from_endpoint(server.url), idle_seconds=0.02)
    with pytest.raises(Disconnected, match=r"said nothing for 0\.02 s"):
        await fetch(transport, PATH, {"watch": "true", "resourceVersion": "1"})
    await transport.close()


async def test_what_is_not_read_is_bounded_and_not_lost(raw: Raw) -> None:
    sent, pieces = 0, 300

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(pieces):
            writer.write(b"x" * 65536)
            await writer.drain()
            sent += 1
        writer.write_eof()
        await reader.read()

    transport = await raw(flood)
    async with transport.stream(PATH, {}) as chunks:
        before = -1
        while before != sent:
            before = sent
            await asyncio.sleep(0.02)
        assert sent < pieces  # a little here, and what the kernel takes
        assert sum([len(chunk) async for chunk in chunks]) == pieces * 65536


async def test_a_path_may_stand_before_the_api(server: ApiServer) -> None:
    transport = open_transport(from_endpoint(server.url + "/k8s/clusters/c-1/"))
    with pytest.raises(KubeError, match="404"):
        await fetch(transport)
    assert server.requests[0].path == "/k8s/clusters/c-1/api/v1/pods"
    await transport.close()


async def test_a_token_cannot_add_headers(server: ApiServer) -> None:
    transport = open_transport(ClusterConfig(server.url, token="a\r\nX-Evil: 1"))
    with pytest.raises(KubeError, match="end of a line"):
        await fetch(transport)
    assert server.requests == []


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
async def tls_server(authority: trustme.CA) -> AsyncIterator[ApiServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "kubernetes.default").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    async with ApiServer(context) as running:
        yield running


def client_pems(authority: trustme.CA) -> tuple[Pem, Pem]:
    issued = authority.issue_cert("podname@example.org")
    chain = b"".join(blob.bytes() for blob in issued.cert_chain_pems)
    return Pem(data=chain), Pem(data=issued.private_key_pem.bytes())


async def test_a_client_certificate_and_a_token(
    authority: trustme.CA, tls_server: ApiServer
) -> None:
    certificate, key = client_pems(authority)
    tls_server.faults.tokens = {"secret"}
    tls_server.put("pods", pod("a"))
    config = ClusterConfig(
        tls_server.url,
        Pem(data=authority.cert_pem.bytes()),
        certificate=certificate,
        key=key,
        token="secret",
    )
    transport = open_transport(config)
    assert b'"name":"a"' in await fetch(transport)
    await transport.close()


@pytest.mark.parametrize(
    ("server_name", "insecure", "works"),
    [
        ("", False, True),
        ("kubernetes.default", False, True),
        ("other.name", False, False),
        ("other.name", True, True),
    ],
)
async def test_the_servers_name_is_checked(
    authority: trustme.CA, tls_server: ApiServer, server_name: str, insecure: bool, works: bool
) -> None:
    certificate, key = client_pems(authority)
    config = ClusterConfig(
        tls_server.url,
        Pem(data=authority.cert_pem.bytes()),
        server_name,
        insecure,
        certificate,
        key,
    )
    transport = open_transport(config)
    if works:
        await fetch(transport)
    else:
        with pytest.raises(KubeError, match=r"(?i)certificate"):
            await fetch(transport)
    await transport.close()


async def test_another_authority_is_not_trusted(
    authority: trustme.CA, tls_server: ApiServer
) -> None:
    config = ClusterConfig(tls_server.url, Pem(data=trustme.CA().cert_pem.bytes()))
    with pytest.raises(KubeError, match=r"(?i)certificate"):
        await fetch(open_transport(config))


async def test_a_new_ca_and_certificate_are_used_within_a_minute(
    authority: trustme.CA, tls_server: ApiServer, tmp_path: Path
) -> None:
    certificate, key = client_pems(authority)
    files = {"ca": trustme.CA().cert_pem.bytes(), "crt": certificate.data, "key": key.data}
    for name, octets in files.items():
        (tmp_path / name).write_bytes(octets)
    clock = FakeClock()
    config = from_endpoint(tls_server.url, *(str(tmp_path / name) for name in ("crt", "key", "ca")))
    transport = HttpTransport(Credentials(config, clock))
    with pytest.raises(KubeError):
        await fetch(transport)
    (tmp_path / "ca").write_bytes(authority.cert_pem.bytes())
    with pytest.raises(KubeError):
        await fetch(transport)
    clock.advance(60)
    await fetch(transport)
    await transport.close()
