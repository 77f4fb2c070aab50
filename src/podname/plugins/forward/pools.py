"""The pools of connections that an upstream's transport needs.

Sources: CoreDNS 1.15.0 plugin/forward setup.go; RFC 7858; RFC 8484.
"""

from __future__ import annotations

from functools import partial

from podname.plugins.forward.address import Address
from podname.plugins.forward.options import UpstreamOptions
from podname.plugins.forward.pool import PoolLimits
from podname.plugins.forward.streams import StreamPool
from podname.plugins.forward.tcp import TcpConnection
from podname.plugins.forward.udp import UdpPool

AnyPool = UdpPool | StreamPool


def udp_pool(address: Address, limits: PoolLimits, timeout_seconds: float) -> UdpPool | None:
    """Make the UDP sockets of an upstream; one over TLS or HTTPS has none."""
    return UdpPool(address, limits, timeout_seconds) if address.transport == "dns" else None


def stream_pool(
    address: Address, options: UpstreamOptions, limits: PoolLimits, timeout_seconds: float
) -> StreamPool:
    """Make the connections of an upstream, over TCP, TLS or HTTPS."""
    make = partial(StreamPool, address=address, limits=limits, read_timeout_seconds=timeout_seconds)
    if address.transport == "tls":
        return make("tcp-tls", TcpConnection, context=options.tls.context())
    if address.transport == "https":
        from podname.plugins.forward.https import ALPN, HttpsConnection  # noqa: PLC0415 - start time counts

        authority = address.server_name or str(address)
        connection = partial(HttpsConnection, method=options.doh_method, authority=authority)
        context = options.tls.context(ALPN)
        return make("https", connection, context=context, connections_most=1)
    return make("tcp", TcpConnection)
