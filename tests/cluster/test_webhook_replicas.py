"""Two replicas of `podname webhook`, one that ends, one that is killed, none; and a renewed certificate."""

import base64
from collections.abc import Iterator

import pytest
from tests.cluster.harness import webhook, workloads
from tests.cluster.harness.cluster import Cluster
from tests.cluster.harness.waiting import until
from tests.cluster.harness.webhook import Creating, becomes, certificate, one_more, ready, says, way

pytestmark = pytest.mark.usefixtures("podname_image", "installed")


@pytest.fixture(scope="module")
def installed(cluster: Cluster) -> Iterator[None]:
    webhook.install(cluster)
    yield
    webhook.remove(cluster)


@pytest.fixture
def injected(cluster: Cluster, space: str) -> str:
    """Return a namespace whose pods are injected."""
    says(cluster, space, "labels", "search")
    becomes(cluster, space, "search")
    return space


def shown(cluster: Cluster) -> set[bytes]:
    """Return the certificates of the replicas, all of them trusted by the API server."""
    return {certificate(cluster, address) for address in ready(cluster).values()}


def test_replicas_run_as_nobody_with_one_certificate(cluster: Cluster) -> None:
    pods = ready(cluster)
    assert len(pods) == webhook.REPLICAS
    assert len(shown(cluster)) == 1
    for name in pods:
        status = cluster.exec(name, "cat", "/proc/1/status", namespace=webhook.HOME)
        fields = dict(line.split(":", 1) for line in status.splitlines())
        assert set(fields["Uid"].split()) == {"65532"}
        assert {int(fields[key], 16) for key in ("CapEff", "CapPrm", "CapBnd")} == {0}
        assert fields["NoNewPrivs"].strip() == "1"


def test_a_replica_that_ends_loses_no_pod(cluster: Cluster, injected: str) -> None:
    first = next(iter(ready(cluster)))
    with Creating(cluster, injected, "search") as creating:
        cluster.api.delete("Pod", first, webhook.HOME)
        until(lambda: first not in ready(cluster), "the Service without it")
        webhook.wait_for(cluster, webhook.REPLICAS)
    assert creating.count > webhook.REPLICAS
    assert not creating.missed, webhook.logs(cluster)


def test_with_one_killed_the_other_goes_on(cluster: Cluster, injected: str) -> None:
    first = next(iter(ready(cluster)))
    cluster.kubectl("-n", webhook.HOME, "scale", "deployment", webhook.NAME, "--replicas=1")
    cluster.api.delete("Pod", first, webhook.HOME, now=True)
    webhook.wait_for(cluster, 1)
    becomes(cluster, injected, "search")  # one request may have gone to whom nobody answers for
    assert {way(one_more(cluster, injected)) for _ in range(20)} == {"search"}
    webhook.scale(cluster, webhook.REPLICAS)


def test_without_any_pods_start(cluster: Cluster, injected: str) -> None:
    webhook.scale(cluster, 0)
    cluster.api.create(workloads.deployment("web", 1, namespace=injected))
    (name,) = cluster.running_pods(injected, "web", 1)
    assert way(cluster.api.get("Pod", name, injected)) == ""
    webhook.scale(cluster, webhook.REPLICAS)
    becomes(cluster, injected, "search")


def test_a_renewed_certificate_loses_no_pod(cluster: Cluster, injected: str) -> None:
    before, bad = shown(cluster), base64.b64encode(b"x").decode()
    with Creating(cluster, injected, "search") as creating:
        cluster.api.patch("Secret", webhook.NAME, {"data": {"tls.key": bad}}, webhook.HOME)

        def renewed() -> bool:
            now = shown(cluster)  # whatever a replica shows is trusted at every moment
            return len(now) == 1 and now != before

        until(renewed, lambda: webhook.logs(cluster), deadline_seconds=120, interval_seconds=0.5)
        enough = creating.count + 20
        until(lambda: creating.count > enough, "twenty pods more")
    assert not creating.missed, webhook.logs(cluster)
