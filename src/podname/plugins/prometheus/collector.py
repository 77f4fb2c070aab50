"""Everything that the server and its plugins count, made into metric families when somebody scrapes.

Two plugins may give the same family, as when two server blocks have a `cache`: such families are
put together, samples with equal labels added up, a gauge's last one taken.

Sources: CoreDNS plugin/metrics; the Prometheus text format 0.0.4.
"""

from __future__ import annotations

import logging
import platform
from collections.abc import Iterable, Iterator, Sequence

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from podname import __version__
from podname.engine import counters as c
from podname.engine.base import Engine, EngineStats
from podname.plugins.base import Plugin
from podname.plugins.prometheus.totals import ServerTotals

_log = logging.getLogger(__name__)

_HELP = {
    "requests_total": "Counter of DNS requests made per zone, protocol and family.",
    "do_requests_total": "Counter of DNS requests with DO bit set per zone.",
    "responses_total": "Counter of response status codes.",
    "request_size_bytes": "Size of the request in bytes.",
    "response_size_bytes": "Size of the returned response in bytes.",
    "request_duration_seconds": "Histogram of the time (in seconds) each request took per zone.",
}


class ServerCollector(Collector):
    """Collects from the engine, the server and every plugin of the configuration."""

    def __init__(self, engine: Engine, totals: ServerTotals, roster: Sequence[Plugin]) -> None:
        self._engine = engine
        self._totals = totals
        self._roster = roster

    def collect(self) -> Iterable[Metric]:
        """Return all families, each name once."""
        return merged(self._all())

    def _all(self) -> Iterator[Metric]:
        yield from _build_info(self._engine.name)
        panics = CounterMetricFamily(
            "coredns_panics", "A metrics that counts the number of panics."
        )
        panics.add_metric([], self._totals.panics)
        yield panics
        yield from _stats(self._engine.stats)
        for counters in (self._totals.counters, self._engine.dropped):
            yield from _dns(counters.families())
        for plugin in self._roster:
            try:
                yield from plugin.collect()
            except Exception:
                # One plugin's fault must not cost the operator all the others' metrics.
                _log.exception("The metrics of plugin '%s' are missing", plugin.name)


def merged(families: Iterable[Metric]) -> list[Metric]:
    """Put families of one name together."""
    out: dict[str, Metric] = {}
    values: dict[str, dict[tuple[str, tuple[tuple[str, str], ...]], Sample]] = {}
    for family in families:
        out.setdefault(family.name, Metric(family.name, family.documentation, family.type))
        known = values.setdefault(family.name, {})
        for sample in family.samples:
            key = sample.name, tuple(sorted(sample.labels.items()))
            before = known.get(key)
            if before is not None and family.type != "gauge":
                known[key] = sample._replace(value=before.value + sample.value)
            else:
                known[key] = sample
    for name, metric in out.items():
        metric.samples = list(values[name].values())
    return list(out.values())


def _dns(families: c.Families) -> Iterator[Metric]:
    for name, counts in families.counts.items():
        counter = CounterMetricFamily(f"coredns_dns_{name}", _HELP[name], labels=c.LABELS[name])
        for labels, count in counts.items():
            counter.add_metric(labels, count)
        yield counter
    for name, histograms in families.histograms.items():
        family = HistogramMetricFamily(f"coredns_dns_{name}", _HELP[name], labels=c.LABELS[name])
        for labels, histogram in histograms.items():
            family.add_metric(labels, histogram.cumulative(), histogram.sum)
        yield family


def _stats(stats: EngineStats) -> Iterator[Metric]:
    misses = CounterMetricFamily(
        "podname_engine_misses",
        "Questions that the engine handed to the plugins; it answered all others by itself.",
    )
    misses.add_metric([], stats.misses)
    yield CounterMetricFamily(
        "podname_engine_misses_expired",
        "Questions for the plugins that nobody waited for any more when their turn came.",
        value=stats.misses_expired,
    )
    yield misses
    unseen = CounterMetricFamily(
        "podname_engine_unseen",
        "Answers of the engine that could not be logged, because the log did not keep up.",
    )
    unseen.add_metric([], stats.observations_dropped)
    https = CounterMetricFamily(
        "coredns_dns_https_responses",
        "Counter of DoH responses per server and http status code.",
        labels=["server", "status"],
    )
    for (server, status), count in stats.https_responses.items():
        https.add_metric([server, str(status)], count)
    yield unseen
    yield https
    unsent = CounterMetricFamily(
        "podname_engine_unsent",
        "Answers over UDP that the system did not take: no way back to the client, or no room.",
    )
    unsent.add_metric([], stats.unsent)
    yield unsent


def _build_info(engine: str) -> Iterator[Metric]:
    ours = GaugeMetricFamily(
        "podname_build_info",
        "A metric with a constant '1' value: the version, the engine and Python.",
        labels=["version", "engine", "python"],
    )
    ours.add_metric([__version__, engine, platform.python_version()], 1)
    yield ours
    theirs = GaugeMetricFamily(
        "coredns_build_info",
        "A metric with a constant '1' value labeled by version, revision, and goversion.",
        labels=["version", "revision", "goversion"],
    )
    theirs.add_metric([f"podname-{__version__}", "", ""], 1)
    yield theirs
