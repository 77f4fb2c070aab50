"""Where an upstream is: an IP address, a port, and the address that questions leave from.

An IPv6 address may have a zone, the interface that it is reached by (`fe80::1%eth0`). The zone is looked up anew for
each connection: the interface may come later than we do.

A UDP socket hears of every ICMP error, also of a network or host that cannot be reached.

Sources: RFC 4007 §11 (zones of IPv6 addresses); ip(7) `IP_RECVERR`; CoreDNS plugin/pkg/proxy.
"""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from typing import Any

from podname.plugins.forward.failures import calling

#: Level and number of IP_RECVERR and IPV6_RECVERR, which Python has no names for.
_HEAR_ICMP = (socket.IPPROTO_IP, 11)
_HEAR_ICMP6 = (socket.IPPROTO_IPV6, 25)


@dataclass(frozen=True, slots=True)
class Address:
    """An upstream's address. `source` is the local address to bind, if one is asked for."""

    host: str
    port: int
    source: str | None = None
    transport: str = "dns"  # or tls, https
    server_name: str | None = None  # that the certificate must be for, instead of `host`

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
            if kind == socket.SOCK_DGRAM:
                made.setsockopt(*(_HEAR_ICMP6 if ":" in self.host else _HEAR_ICMP), 1)
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
