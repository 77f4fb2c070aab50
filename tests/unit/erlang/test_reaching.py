"""epmd and the handshake, against servers that do not behave; real nodes are in tests/cluster."""

from __future__ import annotations

import asyncio
import ssl
import struct

import pytest
import trustme

from podname.erlang import epmd, handshake
from podname.erlang.epmd import Epmd
from podname.erlang.handshake import Handshake
from tests.support.erlang import COOKIE, HOME, Serve, listening, node, saying
from tests.support.upstream import free_port

NODE = "app@there"


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
    names: bytes, port: bytes, expected: tuple[tuple[str, ...], int]
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        length = int.from_bytes(await reader.readexactly(2), "big")
        writer.write(names if await reader.readexactly(length) == b"n" else port)

    async with listening(serve) as at:
        assert await epmd.ask(HOME, at, "app") == Epmd(at, *expected)


async def test_no_epmd() -> None:
    port = free_port()
    assert (await epmd.ask(HOME, port, "app")).error == "refused: nothing listens there"


async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def test_whoever_says_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(epmd, "SECONDS", 0.05)
    monkeypatch.setattr(handshake, "SECONDS", 0.05)
    async with listening(silence) as port:
        assert "no answer" in (await epmd.ask(HOME, port, "app")).error
        shaken, _ = await handshake.probe(HOME, port, "me@here", COOKIE, "there")
    assert "no answer" in shaken.error


@pytest.mark.parametrize(
    ("serve", "secret", "expected"),
    [
        (node(NODE), COOKIE, Handshake(0, False, "", "ok", NODE, True)),
        (node(NODE, status=b"ok_simultaneous"), COOKIE, Handshake(0, False, "", "ok_simultaneous", NODE, True)),
        (node(NODE, cookie="other"), COOKIE, Handshake(0, False, "", "ok", NODE, False)),
        (node(NODE), None, Handshake(0, False, "", "ok", NODE, None)),
        (node(NODE, status=b"not_allowed"), COOKIE, Handshake(0, status="not_allowed")),
    ],
)  # fmt: skip
async def test_a_node_says_its_name_and_judges_the_cookie(
    serve: Serve, secret: str | None, expected: Handshake
) -> None:
    async with listening(serve) as port:
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
async def test_what_is_no_node(octets: bytes) -> None:
    async with listening(saying(octets)) as port:
        shaken, certificate = await handshake.probe(HOME, port, "me@here", COOKIE, "there")
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


async def test_a_node_behind_tls() -> None:
    async with listening(node(NODE, length_octets=4), tls("there.example")) as port:
        for tls_first in (True, False):
            shaken, certificate = await handshake.probe(
                HOME, port, "me@here", COOKIE, "there", tls_first=tls_first
            )
            assert shaken == Handshake(port, True, "", "ok", NODE, True)
        assert certificate is not None
        assert certificate.names == ("there.example",)


async def test_a_node_that_wants_a_certificate_of_ours_still_shows_its_own() -> None:
    context = tls("there.example", wants_certificate=True)
    async with listening(node(NODE, length_octets=4), context) as port:
        shaken, certificate = await handshake.probe(
            HOME, port, "me@here", COOKIE, "there", tls_first=True
        )
    assert (shaken.is_tls, shaken.node) == (True, "")
    assert certificate is not None
    assert certificate.names == ("there.example",)


async def test_nobody_listens() -> None:
    port = free_port()
    for tls_first in (True, False):
        shaken, _ = await handshake.probe(HOME, port, "a@b", None, "b", tls_first=tls_first)
        assert shaken == Handshake(port, error="refused: nothing listens there")
