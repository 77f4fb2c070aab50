"""What the Corefile says of `prometheus`.

Source: CoreDNS plugin/metrics/setup.go.
"""

from __future__ import annotations

from collections.abc import Sequence

from podname.corefile import Directive
from podname.plugins import http
from podname.plugins.base import Context, once
from podname.plugins.prometheus.collector import ServerCollector
from podname.plugins.prometheus.handler import Prometheus
from podname.plugins.prometheus.totals import claim

_ADDRESS = ("localhost", 9153)


def setup(directives: Sequence[Directive], context: Context) -> Prometheus:
    """Read `prometheus [ADDRESS] { runtime_metrics }`; `tls` is refused by name."""
    directive = once(directives)
    directive.expect(0, 1)
    address = _ADDRESS
    for token in directive.arguments:
        address = http.address(directive, token)
    for line in directive.block or ():
        if line.name.text == "tls":
            raise line.error("podname does not support 'tls' of prometheus yet")
        if line.name.text != "runtime_metrics":
            raise line.error(f"unknown property '{line.name.text}'")
        line.expect(0, 0)
        context.warn(f"{line.name.place}: runtime_metrics are Go's, there are none here")
    totals = claim(context.resources)
    collector = ServerCollector(context.engine, totals, context.roster)
    return Prometheus(http.claim(context.resources, address), totals.counters, collector)
