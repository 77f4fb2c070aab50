"""A whole server in process, on loopback sockets, and a client that loses nothing by itself."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import dns.message
import dns.rcode

from podname.plugins.base import Plugin
from podname.server.lifecycle import Server
from podname.server.listeners import Address
from podname.server.source import Source
from tests.support import engines

LOOPBACK = "127.0.0.1"


@asynccontextmanager
async def serving(
    folder: Path, text: str, fatal: Callable[[], None] = sys.exit
) -> AsyncIterator[Server]:
    """Serve a Corefile's text from `folder` until the end of the block."""
    server = await started(folder, text, fatal)
    try:
        yield server
    finally:
        await server.stop(0)


async def started(folder: Path, text: str, fatal: Callable[[], None] = sys.exit) -> Server:
    """Start a server."""
    server = Server(Source(write(folder, text)), engines.current().engine(), fatal=fatal)
    await server.start()
    return server


def write(folder: Path, text: str) -> Path:
    """Write a Corefile as one does who must not be read halfway: beside, then renamed."""
    path, beside = folder / "Corefile", folder / ".Corefile"
    beside.write_text(text)
    os.replace(beside, path)  # noqa: PTH105
    return path


def port_of(server: Server, host: str = LOOPBACK, asked: int = 0) -> int:
    """Return the port that a listener is bound to."""
    return server.listeners.port(Address(host, asked))


def plugin_of(server: Server, name: str) -> Plugin:
    """Return a plugin of the running configuration."""
    assert server.configuration is not None
    plugin = server.configuration.plugin(name)
    assert plugin is not None
    return plugin


class _Once(asyncio.DatagramProtocol):
    def __init__(self, message_id: bytes) -> None:
        self.message_id = message_id
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: object) -> None:
        if data[:2] == self.message_id and not self.answer.done():
            self.answer.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(exc)


async def udp(
    port: int, name: str, rtype: str = "A", *, host: str = LOOPBACK, seconds: float = 5
) -> dns.message.Message:
    """Ask once over UDP, from a port of its own. Raises TimeoutError or OSError when that is lost."""
    packet = dns.message.make_query(name, rtype).to_wire()
    return dns.message.from_wire(await exchange(port, packet, host=host, seconds=seconds))


async def exchange(port: int, packet: bytes, *, host: str = LOOPBACK, seconds: float = 5) -> bytes:
    """Send a query over UDP and return the response with its id. Raises TimeoutError or OSError."""
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(
        lambda: _Once(packet[:2]), remote_addr=(host, port)
    )
    try:
        transport.sendto(packet)
        async with asyncio.timeout(seconds):
            return await protocol.answer
    finally:
        transport.close()


async def tcp(port: int, name: str, rtype: str = "A") -> dns.message.Message:
    """Ask once over TCP."""
    packet = dns.message.make_query(name, rtype).to_wire()
    async with asyncio.timeout(5):
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
        try:
            writer.write(len(packet).to_bytes(2, "big") + packet)
            length = int.from_bytes(await reader.readexactly(2), "big")
            return dns.message.from_wire(await reader.readexactly(length))
        finally:
            writer.close()


async def addresses(port: int, name: str, rtype: str = "A") -> list[str]:
    """Return the sorted addresses of an answer; an RCODE that is not NOERROR stands alone."""
    reply = await udp(port, name, rtype)
    if reply.rcode():
        return [dns.rcode.to_text(reply.rcode())]
    return sorted(str(rdata) for rrset in reply.answer for rdata in rrset)
