"""HTTP addresses in the Corefile: how `health`, `ready` and `prometheus` name and share them.

Directives that name the same address share its endpoint, and it is kept over a reload.

Sources: CoreDNS plugin/health, plugin/ready, plugin/metrics.
"""

from __future__ import annotations

import asyncio
from socket import SOCK_STREAM
from typing import NamedTuple

from podname.corefile import Directive, Line, Place, Token
from podname.errors import NotHere
from podname.plugins.base import Resources
from podname.runtime.http import endpoint


class Address(NamedTuple):
    """Where a directive has its endpoint, and where the Corefile says so."""

    host: str  # '' is every address
    port: int
    place: Place | None = None


class Endpoint(endpoint.Endpoint):
    """An HTTP address that a Corefile names at a place."""

    def __init__(self, address: Address, *, share: bool) -> None:
        super().__init__(address.host, address.port, share=share)
        self._place = address.place

    async def look_up(self) -> None:
        """Look its host up, unless it is open. Raises NotHere for a name that nobody knows."""
        if self.is_open or not self.host:
            return
        try:
            loop = asyncio.get_running_loop()
            await loop.getaddrinfo(self.host, self.port, type=SOCK_STREAM)
        except (OSError, ValueError) as error:  # a ValueError: a label that is too long
            where = f"http://{self.host}:{self.port}"
            why = error.strerror if isinstance(error, OSError) else "this is not a host name"
            raise NotHere(f"cannot listen on {where}: {why}", self._place) from None


def claim(resources: Resources, address: Address) -> Endpoint:
    """Return the endpoint of an address: the previous configuration's, or a new one, not yet open.

    One that overlaps another of ours (`:9153` and `localhost:9153`) may share its port, as in CoreDNS.
    """
    host, port, _ = address
    ours = [
        kept for kept in (*resources.previous(), *resources.all()) if isinstance(kept, Endpoint)
    ]
    share = any(kept.port == port for kept in ours)
    return resources.claim(("http", host, port), lambda: Endpoint(address, share=share))


def address(directive: Directive, default: tuple[str, int]) -> Address:
    """Read the address that is a directive's one argument. Raises CorefileError."""
    directive.expect(0, 1)
    for token in directive.arguments:
        return Address(*_host_and_port(directive, token), token.place)
    return Address(*default, directive.name.place)


def _host_and_port(line: Line, token: Token) -> tuple[str, int]:
    """Read `[HOST]:PORT`; an IPv6 address stands in brackets. Raises CorefileError."""
    host, colon, port = token.text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise line.error(
            f"too many colons in address '{token.text}': put an IPv6 address in brackets", token
        )
    if "%" in host:
        raise line.error(f"the address '{token.text}' has a zone: CoreDNS takes none here", token)
    if not colon:
        raise line.error(f"missing port in address '{token.text}': write HOST:PORT or :PORT", token)
    if not (port.isascii() and port.isdigit() and int(port) <= 65535):
        raise line.error(f"'{port}' in address '{token.text}' is not a port number", token)
    return host, int(port)
