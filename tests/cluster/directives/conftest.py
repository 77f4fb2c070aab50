"""Fixtures of the comparisons, directive by directive."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest
from tests.cluster.harness import images
from tests.cluster.harness.namespace import Namespace
from tests.cluster.harness.side_by_side import SideBySide, side_by_side
from tests.cluster.oracle.upstream import Upstream

Beside = Callable[[str], AbstractContextManager[SideBySide]]


@pytest.fixture(scope="session")
def network() -> Iterator[Namespace]:
    """Make a network where every port is free and that nothing leaves."""
    namespace = Namespace(images.pause_program())
    yield namespace
    namespace.close()


@pytest.fixture(scope="session")
def upstream(network: Namespace) -> Iterator[Upstream]:
    """Start the name server that Corefiles forward to."""
    server = Upstream(network)
    yield server
    server.close()


@pytest.fixture
def beside(network: Namespace, upstream: Upstream, tmp_path: Path) -> Beside:
    """Start both servers with a Corefile: `with beside(COREFILE) as both`."""
    environment = {"UPSTREAM": upstream.address}
    return partial(side_by_side, network, folder=tmp_path, environment=environment)
