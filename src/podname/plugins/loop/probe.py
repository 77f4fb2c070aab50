"""Asking oneself: one question over UDP, to see where it goes.

Source: CoreDNS 1.15.0 plugin/loop setup.go (`exchange`).
"""

from __future__ import annotations

import asyncio
import secrets
import socket

from podname.dns import constants as c
from podname.dns import names, query

_RANDOM_MOST = 1 << 62
_REPLY_OCTETS = 512
_NOBODY = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}


def random_name(zone: bytes) -> bytes:
    """Make a name below `zone` that nobody asks for by chance. Raises BadName when there is no room for it."""
    labels = [str(secrets.randbelow(_RANDOM_MOST)) for _ in range(2)]
    return names.from_labels(labels, zone)


async def ask(host: str, port: int, name: bytes, timeout_seconds: float) -> None:
    """Ask for the HINFO record of a name, and wait for any reply. Raises OSError.

    A bare socket: a transport that is cancelled while it is made would stay in the event loop for ever.
    """
    packet = query.make(name, c.HINFO, message_id=secrets.randbits(16))
    address = _NOBODY.get(host, host)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as datagrams:
        datagrams.setblocking(False)
        datagrams.connect((address, port))
        datagrams.send(packet)
        async with asyncio.timeout(timeout_seconds):
            await asyncio.get_running_loop().sock_recv(datagrams, _REPLY_OCTETS)
