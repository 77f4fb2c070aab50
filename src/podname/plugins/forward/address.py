"""Where an upstream is: an IP address, a port, and the address that questions leave from.

Source: RFC 4007 §11 (scope of an IPv6 address).
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Address:
    """An upstream's address. `source` is the local address to bind, if one is asked for."""

    host: str
    port: int
    source: str | None = None

    def __str__(self) -> str:
        """Give `host:port`, with brackets around IPv6: the label `to` of the metrics."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def connected(self) -> socket.socket:
        """Make a UDP socket that hears nobody but this upstream. Raises OSError."""
        family, where = self._resolved()
        udp = socket.socket(family, socket.SOCK_DGRAM)
        try:
            udp.setblocking(False)
            if self.source:
                udp.bind((self.source, 0))
            udp.connect(where)
        except OSError:
            udp.close()
            raise
        return udp

    def _resolved(self) -> tuple[int, Any]:
        """Give family and socket address. The address is a number: nobody is asked."""
        flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
        found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_DGRAM, flags=flags)[0]
        return found[0], found[4]
