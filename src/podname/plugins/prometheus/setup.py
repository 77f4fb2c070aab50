"""What the Corefile says of `prometheus`.

Source: CoreDNS plugin/metrics/setup.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from podname.corefile import Directive
from podname.corefile.properties import Properties, flag, prop
from podname.plugins import http
from podname.plugins.base import Context, once
from podname.plugins.prometheus.collector import ServerCollector
from podname.plugins.prometheus.handler import Prometheus
from podname.plugins.prometheus.totals import claim

_ADDRESS = ("localhost", 9153)


@dataclass(frozen=True, slots=True)
class Options(Properties):
    """What `prometheus` takes."""

    SYNTAX = "[ADDRESS]"
    LATER = frozenset({"tls"})

    runtime_metrics: bool = prop(False, flag())


def setup(directives: Sequence[Directive], context: Context) -> Prometheus:
    """Make the plugin. Raises CorefileError."""
    directive = once(directives)
    address = http.address(directive, _ADDRESS)
    if Options.read(directive, context).runtime_metrics:
        context.warn(f"{directive.name.place}: runtime_metrics are Go's, there are none here")
    totals = claim(context.resources)
    collector = ServerCollector(context.engine, totals, context.roster)
    return Prometheus(http.claim(context.resources, address), totals.counters, collector)
