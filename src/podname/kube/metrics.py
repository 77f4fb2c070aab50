"""How following a cluster goes, as metric families made when somebody scrapes.

Source: CoreDNS plugin/kubernetes metrics.go for names that begin with `coredns_`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from urllib.parse import urlsplit

from prometheus_client.core import CounterMetricFamily, Metric

from podname.kube.informer import Cluster, Source


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
