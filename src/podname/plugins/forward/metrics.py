"""The figures of `forward`, under CoreDNS's names.

The same upstream in two server blocks gives two samples with the same labels: whoever shows them adds them up.

Source: CoreDNS plugin/forward metrics.go, plugin/pkg/proxy metrics.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import dns.rcode
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric

from podname.engine.relaying import UpstreamCounts
from podname.plugins.forward.forwarder import Forwarder, Tally
from podname.plugins.forward.upstream import Upstream
from podname.runtime.histogram import DURATION_BOUNDS_SECONDS, Histogram

Relayed = tuple[Upstream, UpstreamCounts]


def collect(
    tally: Tally, upstreams: Iterable[Upstream], forwarders: Iterable[Forwarder]
) -> Iterator[Metric]:
    """Return the metric families of some upstreams, with what the engine asked them."""
    upstreams = tuple(upstreams)
    relays = [each.relay for each in forwarders if each.relay is not None]
    relayed = [
        (upstream, counts)
        for each in forwarders
        if each.relay is not None
        for upstream, counts in zip(each.upstreams, each.relay.counts(), strict=True)
    ]
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
    yield CounterMetricFamily(
        "podname_forward_foreign_replies_total",
        "Replies over UDP that answered no question under way: late, or forged.",
        value=sum(relay.foreign() for relay in relays),
    )
    yield _durations(upstreams, relayed)
    yield _failures(upstreams)
    yield from _connections(upstreams, relayed)


def _durations(upstreams: Iterable[Upstream], relayed: Iterable[Relayed]) -> Metric:
    family = HistogramMetricFamily(
        "coredns_proxy_request_duration_seconds",
        "Time that upstreams took to answer.",
        labels=("proxy_name", "to", "rcode"),
    )
    for upstream in upstreams:
        found = dict(upstream.durations)
        for counts in (counts for other, counts in relayed if other is upstream):
            _add_durations(found, counts)
        for rcode, durations in found.items():
            labels = ("forward", upstream.label, dns.rcode.to_text(dns.rcode.Rcode.make(rcode)))
            family.add_metric(labels, durations.cumulative(), durations.sum)
    return family


def _add_durations(found: dict[int, Histogram], counts: UpstreamCounts) -> None:
    for rcode, (buckets, nanoseconds) in enumerate(counts.durations):
        if any(buckets):
            both = Histogram(DURATION_BOUNDS_SECONDS, list(buckets), nanoseconds / 1e9)
            if rcode in found:
                both.merge(found[rcode])
            found[rcode] = both


def _failures(upstreams: Iterable[Upstream]) -> Metric:
    family = CounterMetricFamily(
        "coredns_proxy_healthcheck_failures_total",
        "Health checks that failed.",
        labels=("proxy_name", "to"),
    )
    for upstream in upstreams:
        family.add_metric(("forward", upstream.label), upstream.health.failures_total)
    return family


def _connections(upstreams: Iterable[Upstream], relayed: Iterable[Relayed]) -> Iterator[Metric]:
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
        for pool in upstream.pools:
            values = ("forward", upstream.label, pool.protocol)
            of_relays = [
                counts for other, counts in relayed if other is upstream and pool is upstream.udp
            ]
            hits.add_metric(values, pool.hits + sum(each.reused for each in of_relays))
            misses.add_metric(values, pool.misses + sum(each.opened for each in of_relays))
    yield hits
    yield misses
