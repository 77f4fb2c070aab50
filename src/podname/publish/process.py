"""The controller as a process, and its endpoint for probes and metrics.

SIGTERM and SIGINT: what is being written is left, the Lease is released; what was published stays.
"""

from __future__ import annotations

import logging
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path
from random import Random

from podname.kube.auth import Credentials
from podname.kube.config import ClusterConfig, for_command
from podname.kube.informer import Cluster
from podname.kube.transport import HttpTransport
from podname.publish.controller import Controller
from podname.publish.election import Election
from podname.publish.metrics import ControllerCollector
from podname.runtime import process
from podname.runtime.clock import SystemClock
from podname.runtime.probes import probes

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
    """Publish until a signal says to end; return the exit code. Raises PodnameError or OSError."""

    def make() -> Publishing:
        return Publishing(options, for_command(options.kubeconfig))

    return process.run(make, options.log_format)


class Publishing(process.Process):
    """The controller and its endpoint."""

    parting = "ending; what was published stays"

    def __init__(self, options: Options, config: ClusterConfig) -> None:
        clock, random = SystemClock(), Random()  # noqa: S311  # for jitter
        transport = HttpTransport(Credentials(config, clock))
        self._cluster = Cluster(config, clock=clock, random=random, transport=transport)
        home = options.namespace or config.namespace
        self._election = Election(transport, home, LEASE, _identity(), clock=clock, random=random)
        self._controller = Controller(
            self._cluster, transport, self._election, options.namespace, clock=clock, random=random
        )
        self._endpoint = probes(
            options.host, options.port, ControllerCollector(self._controller), self._unready
        )

    async def start(self) -> None:
        """Open the endpoint."""
        await self._endpoint.open()

    async def work(self) -> None:
        """Publish; cancelled, leave what is being written and release the Lease."""
        logger.info("podname publish: %s, Lease %s", self._election.identity, self._election.name)
        await self._controller.run()

    async def close(self) -> None:
        """Close the endpoint and the connections."""
        await self._endpoint.close()
        await self._cluster.close()

    def _unready(self) -> str:
        return "" if self._controller.has_synced else "not synced"


def _identity() -> str:
    """The pod's name, and what tells two processes of one name apart."""
    return f"{socket.gethostname()}_{secrets.token_hex(4)}"
