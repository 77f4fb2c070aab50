"""Fixtures for the tests on a real cluster; every test in this folder carries the mark `cluster`."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.cluster.harness import access, image, release, workloads
from tests.cluster.harness.cluster import Cluster
from tests.cluster.harness.servers import DnsServer
from tests.cluster.harness.waiting import until

NUMBERS = itertools.count(1)
COREFILE = """
.:{$PORT} {
    bind {$ADDRESS}
    ready {$READY}
    errors
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        pods verified
        endpoint_pod_names
        OURS
        ttl 1
    }
}
"""
"""A kubeadm-like Corefile; the API server is found as in any pod."""


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


@pytest.fixture(scope="session")
def released(cluster: Cluster) -> None:
    """Bring in the image of the released application."""
    cluster.node.import_image(release.release_image())


@pytest.fixture(scope="session")
def podname_image(cluster: Cluster) -> str:
    """Bring in podname's own image; give the name that manifests call it by."""
    cluster.node.import_image(image.podname_image())
    return "podname:latest"


@pytest.fixture
def space(cluster: Cluster) -> Iterator[str]:
    """Make a Kubernetes namespace for one test, ready to run pods in."""
    yield from new_space(cluster)


@pytest.fixture
def other_space(cluster: Cluster) -> Iterator[str]:
    """Make a second Kubernetes namespace."""
    yield from new_space(cluster)


def new_space(cluster: Cluster) -> Iterator[str]:
    """Make a Kubernetes namespace for as long as somebody looks at it."""
    name = f"test-{next(NUMBERS)}"
    cluster.api.create(workloads.namespace(name))
    until(lambda: cluster.api.find("ServiceAccount", name), f"the service account of {name}")
    yield name
    cluster.api.delete("Namespace", name)


@pytest.fixture(scope="module", params=["coredns", "podname"])
def server(request: pytest.FixtureRequest, cluster: Cluster) -> Iterator[DnsServer]:
    """Make each of the two the cluster's DNS, as if in a pod, with its least permissions.

    A test of what CoreDNS cannot do asks for podname alone, with `parametrize` and `indirect`.
    """
    ours = "pod_names" if request.param == "podname" else ""
    rules = access.PODNAME_RULES if request.param == "podname" else access.COREDNS_RULES
    corefile = COREFILE.replace("OURS", ours)
    account = cluster.in_cluster(rules)
    with cluster.start_server(request.param, corefile, environment=account) as server:
        cluster.use_dns(server)
        yield server


@pytest.fixture(scope="session")
def bare(progress: Callable[[str], None]) -> Iterator[Cluster]:
    """Start a cluster without controllers: nothing is in it but what a test puts."""
    with Cluster(controllers=False, progress=progress) as cluster:
        yield cluster


@pytest.fixture
def tell(
    request: pytest.FixtureRequest, progress: Callable[[str], None]
) -> Callable[[object], None]:
    """Print what a comparison found, past pytest's capture."""
    return lambda report: progress(f"{request.node.name}: {report}")
