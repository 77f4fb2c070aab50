"""A nameserver: the address and the port at which it answers."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from podname.errors import PodnameError

DNS_PORT = 53
_WITH_PORT = re.compile(r"(?:\[(?P<v6>[^]]*)]|(?P<v4>[^:]*))(?::(?P<port>[0-9]{1,5}))?")


class BadNameserver(PodnameError):
    """A nameserver is an IP address, and a port after it if it is not 53."""


@dataclass(frozen=True, slots=True)
class Nameserver:
    """An address that answers DNS."""

    address: ipaddress.IPv4Address | ipaddress.IPv6Address
    port: int = DNS_PORT

    @classmethod
    def parse(cls, text: str) -> Nameserver:
        """Read `10.0.0.1`, `10.0.0.1:5353`, `fd00::1` or `[fd00::1]:5353`. Raises BadNameserver."""
        match = _WITH_PORT.fullmatch(text)
        try:
            address = ipaddress.ip_address(match["v6"] or match["v4"] if match else text)
        except ValueError:
            raise BadNameserver(_bad(text)) from None
        port = int(match["port"]) if match and match["port"] else DNS_PORT
        if not 0 < port < 65536 or getattr(address, "scope_id", None):
            raise BadNameserver(_bad(text))
        return cls(address, port)

    def __str__(self) -> str:
        """Write `address` or `address:port`."""
        if self.port == DNS_PORT:
            return str(self.address)
        return (
            f"[{self.address}]:{self.port}"
            if self.address.version == 6
            else f"{self.address}:{self.port}"
        )


def _bad(text: str) -> str:
    return f"{text!r} is no nameserver: write an IP address such as 10.43.0.53, or 10.43.0.53:5353"
