"""epmd and the handshake, against servers that do not behave; real nodes are in tests/cluster."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import trustme

from podname.explain.doctor import epmd, handshake
from podname.explain.doctor.facts import Epmd, Handshake
from tests.support.upstream import free_port

HOME = "127.0.0.1"
SECRET = "secret"
NODE = "app@there"
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Listen = Callable[..., Awaitable[int]]


@pytest.fixture
async def listen() -> AsyncIterator[Listen]:
    """Serve connections by hand; give the port."""
    servers: list[asyncio.Server] = []

    async def start(serve: Serve, tls: ssl.SSLContext | None = None) -> int:
        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await serve(reader, writer)
            writer.close()

        servers.append(await asyncio.start_server(connected, HOME, 0, ssl=tls))
        return int(servers[-1].sockets[0].getsockname()[1])

    yield start
    for server in servers:
        server.close()


def saying(octets: bytes) -> Serve:
    """Read something, say this, and hang up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(octets)

    return serve


def node(*, cookie: str = SECRET, status: bytes = b"ok", length_octets: int = 2) -> Serve:
    """Answer as a node does."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def read() -> bytes:
            length = int.from_bytes(await reader.readexactly(length_octets), "big")
            return await reader.readexactly(length)

        def write(message: bytes) -> None:
            writer.write(len(message).to_bytes(length_octets, "big") + message)

        assert (await read())[:1] == b"N"
        write(b"s" + status)
        name = NODE.encode()
        write(struct.pack("!cQIIH", b"N", 0, 7, 1, len(name)) + name)
        reply = await read()
        if reply[5:] == handshake.digest(7, cookie):
            write(b"a" + handshake.digest(int.from_bytes(reply[1:5], "big"), cookie))

    return serve


@pytest.fixture
def one_epmd(listen: Listen) -> Callable[[bytes, bytes], Awaitable[int]]:
    async def start(names: bytes, port: bytes) -> int:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            length = int.from_bytes(await reader.readexactly(2), "big")
            writer.write(names if await reader.readexactly(length) == b"n" else port)

        return await listen(serve)

    return start


NAMES = b"\x00\x00\x11\x11name app at port 40001\nname b at port 40002\n"
PORT = b"w\x00" + struct.pack("!HBBHHH", 40001, 77, 0, 6, 5, 3) + b"app\x00\x00"


@pytest.mark.parametrize(
    ("names", "port", "expected"),
    [
        (NAMES, PORT, (("app", "b"), 40001)),
        (NAMES, b"w\x01", (("app", "b"), 0)),
        (b"\x00\x00\x11\x11", b"w\x01", ((), 0)),
        (b"", b"", ((), 0)),
        (b"SSH-2.0-x\r\n", b"w\x00\x01", ((), 0)),
    ],
)
async def test_what_an_epmd_says(
    one_epmd: Callable[[bytes, bytes], Awaitable[int]],
    names: bytes,
    port: bytes,
    expected: tuple[tuple[str, ...], int],
) -> None:
    at = await one_epmd(names, port)
    assert await epmd.ask(HOME, at, "app") == Epmd(at, *expected)


async def test_no_epmd() -> None:
    port = free_port()
    assert (await epmd.ask(HOME, port, "app")).error == "refused: nothing listens there"


async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def test_whoever_says_nothing_is_left(
    listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(epmd, "SECONDS", 0.05)
    monkeypatch.setattr(handshake, "SECONDS", 0.05)
    port = await listen(silence)
    assert "no answer" in (await epmd.ask(HOME, port, "app")).error
    shaken, _ = await handshake.probe(HOME, port, "me@here", SECRET, "there")
    assert "no answer" in shaken.error


@pytest.mark.parametrize(
    ("serve", "secret", "expected"),
    [
        (node(), SECRET, Handshake(0, False, "", "ok", NODE, True)),
        (node(status=b"ok_simultaneous"), SECRET, Handshake(0, False, "", "ok_simultaneous", NODE, True)),
        (node(cookie="other"), SECRET, Handshake(0, False, "", "ok", NODE, False)),
        (node(), None, Handshake(0, False, "", "ok", NODE, None)),
        (node(status=b"not_allowed"), SECRET, Handshake(0, status="not_allowed")),
    ],
)  # fmt: skip
async def test_a_node_says_its_name_and_judges_the_cookie(
    listen: Listen, serve: Serve, secret: str | None, expected: Handshake
) -> None:
    port = await listen(serve)
    shaken, certificate = await handshake.probe(HOME, port, "me@here", secret, "there")
    assert (shaken.status, shaken.node) == (expected.status, expected.node)
    assert shaken.cookie_accepted is expected.cookie_accepted
    assert (shaken.error, certificate) == ("", None)


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\x00",
        b"\x00\x00",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x00\x03sok",
        b"\x00\x03sok\x00\x02Nx",
        b"\x00\x03sok\x00\x13n" + b"\x00" * 18,
    ],
)
async def test_what_is_no_node(listen: Listen, octets: bytes) -> None:
    port = await listen(saying(octets))
    shaken, certificate = await handshake.probe(HOME, port, "me@here", SECRET, "there")
    assert shaken.error
    assert (shaken.node, certificate) == ("", None)


def tls(*names: str, wants_certificate: bool = False) -> ssl.SSLContext:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    if wants_certificate:
        authority.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


async def test_a_node_behind_tls(listen: Listen) -> None:
    port = await listen(node(length_octets=4), tls("there.example"))
    for tls_first in (True, False):
        shaken, certificate = await handshake.probe(
            HOME, port, "me@here", SECRET, "there", tls_first=tls_first
        )
        assert shaken == Handshake(port, True, "", "ok", NODE, True)
        assert certificate is not None
        assert certificate.names == ("there.example",)


async def test_a_node_that_wants_a_certificate_of_ours_still_shows_its_own(listen: Listen) -> None:
    port = await listen(node(length_octets=4), tls("there.example", wants_certificate=True))
    shaken, certificate = await handshake.probe(
        HOME, port, "me@here", SECRET, "there", tls_first=True
    )
    assert (shaken.is_tls, shaken.node) == (True, "")
    assert certificate is not None
    assert certificate.names == ("there.example",)


async def test_nobody_listens() -> None:
    port = free_port()
    for tls_first in (True, False):
        shaken, _ = await handshake.probe(HOME, port, "a@b", None, "b", tls_first=tls_first)
        assert shaken == Handshake(port, error="refused: nothing listens there")
