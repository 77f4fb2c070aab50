"""What `kubernetes` counts: the names, and how following the cluster goes.

Source: CoreDNS plugin/kubernetes metrics.go for names that begin with `coredns_`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from urllib.parse import urlsplit

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from podname.kube.informer import Cluster, Source
from podname.plugins.kubernetes.names import ClusterNames


def names_metrics(names: ClusterNames) -> Iterator[Metric]:
    """Return the figures of one table."""
    yield GaugeMetricFamily(
        "podname_kubernetes_answers", "Ready answers in the table.", value=len(names.table)
    )
    yield GaugeMetricFamily(
        "podname_kubernetes_synced",
        "Whether the first sync with the API server is done.",
        value=float(names.table.synced),
    )
    yield GaugeMetricFamily(
        "podname_kubernetes_last_event_age_seconds",
        "How long ago the API server was last heard of, of the kind that is silent longest.",
        value=names.watched.last_event_age_seconds,
    )
    yield CounterMetricFamily(
        "podname_kubernetes_changed_names",
        "Owner names whose answers were made anew.",
        value=names.compiler.changes.made,
    )
    yield names.programming.metric()


def source_metrics(source: Source) -> Iterator[Metric]:
    """Return the figures of the reflectors; files have none."""
    if not isinstance(source, Cluster):
        return
    figures = {
        "relists": "Times that the objects were listed anew.",
        "reconnects": "Times that a watch was begun again.",
        "failures": "Requests that failed.",
        "decode_errors": "Objects of which a part was not as promised.",
        "lost_events_healed": "Differences to the API server that a comparison found and healed.",
    }
    for name, text in figures.items():
        family = CounterMetricFamily(f"podname_reflector_{name}", text, labels=("resource",))
        totals: dict[str, int] = {}
        for watch, informer in source.informers.items():
            plural = watch.kind.plural
            counted = (
                informer.decode_errors
                if name == "decode_errors"
                else getattr(informer.counters, name)
            )
            totals[plural] = totals.get(plural, 0) + counted
        for plural, count in totals.items():
            family.add_metric((plural,), count)
        yield family
    yield _requests(source)


def _requests(source: Cluster) -> Metric:
    """Count the requests as client-go does, by method: lists and watches are GET."""
    family = CounterMetricFamily(
        "coredns_kubernetes_rest_client_requests",
        "Counter of HTTP requests to the API server.",
        labels=("code", "method", "host"),
    )
    host = urlsplit(source.config.server).netloc
    totals: Counter[tuple[str, str]] = Counter()
    for (verb, status), count in source.transport.requests.items():
        totals[str(status), "GET" if verb in {"LIST", "WATCH"} else verb] += count
    for (code, method), count in totals.items():
        family.add_metric((code, method, host), count)
    return family
