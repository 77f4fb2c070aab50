"""How long it took from a change of a Service's endpoints to our answers.

The endpoint slice controller writes into a slice when the change happened that it tells of. Counted are changes since
the first list, when the answers are made; of what that list brings nobody knows when it was news.

Sources: CoreDNS plugin/kubernetes/object metrics.go; Kubernetes SIG Scalability, "DNS programming latency".
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

from podname.kube.objects import EndpointSlice, Service
from podname.kube.store import Change, Store

if TYPE_CHECKING:
    from prometheus_client.core import Metric

_BOUNDS_SECONDS = tuple(0.001 * 2**power for power in range(20))
_LABELS = (*(f"{bound:g}" for bound in _BOUNDS_SECONDS), "+Inf")


class Programming:
    """Follows slices, after what makes answers of them, and notes how old each change is by then."""

    def __init__(
        self,
        services: Store[Service],
        slices: Store[EndpointSlice] | None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._services, self._slices, self._clock = services, slices, clock
        self._counts: dict[str, list[int]] = {}
        self._sums: dict[str, float] = {}
        if slices is not None:
            slices.follow(self)

    def close(self) -> None:
        """Follow no more."""
        if self._slices is not None:
            self._slices.forget(self)

    def replaced(self, objects: Mapping[str, EndpointSlice]) -> None:
        """Take a list: nothing of it is news."""

    def changed(self, changes: Sequence[Change[EndpointSlice]]) -> None:
        """Note changes."""
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
        seconds = self._clock() - new.changed_at
        counts = self._counts.setdefault(kind, [0] * len(_LABELS))
        counts[bisect_left(_BOUNDS_SECONDS, seconds)] += 1
        self._sums[kind] = self._sums.get(kind, 0.0) + seconds

    def metric(self) -> Metric:
        """Return the histogram."""
        from prometheus_client.core import HistogramMetricFamily  # noqa: PLC0415 - start time counts

        family = HistogramMetricFamily(
            "coredns_kubernetes_dns_programming_duration_seconds",
            "Histogram of the time (in seconds) it took to program a dns instance.",
            labels=("service_kind",),
        )
        for kind, counts in self._counts.items():
            buckets = list(zip(_LABELS, map(float, accumulate(counts)), strict=True))
            family.add_metric((kind,), buckets, self._sums[kind])
        return family
