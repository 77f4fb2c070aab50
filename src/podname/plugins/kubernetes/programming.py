"""How long it took from a change of a Service's endpoints to our answers.

The endpoint slice controller writes into a slice when the change happened that it tells of. Counted are changes since
the first list, when the answers are made; of what that list brings nobody knows when it was news.

Sources: CoreDNS plugin/kubernetes/object metrics.go; Kubernetes SIG Scalability, "DNS programming latency".
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from podname.kube.objects import EndpointSlice, Service
from podname.kube.store import Change, Store
from podname.runtime.histogram import Histogram

if TYPE_CHECKING:
    from prometheus_client.core import Metric

_BOUNDS_SECONDS = tuple(0.001 * 2**power for power in range(20))


class Programming:
    """Follows slices, after what makes answers of them, and notes how old each change is by then."""

    def __init__(
        self,
        services: Store[Service],
        slices: Store[EndpointSlice] | None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._services, self._slices, self._clock = services, slices, clock
        self._histograms: dict[str, Histogram] = {}
        if slices is not None:
            slices.add_event_handler(self._on_change)

    def close(self) -> None:
        """Follow no more."""
        if self._slices is not None:
            self._slices.remove_event_handler(self._on_change)

    def _on_change(self, changes: Collection[Change[EndpointSlice]], is_initial_list: bool) -> None:
        if not is_initial_list:  # nothing of that is news
            for old, new in changes:
                self._note(old, new)

    def _note(self, old: EndpointSlice | None, new: EndpointSlice | None) -> None:
        """Note a change whose time is known, of a Service that is."""
        if new is None or not new.changed_at or (old and old.changed_at == new.changed_at):
            return
        service = self._services.objects.get(new.service_key)
        if service is None:
            return
        kind = "headless_with_selector" if service.headless else "cluster_ip"
        histogram = self._histograms.setdefault(kind, Histogram(_BOUNDS_SECONDS))
        histogram.add(self._clock() - new.changed_at)

    def metric(self) -> Metric:
        """Return the histogram."""
        from prometheus_client.core import HistogramMetricFamily  # noqa: PLC0415 - start time counts

        family = HistogramMetricFamily(
            "coredns_kubernetes_dns_programming_duration_seconds",
            "Histogram of the time (in seconds) it took to program a dns instance.",
            labels=("service_kind",),
        )
        for kind, histogram in self._histograms.items():
            family.add_metric((kind,), histogram.cumulative(), histogram.sum)
        return family
