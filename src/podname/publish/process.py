"""The controller as a process: signals, the endpoint for probes and metrics, the exit code.

SIGTERM and SIGINT: what is being written is left, the Lease is released, exit 0; what was published stays. A second
one ends at once, exit 1.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import signal
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from random import Random

from podname.kube.auth import Credentials
from podname.kube.clock import SystemClock
from podname.kube.config import ClusterConfig, for_command
from podname.kube.informer import Cluster
from podname.kube.transport import HttpTransport
from podname.publish.controller import Controller
from podname.publish.election import Election
from podname.publish.metrics import ControllerCollector
from podname.runtime.http.endpoint import Endpoint
from podname.runtime.http.messages import text
from podname.runtime.metrics import metrics
from podname.server.logs import configure_logs

logger = logging.getLogger(__name__)

LEASE = "podname-publish"


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says."""

    kubeconfig: Path | None = None
    namespace: str | None = None
    host: str = "localhost"
    port: int = 9153
    log_format: str = "text"


def run(options: Options) -> int:
    """Publish until a signal says to end; give the exit code. Raises PodnameError or OSError."""
    configure_logs(options.log_format)
    config = for_command(options.kubeconfig)
    return asyncio.run(_publish(options, config))


async def _publish(options: Options, config: ClusterConfig) -> int:
    clock, random = SystemClock(), Random()  # noqa: S311  # for jitter
    transport = HttpTransport(Credentials(config, clock))
    cluster = Cluster(config, clock=clock, random=random, transport=transport)
    home = options.namespace or config.namespace
    election = Election(transport, home, LEASE, _identity(), clock=clock, random=random)
    controller = Controller(
        cluster, transport, election, options.namespace, clock=clock, random=random
    )
    endpoint = _endpoint(options, controller)
    try:
        await endpoint.open()
        logger.info("podname publish: %s, Lease %s", election.identity, election.name)
        return await _until_signal(asyncio.create_task(controller.run()))
    finally:
        await endpoint.close()
        await cluster.close()


async def _until_signal(work: asyncio.Task[None]) -> int:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _end, work, number)
    await asyncio.wait({work})
    if work.cancelled():
        return 0
    work.result()
    return 1


def _end(work: asyncio.Task[None], number: signal.Signals) -> None:
    if work.cancelling():
        logger.warning("%s: ending at once", number.name)
        sys.stdout.flush()
        os._exit(1)
    logger.info("%s: ending; what was published stays", number.name)
    work.cancel()


def _endpoint(options: Options, controller: Controller) -> Endpoint:
    endpoint = Endpoint(options.host, options.port)
    endpoint.add("/metrics", metrics(ControllerCollector(controller)))
    endpoint.add("/health", text(lambda: (200, "OK")))
    endpoint.add(
        "/ready", text(lambda: (200, "OK") if controller.has_synced else (503, "not synced"))
    )
    return endpoint


def _identity() -> str:
    """The pod's name, and what tells two processes of one name apart."""
    return f"{socket.gethostname()}_{secrets.token_hex(4)}"
