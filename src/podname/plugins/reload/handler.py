"""How often to look whether the Corefile has changed. The server looks; this says when.

Source: CoreDNS plugin/reload.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import TYPE_CHECKING

from podname.plugins.base import Plugin

if TYPE_CHECKING:
    from prometheus_client.core import Metric


class ReloadCounters:
    """What has become of reloads so far. Outlives each of them."""

    def __init__(self) -> None:
        self.failed = 0
        self.digest = ""  # of the Corefile read last, once it has changed

    async def close(self) -> None:
        """Hold nothing."""


class Reload(Plugin):
    """`reload`: every interval, give or take half the jitter, so that replicas do not all do it at once."""

    name = "reload"

    def __init__(
        self, interval_seconds: float, jitter_seconds: float, counters: ReloadCounters
    ) -> None:
        self.interval_seconds = interval_seconds
        self.jitter_seconds = jitter_seconds
        self.counters = counters

    def next_look_seconds(self) -> float:
        """Return how long to wait before looking."""
        return self.interval_seconds + (random.random() - 0.5) * self.jitter_seconds  # noqa: S311

    def collect(self) -> Iterable[Metric]:
        """Count failures; tell which Corefile a reload has brought."""
        from prometheus_client.core import (  # noqa: PLC0415 - start time counts
            CounterMetricFamily,
            GaugeMetricFamily,
        )

        failed = CounterMetricFamily(
            "coredns_reload_failed", "Counter of the number of failed reload attempts."
        )
        failed.add_metric([], self.counters.failed)
        info = GaugeMetricFamily(
            "coredns_reload_version_info",
            "A metric with a constant '1' value labeled by hash, and value which type of hash generated.",
            labels=["hash", "value"],
        )
        if self.counters.digest:
            info.add_metric(["sha512", self.counters.digest], 1)
        return [failed, info]
