"""What a packet is answered with: the one place where the reference engine decides that.

It is all there is to UDP, TCP and the tests, and written to be read: the native engine does the same, fast.

Sources: the design of podname (the path of a query); RFC 1035 §4.1; RFC 6891; CoreDNS core/dnsserver `ServeDNS`.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import getrandbits
from time import monotonic_ns

from podname.dns import constants as c
from podname.dns import reply
from podname.dns.edns import clamped
from podname.dns.message import rcode_of, uncompressed_octets
from podname.dns.query import Malformed, Query, parse
from podname.engine.base import Outcome, Plan
from podname.engine.counters import Counters
from podname.engine.reference.cache import repeat
from podname.engine.reference.routes import Routes, Served
from podname.engine.reference.table import PythonTable
from podname.engine.responding import Responder, Response, Source


class PythonResponder(Responder):
    """Answers the packets of one server, protocol and address family."""

    def __init__(self, server: str, protocol: str, family: int, dropped: Counters) -> None:
        super().__init__(server, protocol, family, dropped)
        self.now_ns = monotonic_ns
        self._labels = (server, protocol, family)
        self._routes = Routes((), self._labels)

    def serve(self, plans: Sequence[Plan]) -> None:
        """Swap what is served."""
        self._routes = Routes(plans, self._labels)

    def respond(self, packet: bytes, source: Source) -> Response:
        """Answer a packet: octets to send, None for silence, or the plan whose `miss` must be asked."""
        query = parse(packet)
        if isinstance(query, Malformed):
            return reply.malformed(packet, query)
        if self._routes.classes is not None and query.qclass not in self._routes.classes:
            return self.refuse(query, c.REFUSED)
        if query.edns is not None and query.edns.version:
            return reply.bad_version(query)
        served = self._routes.find(query)
        if served is None:
            return self.refuse(query, c.REFUSED)
        query = clamped(query, served.plan.edns_octets_max)
        response = self._by_layers(query, served, source)
        if response is None:
            response = self._by_cache(query, served, source)
        return served.plan if response is None else response

    def _by_layers(self, query: Query, served: Served, source: Source) -> bytes | None:
        """Ask the layers in turn; None when code must be asked, or none of them knows."""
        for layer in served.layers:
            if not isinstance(layer, PythonTable):
                if layer.covers(query):
                    return None
                continue
            whole = layer.respond(query, self._next_turn() if served.plan.rotate else 0)
            if whole is Outcome.MISS:
                return None
            if isinstance(whole, bytes):
                # A failure without SOA is written by the server, in CoreDNS, and counted without its octets.
                is_failure = rcode_of(whole) == c.SERVFAIL and not layer.options.denies
                octets = 0 if is_failure else uncompressed_octets(whole, query.end)
                return self._finish(query, whole, served, layer.options.plugin, octets, source)
        return None

    def _by_cache(self, query: Query, served: Served, source: Source) -> bytes | None:
        """Repeat an answer that the plugin chain left, if there is one."""
        cache = served.cache
        found = None if cache is None else cache.find(query, self.now_ns())
        if cache is None or found is None:
            return None
        answer, left_seconds = found
        turn = self._next_turn() if served.plan.rotate else 0
        served.hits[answer.is_denial] += 1
        octets = query.end + answer.uncompressed_octets
        whole = repeat(query, answer, left_seconds, turn)
        return self._finish(query, whole, served, cache.plugin, octets, source)

    def _finish(  # noqa: PLR0917  # all that is known of an answer
        self,
        query: Query,
        whole: bytes,
        served: Served,
        plugin: str,
        octets: int,
        source: Source,
    ) -> bytes:
        """Make an answer fit, count it, and show it to the observers."""
        response = reply.finish(query, whole, self.size_limit(query))
        seconds = self.lap_seconds()
        if served.tally is not None:
            served.tally.count(
                query.qtype,
                rcode_of(response),
                plugin,
                request_octets=len(query.packet),
                response_octets=octets,
                seconds=seconds,
                dnssec_ok=query.dnssec_ok,
            )
        for observe in served.plan.observers:
            observe(query.packet, response, source.client(), plugin, seconds)
        return response

    def _next_turn(self) -> int:
        return getrandbits(16)
