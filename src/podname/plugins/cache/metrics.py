"""The figures of `cache`, under CoreDNS's names.

Source: CoreDNS plugin/cache metrics.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from podname.plugins.cache.store import Store

_LABELS = ("server", "zones", "view")
_LABELS_BY_TYPE = ("server", "type", "zones", "view")
_COUNTS = {
    "requests": "Questions that came to the cache.",
    "misses": "Questions that the cache had no answer for.",
    "prefetches": "Answers fetched again before they expired.",
    "drops": "Responses that were not kept because they answer another question.",
    "served_stale": "Questions answered with what had expired.",
}
_NAMES = {"prefetches": "prefetch"}
_COUNTS_BY_TYPE = {
    "hits": "Questions answered from the cache.",
    "evictions": "Kept answers that had to make room.",
}


def collect(store: Store, zones: str, view: str) -> Iterator[Metric]:
    """Return the metric families of one `cache`."""
    tallies = store.tallies_with_hits_of_the_engine()
    yield _entries(store, tallies, zones, view)
    for attribute, text in _COUNTS.items():
        name = f"coredns_cache_{_NAMES.get(attribute, attribute)}_total"
        family = CounterMetricFamily(name, text, labels=_LABELS)
        for server, tally in tallies.items():
            family.add_metric((server, zones, view), getattr(tally, attribute))
        yield family
    for attribute, text in _COUNTS_BY_TYPE.items():
        name = f"coredns_cache_{attribute}_total"
        family = CounterMetricFamily(name, text, labels=_LABELS_BY_TYPE)
        for server, tally in tallies.items():
            for kind, count in getattr(tally, attribute).items():
                family.add_metric((server, kind, zones, view), count)
        yield family


def _entries(store: Store, servers: Iterable[str], zones: str, view: str) -> Metric:
    family = GaugeMetricFamily(
        "coredns_cache_entries", "Answers that are kept.", labels=_LABELS_BY_TYPE
    )
    sizes = store.sizes()
    for server in servers:
        for kind, size in sizes.items():
            family.add_metric((server, kind, zones, view), size)
    return family
