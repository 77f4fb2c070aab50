"""Answer for `localhost`, names below and before it, and the reverse names of 127.0.0.0/8, 0.0.0.0/8 and 255.0.0.0/8.

Sources: RFC 6761 §6.3; RFC 6303; CoreDNS 1.15.0 plugin/local.
"""

from __future__ import annotations

from collections.abc import Iterable
from struct import pack

from prometheus_client.core import CounterMetricFamily, Metric

from podname.dns import constants as c
from podname.dns.names import ROOT, from_text, is_subdomain, longest_match
from podname.dns.query import Query
from podname.dns.records import record
from podname.dns.reply import build
from podname.engine.base import Code
from podname.plugins.base import Draft, Next, Plugin, Reply, Request

_TTL_SECONDS = 604_800
_LOCALHOST = from_text("localhost.")
_ZONES = frozenset(
    from_text(zone)
    for zone in ("localhost.", "0.in-addr.arpa.", "127.in-addr.arpa.", "255.in-addr.arpa.")
)
_LOOPBACK_PTR = from_text("1.0.0.127.in-addr.arpa.")
_ADDRESSES = {c.A: bytes((127, 0, 0, 1)), c.AAAA: bytes(15) + b"\x01"}
_SOA = _LOCALHOST + b"\x04root" + _LOCALHOST + pack("!5I", 1, 0, 0, 0, _TTL_SECONDS)


class Local(Plugin):
    """`local`: such questions never leave the machine."""

    name = "local"
    is_planned = True

    def __init__(self, *, localhost_prefix: bool) -> None:
        self.localhost_prefix = localhost_prefix
        self.localhost_requests = 0

    def plan(self, draft: Draft) -> None:
        """Ask the engine for these names."""
        draft.layers.append(Code(tuple(sorted(_ZONES))))
        if self.localhost_prefix:
            draft.layers.append(Code((ROOT,), first_label=b"localhost"))

    async def serve(self, request: Request, next_: Next) -> Reply:
        """Answer for them."""
        query = request.query
        folded = query.folded
        if folded != _LOCALHOST and (
            is_subdomain(folded, _LOCALHOST)
            or (self.localhost_prefix and folded.startswith(_LOCALHOST[:-1]))
        ):
            request.plugin = self.name
            self.localhost_requests += 1
            return _localhost(query)
        zone = longest_match(folded, _ZONES)
        if zone is None:
            return await next_(request)
        request.plugin = self.name
        return _apex(query) if folded == zone else _below(query, zone)

    def collect(self) -> Iterable[Metric]:
        """Return its count."""
        yield CounterMetricFamily(
            "coredns_local_localhost_requests_total",
            "Counter of localhost.<domain> requests.",
            value=self.localhost_requests,
        )


def _localhost(query: Query) -> bytes:
    address = _ADDRESSES.get(query.qtype)
    return _no_data(query, query.name) if address is None else _found(query, query.qtype, address)


def _apex(query: Query) -> bytes:
    rdata = {c.SOA: _SOA, c.NS: _LOCALHOST}.get(query.qtype)
    if query.folded == _LOCALHOST:
        rdata = rdata or _ADDRESSES.get(query.qtype)
    return _no_data(query, query.name) if rdata is None else _found(query, query.qtype, rdata)


def _below(query: Query, zone: bytes) -> bytes:
    spelled = query.name[-len(zone) :]
    if query.folded != _LOOPBACK_PTR:
        return _no_data(query, spelled, rcode=c.NXDOMAIN)
    if query.qtype == c.PTR:
        return _found(query, c.PTR, _LOCALHOST)
    return _no_data(query, spelled)


def _found(query: Query, rtype: int, rdata: bytes) -> bytes:
    answer = record(c.POINTER_TO_QNAME, rtype, _TTL_SECONDS, rdata)
    return build(query, answer=[answer], flags=0)


def _no_data(query: Query, origin: bytes, rcode: int = c.NOERROR) -> bytes:
    soa = record(origin, c.SOA, _TTL_SECONDS, _SOA)
    return build(query, authority=[soa], flags=0, rcode=rcode)
