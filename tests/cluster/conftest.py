"""Fixtures for the tests on a real cluster; every test in this folder carries the mark `cluster`."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.cluster.harness import workloads
from tests.cluster.harness.cluster import Cluster
from tests.cluster.harness.waiting import until

NUMBERS = itertools.count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.cluster)


@pytest.fixture(scope="session")
def progress(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Print a line at once, past pytest's capture: a cluster takes a while to start."""
    capture = request.config.pluginmanager.getplugin("capturemanager")

    def show(text: str) -> None:
        with capture.global_and_fixture_disabled():
            print(f"\ncluster: {text}", end="", flush=True)

    return show


@pytest.fixture(scope="session")
def control_plane(progress: Callable[[str], None]) -> Iterator[Cluster]:
    """Start a cluster whose pods are only objects, placed by the tests."""
    with Cluster(progress=progress) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def cluster(progress: Callable[[str], None]) -> Iterator[Cluster]:
    """Start a cluster with a node, on which pods run."""
    with Cluster(with_node=True, progress=progress) as cluster:
        yield cluster


@pytest.fixture
def space(cluster: Cluster) -> Iterator[str]:
    """Make a Kubernetes namespace for one test, ready to run pods in."""
    name = f"test-{next(NUMBERS)}"
    cluster.api.create(workloads.namespace(name))
    until(lambda: cluster.api.find("ServiceAccount", name), f"the service account of {name}")
    yield name
    cluster.api.delete("Namespace", name)
