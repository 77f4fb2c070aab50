"""Count queries and show all metrics at `/metrics`.

The engine counts what it answers by itself; what the plugin chain answers is counted here, in the
same counters. Nothing is formatted until somebody scrapes.

Source: CoreDNS plugin/metrics.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence

from prometheus_client.core import GaugeMetricFamily, Metric

from podname.dns import names
from podname.dns.message import rcode_of, uncompressed_octets
from podname.engine.counters import Counters, Tally
from podname.errors import ServeError
from podname.plugins.base import Bound, Draft, Next, Plugin, Reply, Request
from podname.plugins.prometheus.collector import ServerCollector
from podname.plugins.view.handler import view_name
from podname.runtime.http.endpoint import Endpoint
from podname.runtime.metrics import metrics


class Prometheus(Plugin):
    """`prometheus`: queries of its server block are counted; everything that counts is shown."""

    name = "prometheus"
    is_planned = True

    def __init__(self, endpoint: Endpoint, counters: Counters, collector: ServerCollector) -> None:
        self.endpoint = endpoint
        self._counters = counters
        self._tallies: dict[tuple[str, bytes, str, bool, str], Tally] = {}
        self._view = ""
        self._siblings: tuple[str, ...] = ()
        self._listeners: Sequence[Bound] = ()
        self._shown = metrics(collector)

    def link(self, siblings: Mapping[str, Plugin]) -> None:
        """Learn what is enabled in the block: as in CoreDNS, the plugins that see queries."""
        self._siblings = tuple(
            name for name, plugin in siblings.items() if type(plugin).serve is not Plugin.serve
        )
        self._view = view_name(siblings)

    def bound(self, listeners: Sequence[Bound]) -> None:
        """Learn where."""
        self._listeners = listeners

    async def start(self) -> None:
        """Open the endpoint."""
        self.endpoint.add("/metrics", self._shown)
        await self.endpoint.open()

    async def stop(self) -> None:
        """Leave the endpoint."""
        self.endpoint.remove("/metrics", self._shown)

    def plan(self, draft: Draft) -> None:
        """Let the engine count."""
        draft.counters = self._counters

    async def serve(self, request: Request, next_: Next) -> Reply:
        """Count what the rest of the chain answers."""
        try:
            reply = await next_(request)
        except ServeError as error:
            self._count(request, error.rcode, "", 0)  # as CoreDNS, whose server writes it
            raise
        if reply is None:
            self._count(request, 0, "", 0)
        else:
            self._count(request, rcode_of(reply), request.plugin, uncompressed_octets(reply))
        return reply

    def collect(self) -> Iterable[Metric]:
        """Tell which plugins are enabled where."""
        enabled = GaugeMetricFamily(
            "coredns_plugin_enabled",
            "A metric that indicates whether a plugin is enabled on per server and zone basis.",
            labels=["server", "zone", "view", "name"],
        )
        for bound in self._listeners:
            for name in self._siblings:
                enabled.add_metric([bound.server, bound.zone, self._view, name], 1)
        return [enabled]

    def _count(self, request: Request, rcode: int, plugin: str, response_octets: int) -> None:
        query, client = request.query, request.client
        is_ipv6 = ":" in client.address
        labels = (client.server, request.zone, client.protocol, is_ipv6, request.view)
        self._tally(*labels).count(
            query.qtype,
            rcode,
            plugin,
            request_octets=len(query.packet),
            response_octets=response_octets,
            seconds=time.perf_counter() - request.started_seconds,
            dnssec_ok=query.dnssec_ok,
        )

    def _tally(self, server: str, zone: bytes, protocol: str, over_ipv6: bool, view: str) -> Tally:
        key = (server, zone, protocol, over_ipv6, view)
        found = self._tallies.get(key)
        if found is None:
            text = names.to_text(zone)
            found = self._counters.tally(server, text, protocol, 2 if over_ipv6 else 1, view)
            self._tallies[key] = found
        return found
