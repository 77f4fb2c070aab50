"""The webhook as a process: the certificate, HTTPS, the endpoint for probes and metrics, signals.

SIGTERM and SIGINT: not ready at once, pods are still injected until the API server asks others, then exit 0. A second
one ends at once, exit 1.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.metrics_core import SummaryMetricFamily
from prometheus_client.registry import Collector

from podname.kube.auth import Credentials
from podname.kube.clock import SystemClock
from podname.kube.config import ClusterConfig, for_command
from podname.kube.informer import Cluster
from podname.kube.transport import HttpTransport
from podname.runtime.http.endpoint import Endpoint
from podname.runtime.http.messages import text
from podname.runtime.metrics import metrics
from podname.server.logs import configure_logs
from podname.server.loops import loop_factory
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
    """Answer until a signal says to end; give the exit code. Raises PodnameError or OSError."""
    configure_logs(options.log_format)
    config = for_command(options.kubeconfig)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(_serve(options, config))


async def _serve(options: Options, config: ClusterConfig) -> int:
    time = Time(SystemClock(), Random())  # noqa: S311  # for jitter
    transport = HttpTransport(Credentials(config, time.clock))
    cluster = Cluster(config, clock=time.clock, random=time.random, transport=transport)
    choosing = Rounds(time)
    namespaces = Namespaces(cluster, transport, choosing.wake)
    reviewer = Reviewer(namespaces.mark, options.settings)
    server = TlsServer(*options.serve, reviewer)
    keeper = Keeper(transport, config.namespace, server.show, time)

    async def choose() -> None:
        if (names := namespaces.annotated) is not None:
            await correct(transport, partial(with_annotated, names=names))

    ending = _signals()
    endpoint = _endpoint(options, WebhookCollector(reviewer, keeper, namespaces), keeper, ending)
    try:
        await endpoint.open()
        await server.open()
        logger.info("podname webhook: answers for %s", keeper.hosts[0])
        gc.freeze()
        async with asyncio.TaskGroup() as group:
            work = (Rounds(time).run(keeper.round), choosing.run(choose))
            tasks = [group.create_task(each) for each in work]
            await ending.wait()
            server.drain()
            await time.clock.sleep(LAME_SECONDS)
            for task in tasks:
                task.cancel()
        return 0
    finally:
        await server.close()
        await endpoint.close()
        await cluster.close()


def _signals() -> asyncio.Event:
    ending, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _end, ending, number)
    return ending


def _end(ending: asyncio.Event, number: signal.Signals) -> None:
    if ending.is_set():
        logger.warning("%s: ending at once", number.name)
        sys.stdout.flush()
        os._exit(1)
    logger.info("%s: ending in %g seconds", number.name, LAME_SECONDS)
    ending.set()


def _endpoint(
    options: Options, collector: WebhookCollector, keeper: Keeper, ending: asyncio.Event
) -> Endpoint:
    endpoint = Endpoint(*options.listen)
    endpoint.add("/metrics", metrics(collector))
    endpoint.add("/health", text(lambda: (200, "OK")))

    def ready() -> tuple[int, str]:
        if ending.is_set():
            return 503, "ending"
        return (200, "OK") if keeper.is_known else (503, "no certificate that the API server knows")

    endpoint.add("/ready", text(ready))
    return endpoint


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

    def describe(self) -> Iterable[Metric]:
        """Name no family in advance."""
        return ()
