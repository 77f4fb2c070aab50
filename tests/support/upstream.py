"""A name server on loopback, UDP and TCP on one port, that says what a test tells it to say.

A script is called with each query and gives the messages to send back: none is silence, several are sent in that order.
It may be a coroutine that waits for an event of the test: that is how an answer is late.
"""

from __future__ import annotations

import asyncio
import inspect
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

import dns.flags
import dns.message
import dns.rrset

Replies = Sequence[bytes]
Script = Callable[[bytes], Replies | Awaitable[Replies]]


@dataclass
class Asked:
    """One query as it came: over what, from which port."""

    protocol: str
    port: int
    packet: bytes


@dataclass
class ScriptedUpstream:
    """A server under a test's control."""

    script: Script
    port: int = 0
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    writers: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def at(self) -> str:
        """Return its address as a Corefile names it."""
        return f"127.0.0.1:{self.port}"

    async def replies(self, protocol: str, port: int, packet: bytes) -> Replies:
        """Note a query and run the script."""
        self.asked.append(Asked(protocol, port, packet))
        said = self.script(packet)
        return await said if inspect.isawaitable(said) else said

    def hang_up(self) -> None:
        """Close all TCP connections."""
        for writer in self.writers:
            writer.close()


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, server: ScriptedUpstream) -> None:
        self.server = server
        self.transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        task = asyncio.get_running_loop().create_task(self.answer(data, addr))
        self.server.tasks.add(task)
        task.add_done_callback(self.server.tasks.discard)

    async def answer(self, data: bytes, addr: tuple[str, int]) -> None:
        for message in await self.server.replies("udp", addr[1], data):
            self.transport.sendto(message, addr)


@asynccontextmanager
async def scripted(
    script: Script, context: ssl.SSLContext | None = None
) -> AsyncIterator[ScriptedUpstream]:
    """Run a name server while the test runs; with a context its connections are within TLS."""
    server = ScriptedUpstream(script)
    tcp, udp = _bound()
    server.port = tcp.getsockname()[1]
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Udp(server), sock=udp)
    listener = await asyncio.start_server(
        lambda r, w: _serve_tcp(server, r, w), sock=tcp, ssl=context
    )
    try:
        yield server
    finally:
        transport.close()
        listener.close()
        server.hang_up()
        for task in tuple(server.tasks):
            task.cancel()
        await asyncio.gather(*server.tasks, return_exceptions=True)


async def _serve_tcp(
    server: ScriptedUpstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    server.connections += 1
    server.writers.add(writer)
    try:
        while True:
            packet = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
            port = writer.get_extra_info("peername")[1]
            for message in await server.replies("tcp", port, packet):
                writer.write(len(message).to_bytes(2, "big") + message)
    except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
        pass
    finally:
        server.writers.discard(writer)
        writer.close()


def _bound() -> tuple[socket.socket, socket.socket]:
    """Bind TCP and UDP to one free port of loopback."""
    while True:
        tcp = socket.create_server(("127.0.0.1", 0))
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            udp.bind(tcp.getsockname())
        except OSError:
            tcp.close()
            udp.close()
            continue
        return tcp, udp


def free_port() -> int:
    """Return a port that nothing listens on."""
    tcp, udp = _bound()
    port: int = tcp.getsockname()[1]
    tcp.close()
    udp.close()
    return port


def answering(*records: str, flags: int = 0, rcode: int = 0) -> Script:
    """Make a script that answers every query with records in zone-file text, `@` being the asked name."""

    def script(packet: bytes) -> Replies:
        return [response(packet, *records, flags=flags, rcode=rcode)]

    return script


def response(packet: bytes, *records: str, flags: int = 0, rcode: int = 0) -> bytes:
    """Answer a query; a record is `NAME TTL TYPE DATA`, and `authority:` before it puts it there."""
    query = dns.message.from_wire(packet)
    message = dns.message.make_response(query, recursion_available=True)
    message.flags |= flags
    message.set_rcode(rcode)  # type: ignore[arg-type]  # an int is good
    for record in records:
        section = message.authority if record.startswith("authority:") else message.answer
        name, ttl, rtype, data = record.removeprefix("authority:").split(maxsplit=3)
        owner = query.question[0].name if name == "@" else name
        section.append(dns.rrset.from_text(owner, int(ttl), "IN", rtype, data))
    wire: bytes = message.to_wire(max_size=65535)
    return wire
