"""HTTP addresses in the Corefile: how `health`, `ready` and `prometheus` name and share them.

Directives that name the same address share its endpoint, and it is kept over a reload.

Sources: CoreDNS plugin/health, plugin/ready, plugin/metrics.
"""

from __future__ import annotations

from podname.corefile import Line, Token
from podname.plugins.base import Resources
from podname.runtime.http.endpoint import Endpoint


def claim(resources: Resources, address: tuple[str, int]) -> Endpoint:
    """Return the endpoint of an address: the previous configuration's, or a new one, not yet open.

    One that overlaps another of ours (`:9153` and `localhost:9153`) may share its port, as in CoreDNS.
    """
    host, port = address
    ours = [
        kept for kept in (*resources.previous(), *resources.all()) if isinstance(kept, Endpoint)
    ]
    share = any(kept.port == port for kept in ours)
    return resources.claim(("http", host, port), lambda: Endpoint(host, port, share=share))


def address(line: Line, token: Token) -> tuple[str, int]:
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
