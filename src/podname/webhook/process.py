"""The webhook as a process: the certificate, HTTPS, the endpoint for probes and metrics.

SIGTERM and SIGINT: not ready at once, pods are still injected until the API server asks others.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.metrics_core import SummaryMetricFamily
from prometheus_client.registry import Collector

from podname.kube.auth import Credentials
from podname.kube.config import ClusterConfig, for_command
from podname.kube.informer import Cluster
from podname.kube.transport import HttpTransport
from podname.runtime import process
from podname.runtime.clock import SystemClock
from podname.runtime.probes import probes
from podname.webhook.configuration import correct, with_annotated
from podname.webhook.keeper import Keeper
from podname.webhook.namespaces import Namespaces
from podname.webhook.review import Settings
from podname.webhook.rounds import Rounds, Time
from podname.webhook.serving import Reviewer, TlsServer

logger = logging.getLogger(__name__)

LAME_SECONDS = 5.0
"""So long the Service may still lead to a pod that ends."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says; the addresses are of HTTPS, and of probes and metrics."""

    kubeconfig: Path | None = None
    serve: tuple[str, int] = ("", 8443)
    listen: tuple[str, int] = ("localhost", 9153)
    settings: Settings = field(default_factory=Settings)
    log_format: str = "text"


def run(options: Options) -> int:
    """Answer until a signal says to end; return the exit code. Raises PodnameError or OSError."""

    def make() -> Webhook:
        return Webhook(options, for_command(options.kubeconfig))

    return process.run(make, options.log_format)


class Webhook(process.Process):
    """What answers, the certificate that it shows, and the endpoint."""

    parting = f"ending in {LAME_SECONDS:g} seconds"

    def __init__(self, options: Options, config: ClusterConfig) -> None:
        self._time = Time(SystemClock(), Random())  # noqa: S311  # for jitter
        clock, random = self._time.clock, self._time.random
        self._transport = HttpTransport(Credentials(config, clock))
        self._cluster = Cluster(config, clock=clock, random=random, transport=self._transport)
        self._choosing = Rounds(self._time)
        self._namespaces = Namespaces(self._cluster, self._transport, self._choosing.wake)
        reviewer = Reviewer(self._namespaces.mark, options.settings)
        self._server = TlsServer(*options.serve, reviewer)
        self._keeper = Keeper(self._transport, config.namespace, self._server.show, self._time)
        self._is_ending = False
        collector = WebhookCollector(reviewer, self._keeper, self._namespaces)
        self._endpoint = probes(*options.listen, collector, self._unready)

    async def start(self) -> None:
        """Bind and serve."""
        await self._endpoint.open()
        await self._server.open()
        logger.info("podname webhook: answers for %s", self._keeper.hosts[0])

    async def work(self) -> None:
        """Keep the certificate and the choice of namespaces right."""
        async with asyncio.TaskGroup() as group:
            group.create_task(Rounds(self._time).run(self._keeper.round))
            group.create_task(self._choosing.run(self._choose))

    async def end(self) -> None:
        """Be not ready, and inject until the API server asks others."""
        self._is_ending = True
        self._server.drain()
        await self._time.clock.sleep(LAME_SECONDS)

    async def close(self) -> None:
        """Finish what is under way and close everything."""
        await self._server.close()
        await self._endpoint.close()
        await self._cluster.close()

    async def _choose(self) -> None:
        if (names := self._namespaces.annotated) is not None:
            await correct(self._transport, partial(with_annotated, names=names))

    def _unready(self) -> str:
        if self._is_ending:
            return "ending"
        return "" if self._keeper.is_known else "no certificate that the API server knows"


class WebhookCollector(Collector):
    """What was counted, made into metric families when somebody scrapes."""

    def __init__(self, reviewer: Reviewer, keeper: Keeper, namespaces: Namespaces) -> None:
        self._reviewer = reviewer
        self._keeper = keeper
        self._namespaces = namespaces

    def collect(self) -> Iterable[Metric]:
        """Return all families."""
        counted = self._reviewer.answers
        answers = CounterMetricFamily(
            "podname_webhook_answers",
            "Pods that were asked about: injected, unchanged or warned.",
            labels=("way", "outcome"),
        )
        for (way, outcome), count in counted.items():
            answers.add_metric((way, outcome), count)
        yield answers
        yield SummaryMetricFamily(
            "podname_webhook_answer_seconds",
            "Time from the request to the answer, TLS not included.",
            counted.total(),
            self._reviewer.seconds,
        )
        saying = GaugeMetricFamily(
            "podname_webhook_namespaces",
            "Namespaces that say how, or no, or what is no way (invalid).",
            labels=("way",),
        )
        for way, count in self._namespaces.counts().items():
            saying.add_metric((way,), count)
        yield saying
        if shown := self._keeper.shown:
            yield GaugeMetricFamily(
                "podname_webhook_certificate_end_seconds",
                "When the certificate that is shown ends, in Unix time.",
                shown.ends.timestamp(),
            )
