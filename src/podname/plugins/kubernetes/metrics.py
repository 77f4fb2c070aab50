"""What `kubernetes` counts of its names."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

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
