"""Make AAAA records of A records, for clients behind a translator (NAT64).

Sources: RFC 6147 §5; RFC 6052 §2.2; CoreDNS 1.15.0 plugin/dns64.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from ipaddress import IPv6Network
from typing import TYPE_CHECKING

from podname.dns import constants as c
from podname.dns.message import BadMessage
from podname.dns.names import ROOT
from podname.dns.query import make
from podname.dns.reply import build
from podname.dns.unpacked import ResourceRecord, Unpacked, unpack
from podname.engine.base import Code
from podname.errors import ServeError
from podname.plugins.base import Draft, Next, Plugin, Reply, Request

if TYPE_CHECKING:
    from prometheus_client.core import Metric

_SOA_TTL_SECONDS = 600  # where no SOA says otherwise
_RESERVED_AT, _IPV6_OCTETS = 8, 16  # RFC 6052: octet 8 is zero


class Dns64(Plugin):
    """`dns64`: answers for AAAA that have none are made of those for A."""

    name = "dns64"

    def __init__(self, prefix: IPv6Network, *, translate_all: bool, allow_ipv4: bool) -> None:
        self.prefix = prefix
        self.translate_all, self.allow_ipv4 = translate_all, allow_ipv4
        self._translated: Counter[str] = Counter()

    def plan(self, draft: Draft) -> None:
        """Ask the engine for questions for AAAA."""
        draft.layers.append(Code((ROOT,), frozenset({c.AAAA})))

    async def serve(self, request: Request, next_: Next) -> Reply:
        """Let the others answer, and translate where they have nothing."""
        query = request.query
        is_meant = self.allow_ipv4 or ":" in request.client.address
        reply = await next_(request)
        if not is_meant or (query.qtype, query.qclass) != (c.AAAA, c.IN) or reply is None:
            return reply
        try:
            found = unpack(reply)
        except BadMessage:
            return reply
        if found.rcode == c.NXDOMAIN or (not self.translate_all and _has(found, c.AAAA)):
            return reply
        asked = await request.upstream(make(query.folded, c.A), request.client)
        if asked is None:
            raise ServeError(c.SERVFAIL, "plugin/dns64: upstream returned no response")
        self._translated[request.client.server] += 1
        return self._synthesized(request, found, unpack(asked))

    def collect(self) -> Iterable[Metric]:
        """Return its count."""
        from prometheus_client.core import CounterMetricFamily  # noqa: PLC0415 - start time counts

        family = CounterMetricFamily(
            "coredns_dns64_requests_translated_total",
            "Counter of DNS requests translated by dns64.",
            labels=["server"],
        )
        for server, count in self._translated.items():
            family.add_metric([server], count)
        yield family

    def _synthesized(self, request: Request, nothing: Unpacked, found: Unpacked) -> bytes:
        soas = [rr.ttl_seconds for rr in nothing.authority if rr.rtype == c.SOA]
        most = soas[-1] if soas else _SOA_TTL_SECONDS
        answer = [self._translation(rr, most) if rr.rtype == c.A else rr for rr in found.answer]
        return build(
            request.query,
            answer=[rr.pack() for rr in answer],
            authority=[rr.pack() for rr in found.authority],
            additional=[rr.pack() for rr in found.additional if rr.rtype != c.OPT],
            flags=found.flags & c.TC,
            rcode=found.rcode,
        )

    def _translation(self, record: ResourceRecord, ttl_seconds_most: int) -> ResourceRecord:
        ttl_seconds = min(record.ttl_seconds, ttl_seconds_most)
        rdata = translated(self.prefix, record.rdata)
        return replace(record, rtype=c.AAAA, ttl_seconds=ttl_seconds, rdata=rdata)


def translated(prefix: IPv6Network, address: bytes) -> bytes:
    """Return an IPv4 address behind a prefix (RFC 6052 §2.2)."""
    length = prefix.prefixlen // 8
    out, octets = bytearray(_IPV6_OCTETS), iter(address)
    out[:length] = prefix.network_address.packed[:length]
    places = (at for at in range(length, _IPV6_OCTETS) if at != _RESERVED_AT)
    for at, octet in zip(places, octets, strict=False):
        out[at] = octet
    return bytes(out)


def _has(message: Unpacked, rtype: int) -> bool:
    return any(rr.rtype == rtype for rr in message.answer)
