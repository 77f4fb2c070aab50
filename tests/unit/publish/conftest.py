"""A controller on a failing API server, and time that the tests move."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from itertools import count
from random import Random
from typing import Any

import pytest

from podname.kube.auth import Credentials
from podname.kube.config import from_endpoint
from podname.kube.informer import Cluster
from podname.kube.transport import HttpTransport
from podname.publish.controller import Controller
from podname.publish.election import Election
from tests.support.apiserver import ApiServer
from tests.support.clock import FakeClock, until
from tests.support.clusterstate import Obj
from tests.support.objects import pod, service
from tests.unit.publish.replicas import Line


class Publishing:
    """One replica of the controller, running, and what its API server holds."""

    def __init__(self, server: ApiServer, clock: FakeClock, name: str = "a") -> None:
        self.server, self.clock = server, clock
        config = from_endpoint(server.url)
        transport = HttpTransport(Credentials(config, clock))
        random = Random(name)
        self.cluster = Cluster(config, clock=clock, random=random, transport=transport)
        line = Line(server.state, clock)  # without sockets: time passes while those are waited for
        election = Election(line, "home", "lease", name, clock=clock, random=random)
        self.controller = Controller(self.cluster, transport, election, clock=clock, random=random)
        self.task = asyncio.create_task(self.controller.run())

    async def close(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await self.cluster.close()

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait for a condition; time passes slowly enough for a Lease to be renewed."""
        looks = count()

        def look() -> object:
            if next(looks) % 8 == 7:
                self.clock.skip_sleep()
            return condition()

        await until(look)

    async def quiet(self) -> None:
        """Wait until everything that is known has been dealt with, and a while longer."""
        queue = self.controller.queue
        for _ in range(3):
            looks = self.clock.now + 5
            await self.until(lambda: self.clock.now > looks and not len(queue))  # noqa: B023

    @property
    def slices(self) -> dict[str, Obj]:
        return slices(self.server)

    @property
    def names(self) -> list[str]:
        """The hostnames that are published and ready."""
        return sorted(
            endpoint["hostname"]
            for each in self.slices.values()
            for endpoint in each["endpoints"]
            if endpoint["conditions"]["ready"]
        )

    def asked(self, method: str) -> int:
        """How many requests of a method came for slices."""
        return sum(
            request.method == method and "endpointslices" in request.path
            for request in self.server.requests
        )


def slices(server: ApiServer) -> dict[str, Obj]:
    found: dict[Any, Obj] = server.state._objects.get("endpointslices", {})
    return {name: each for (_, name), each in found.items()}


def headless(annotation: str | None = "app=web", name: str = "web", **spec: Any) -> Obj:
    made = service(name, "None", **spec)
    made["metadata"]["uid"] = f"u-{name}"
    if annotation is not None:
        made["metadata"]["annotations"] = {"podname.dev/publish": annotation}
    return made


def running(number: int, *, ready: bool = True, app: str = "web", name: str = "") -> Obj:
    name = name or f"web-{number}"
    made = pod(
        name, f"10.0.{number // 250}.{number % 250 + 1}", uid=f"u-{name}", labels={"app": app}
    )
    made["status"]["conditions"] = [{"type": "Ready", "status": "True" if ready else "False"}]
    return made


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def server() -> AsyncIterator[ApiServer]:
    async with ApiServer() as running_server:
        yield running_server


@pytest.fixture
async def publishing(server: ApiServer, clock: FakeClock) -> AsyncIterator[Publishing]:
    opened = Publishing(server, clock)
    yield opened
    await opened.close()
