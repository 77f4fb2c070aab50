"""What the controller counts, made into metric families when somebody scrapes.

Source: the Prometheus text format 0.0.4.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from podname.kube.metrics import source_metrics
from podname.publish.choosing import Publication
from podname.publish.controller import Controller


class ControllerCollector(Collector):
    """Collects from a controller and its reflectors."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller

    def collect(self) -> Iterable[Metric]:
        """Return all families."""
        yield from _gauges(self._controller)
        yield from _counters(self._controller)
        yield from source_metrics(self._controller.cluster)


def _gauges(controller: Controller) -> Iterator[Metric]:
    plans = controller.plans.values()
    choices = list(controller.catalog.choices.values())
    good = [each for each in choices if isinstance(each, Publication) and not each.fault]
    figures: dict[str, tuple[str, float]] = {
        "synced": ("Whether all that is watched is known.", controller.has_synced),
        "leading": ("Whether this replica writes.", controller.election.is_leading),
        "services": ("Services that are published.", len(good)),
        "services_refused": (
            "Services whose annotation cannot be followed; the log says why.",
            len(choices) - len(good),
        ),
        "endpoints": ("Endpoints that this replica published.", sum(p.endpoints for p in plans)),
        "pods_without_hostname": (
            "Published pods whose names are no DNS labels, and do not answer.",
            sum(len(each.nameless) for each in plans),
        ),
        "queue_length": ("Services that wait to be planned.", len(controller.queue)),
    }
    for name, (help_text, value) in figures.items():
        yield GaugeMetricFamily(f"podname_publish_{name}", help_text, value=float(value))


def _counters(controller: Controller) -> Iterator[Metric]:
    writes = CounterMetricFamily(
        "podname_publish_writes", "Slices that were applied or deleted.", labels=("verb",)
    )
    for verb, count in controller.writer.writes.items():
        writes.add_metric((verb,), count)
    yield writes
    yield CounterMetricFamily(
        "podname_publish_failures",
        "Services that could not be made right at once.",
        value=controller.failures,
    )
    yield CounterMetricFamily(
        "podname_publish_elections",
        "Times that this replica became leader.",
        value=controller.election.changes,
    )
