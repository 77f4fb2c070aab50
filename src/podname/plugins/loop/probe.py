"""Asking oneself: one question over UDP, to see where it goes.

Source: CoreDNS 1.15.0 plugin/loop setup.go (`exchange`).
"""

from __future__ import annotations

import asyncio
import secrets
from struct import pack

from podname.wire import constants as c
from podname.wire import names

_RANDOM_MOST = 1 << 62
_NOBODY = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}


def random_name(zone: bytes) -> bytes:
    """Make a name below `zone` that nobody asks for by chance. Raises BadName when there is no room for it."""
    labels = [str(secrets.randbelow(_RANDOM_MOST)) for _ in range(2)]
    return names.from_labels(labels, zone)


async def ask(host: str, port: int, name: bytes, timeout_seconds: float) -> None:
    """Ask for the HINFO record of a name, and wait for any reply. Raises OSError."""
    packet = pack("!6H", secrets.randbits(16), c.RD, 1, 0, 0, 0) + name + pack("!HH", c.HINFO, c.IN)
    loop = asyncio.get_running_loop()
    reply: asyncio.Future[bytes] = loop.create_future()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: _Reply(reply), remote_addr=(_NOBODY.get(host, host), port)
    )
    try:
        transport.sendto(packet)
        async with asyncio.timeout(timeout_seconds):
            await reply
    finally:
        transport.close()


class _Reply(asyncio.DatagramProtocol):
    """Takes the first datagram, or the error, for the answer."""

    def __init__(self, reply: asyncio.Future[bytes]) -> None:
        self._reply = reply

    def datagram_received(self, data: bytes, addr: object) -> None:
        if not self._reply.done():
            self._reply.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self._reply.done():
            self._reply.set_exception(exc)
