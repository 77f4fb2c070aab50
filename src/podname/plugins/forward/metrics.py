"""The figures of `forward`, under CoreDNS's names.

The same upstream in two server blocks gives two samples with the same labels: whoever shows them adds them up.

Source: CoreDNS plugin/forward metrics.go, plugin/pkg/proxy metrics.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import dns.rcode
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric

from podname.plugins.forward.forwarder import Tally
from podname.plugins.forward.upstream import Upstream


def collect(tally: Tally, upstreams: Iterable[Upstream]) -> Iterator[Metric]:
    """Return the metric families of some upstreams."""
    upstreams = tuple(upstreams)
    yield CounterMetricFamily(
        "coredns_forward_healthcheck_broken_total",
        "Questions for which no upstream was healthy.",
        value=tally.healthcheck_broken,
    )
    yield CounterMetricFamily(
        "coredns_forward_max_concurrent_rejects_total",
        "Questions refused because max_concurrent were under way.",
        value=tally.max_concurrent_rejects,
    )
    yield _durations(upstreams)
    yield _failures(upstreams)
    yield from _connections(upstreams)


def _durations(upstreams: Iterable[Upstream]) -> Metric:
    family = HistogramMetricFamily(
        "coredns_proxy_request_duration_seconds",
        "Time that upstreams took to answer.",
        labels=("proxy_name", "to", "rcode"),
    )
    for upstream in upstreams:
        for rcode, durations in upstream.durations.items():
            labels = ("forward", upstream.label, dns.rcode.to_text(dns.rcode.Rcode.make(rcode)))
            family.add_metric(labels, durations.cumulative(), durations.sum)
    return family


def _failures(upstreams: Iterable[Upstream]) -> Metric:
    family = CounterMetricFamily(
        "coredns_proxy_healthcheck_failures_total",
        "Health checks that failed.",
        labels=("proxy_name", "to"),
    )
    for upstream in upstreams:
        family.add_metric(("forward", upstream.label), upstream.health.failures_total)
    return family


def _connections(upstreams: Iterable[Upstream]) -> Iterator[Metric]:
    labels = ("proxy_name", "to", "proto")
    hits = CounterMetricFamily(
        "coredns_proxy_conn_cache_hits_total", "Questions sent on a kept connection.", labels=labels
    )
    misses = CounterMetricFamily(
        "coredns_proxy_conn_cache_misses_total",
        "Questions that needed a new connection.",
        labels=labels,
    )
    for upstream in upstreams:
        for pool in (upstream.udp, upstream.tcp):
            values = ("forward", upstream.label, pool.protocol)
            hits.add_metric(values, pool.hits)
            misses.add_metric(values, pool.misses)
    yield hits
    yield misses
