"""Questions to an Erlang port mapper: which nodes are registered, and at which port one listens.

Source: Erlang/OTP "Distribution Protocol", EPMD protocol (NAMES_REQ, PORT_PLEASE2_REQ).
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from dataclasses import dataclass

SECONDS = 5.0
_NAMES_REQUEST = b"n"
_PORT_PLEASE2_REQUEST = b"z"
_PORT2_RESPONSE = 119
_LINE = re.compile(rb"name (\S+) at port \d+")
_OCTETS_MAX = 256 * 1024


@dataclass(frozen=True)
class Epmd:
    """What the port mapper at an address said."""

    port: int
    names: tuple[str, ...] = ()
    node_port: int = 0
    error: str = ""


async def ask(address: str, port: int, name: str) -> Epmd:
    """Ask for all names and for the port of one."""
    try:
        names = read_names(await _exchange(address, port, _NAMES_REQUEST))
        reply = await _exchange(address, port, _PORT_PLEASE2_REQUEST + name.encode())
    except TimeoutError:
        return Epmd(port, error=f"no answer in {SECONDS:g} s")
    except OSError as error:
        return Epmd(port, error=reason(error))
    return Epmd(port, names, read_port(reply))


def read_names(reply: bytes) -> tuple[str, ...]:
    """Read the reply to NAMES_REQ: epmd's port, then a line for each node."""
    return tuple(name.decode("utf-8", "replace") for name in _LINE.findall(reply[4:]))


def read_port(reply: bytes) -> int:
    """Read the reply to PORT_PLEASE2_REQ; 0 when the node is not registered."""
    if len(reply) < 4 or reply[0] != _PORT2_RESPONSE or reply[1] != 0:
        return 0
    return int.from_bytes(reply[2:4], "big")


def reason(error: OSError) -> str:
    """Return in words why a connection failed."""
    if isinstance(error, ConnectionRefusedError):
        return "refused: nothing listens there"
    return error.strerror or str(error) or type(error).__name__


async def _exchange(address: str, port: int, request: bytes) -> bytes:
    """Send a request; epmd closes after its reply."""
    async with asyncio.timeout(SECONDS):
        reader, writer = await asyncio.open_connection(address, port)
        try:
            writer.write(len(request).to_bytes(2, "big") + request)
            return await _to_the_end(reader)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def _to_the_end(reader: asyncio.StreamReader) -> bytes:
    reply = b""
    while len(reply) < _OCTETS_MAX and (piece := await reader.read(65536)):
        reply += piece
    return reply
