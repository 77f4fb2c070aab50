"""What the tests of this floor share: a failing API server, time that they move, and watches on both."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from random import Random
from typing import Any

import pytest

from podname.kube.config import from_endpoint
from podname.kube.informer import Cluster, ClusterInformer
from podname.kube.kinds import PODS, Watch
from tests.support.apiserver import ApiServer
from tests.support.clock import FakeClock

Follow = Callable[..., ClusterInformer[Any]]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def server() -> AsyncIterator[ApiServer]:
    async with ApiServer() as running:
        yield running


@pytest.fixture
async def cluster(server: ApiServer, clock: FakeClock) -> AsyncIterator[Cluster]:
    opened = Cluster(from_endpoint(server.url), clock=clock, random=Random(1))
    yield opened
    await opened.close()


@pytest.fixture
def follow(cluster: Cluster) -> Follow:
    def watch(kind: Any = PODS, **options: Any) -> ClusterInformer[Any]:
        asked: Watch[Any] = Watch(kind, **options)
        cluster.watch(asked)
        return cluster.informers[asked]

    return watch
