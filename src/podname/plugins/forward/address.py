"""Where an upstream is: an IP address, a port, and the address that questions leave from.

An IPv6 address may have a zone, the interface that it is reached by (`fe80::1%eth0`). The zone is looked up anew for
each connection: the interface may come later than we do.

Source: RFC 4007 §11 (zones of IPv6 addresses).
"""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from typing import Any

from podname.plugins.forward.failures import calling


@dataclass(frozen=True, slots=True)
class Address:
    """An upstream's address. `source` is the local address to bind, if one is asked for.

    `scheme` is `dns` or `tls`; `server_name` is what a certificate must be for, if not for the address.
    """

    host: str
    port: int
    source: str | None = None
    scheme: str = "dns"
    server_name: str = ""

    def __str__(self) -> str:
        """Return `host:port`, with brackets around IPv6: the label `to` of the metrics."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def connected(self) -> socket.socket:
        """Make a UDP socket that hears nobody but this upstream. Raises UpstreamError."""
        udp = self._bound(socket.SOCK_DGRAM, path := self._path("udp"))
        try:
            with calling("connect", "dial", path):
                udp.connect(sockaddr(self.host, self.port))
        except OSError:
            udp.close()
            raise
        return udp

    async def dialled(self, timeout_seconds: float) -> socket.socket:
        """Make a connected TCP socket. Raises UpstreamError."""
        tcp = self._bound(socket.SOCK_STREAM, path := self._path("tcp"))
        try:
            with calling("connect", "dial", path):
                where = sockaddr(self.host, self.port)
                async with asyncio.timeout(timeout_seconds):
                    await asyncio.get_running_loop().sock_connect(tcp, where)
        except BaseException:
            tcp.close()
            raise
        return tcp

    def _bound(self, kind: socket.SocketKind, path: str) -> socket.socket:
        with calling("socket", "dial", path):
            made = socket.socket(socket.AF_INET6 if ":" in self.host else socket.AF_INET, kind)
        made.setblocking(False)
        try:
            if self.source:
                with calling("bind", "dial", path):
                    made.bind(sockaddr(self.source, 0))
        except OSError:
            made.close()
            raise
        return made

    def _path(self, network: str) -> str:
        """Return what is dialled, as Go tells it."""
        if self.source is None:
            return f"{network} {self}"
        return f"{network} {Address(self.source, 0)}->{self}"


def sockaddr(host: str, port: int) -> tuple[Any, ...]:
    """Return the socket address of an IP address. Raises OSError when its zone is not an interface."""
    if ":" not in host:
        return host, port
    host, _, zone = host.partition("%")
    if not zone:
        return host, port, 0, 0
    return host, port, 0, int(zone) if zone.isdecimal() else _index(zone)


def _index(interface: str) -> int:
    try:
        return socket.if_nametoindex(interface)
    except OSError:  # with an errno from Python 3.14 on, without one before
        raise OSError("no interface with this name") from None
