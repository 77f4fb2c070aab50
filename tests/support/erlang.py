"""An epmd and a node on loopback that say what a test tells them to say; real ones are in tests/cluster."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from podname.erlang.handshake import digest

HOME = "127.0.0.1"
COOKIE = "secret"
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(serve: Serve, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Serve connections by hand; give the port."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await serve(reader, writer)
        writer.close()

    server = await asyncio.start_server(connected, HOME, 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def saying(octets: bytes) -> Serve:
    """Read something, say this, and hang up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(octets)

    return serve


def epmd(ports: Mapping[str, int]) -> Serve:
    """Know some nodes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
        if request == b"n":
            lines = "".join(f"name {name} at port {port}\n" for name, port in ports.items())
            writer.write(b"\x00\x00\x11\x11" + lines.encode())
        else:
            writer.write(_port(request[1:], ports.get(request[1:].decode(), 0)))

    return serve


def _port(name: bytes, port: int) -> bytes:
    if not port:
        return b"w\x01"
    return b"w\x00" + struct.pack("!HBBHHH", port, 77, 0, 6, 5, len(name)) + name + b"\x00\x00"


def node(
    name: str, *, cookie: str = COOKIE, status: bytes = b"ok", length_octets: int = 2
) -> Serve:
    """Answer as a node does."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def read() -> bytes:
            length = int.from_bytes(await reader.readexactly(length_octets), "big")
            return await reader.readexactly(length)

        def write(message: bytes) -> None:
            writer.write(len(message).to_bytes(length_octets, "big") + message)

        assert (await read())[:1] == b"N"
        write(b"s" + status)
        write(struct.pack("!cQIIH", b"N", 0, 7, 1, len(name)) + name.encode())
        reply = await read()
        if reply[5:] == digest(7, cookie):
            write(b"a" + digest(int.from_bytes(reply[1:5], "big"), cookie))

    return serve
