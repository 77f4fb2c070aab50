"""`podname webhook`, installed by `deploy/webhook`: who is injected, how, and who is left alone."""

import json
from collections.abc import Iterator

import pytest
import yaml
from tests.cluster.harness import ClusterError, demo, webhook, workloads
from tests.cluster.harness.api import Object
from tests.cluster.harness.cluster import Cluster
from tests.cluster.harness.resolvers import ZONE
from tests.cluster.harness.waiting import until
from tests.cluster.harness.webhook import MARK, becomes, created, entries, says, way

DEMO = "cluster-demo"
pytestmark = pytest.mark.usefixtures("podname_image", "installed")


@pytest.fixture(scope="module")
def installed(cluster: Cluster) -> Iterator[None]:
    webhook.install(cluster)
    yield
    webhook.remove(cluster)


def test_a_labelled_namespace_and_one_that_is_not(
    cluster: Cluster, space: str, other_space: str
) -> None:
    says(cluster, space, "labels", "search")
    becomes(cluster, space, "search")
    for where, searches in ((space, [f"{space}.pod.{ZONE}"]), (other_space, None)):
        cluster.api.create(workloads.deployment("web", 2, namespace=where))
        for name in cluster.running_pods(where, "web", 2):
            pod = cluster.api.get("Pod", name, where)
            assert pod["spec"].get("dnsConfig", {}).get("searches") == searches
            assert way(pod) == ("search" if searches else "")
            resolv_conf = cluster.exec(name, "cat", "/etc/resolv.conf", namespace=where)
            assert (f"{space}.pod.{ZONE}" in resolv_conf) == bool(searches)


def test_each_of_the_four_places(cluster: Cluster, space: str) -> None:
    says(cluster, space, "labels", "search")
    becomes(cluster, space, "search")
    says(cluster, space, "annotations", "inetrc")
    becomes(cluster, space, "inetrc")
    by_label = created(cluster, "label", space, labels={MARK: "subdomain"})
    assert way(by_label) == "subdomain"
    marks = {"labels": {MARK: "subdomain"}, "annotations": {MARK: "epmd"}}
    assert way(created(cluster, "annotation", space, **marks)) == "epmd"
    assert way(created(cluster, "no", space, labels={MARK: "false"})) == ""
    says(cluster, space, "annotations", None)
    becomes(cluster, space, "search")


def test_a_namespace_with_the_annotation_alone(
    cluster: Cluster, space: str, other_space: str
) -> None:
    assert set(entries(cluster)) == {"pod", "namespace"}
    says(cluster, space, "annotations", "search")
    becomes(cluster, space, "search")
    assert set(entries(cluster)) == {"pod", "namespace", "annotated"}
    assert way(created(cluster, "elsewhere", other_space)) == ""
    cluster.kubectl("apply", "-f", str(webhook.DEPLOY / "configuration.yaml"))  # once more
    assert set(entries(cluster)) == {"pod", "namespace", "annotated"}
    assert way(created(cluster, "here", space)) == "search"
    says(cluster, space, "annotations", "false")
    becomes(cluster, space, "")
    says(cluster, space, "annotations", None)
    until(lambda: set(entries(cluster)) == {"pod", "namespace"}, lambda: webhook.logs(cluster))


def test_what_writes_the_configuration_comes_to_rest(cluster: Cluster, space: str) -> None:
    """What the API server makes of the entry is what was wanted: nobody writes it again and again."""

    def version() -> str:
        return cluster.kubectl(
            "get",
            "mutatingwebhookconfiguration",
            webhook.NAME,
            "-o",
            "jsonpath={.metadata.resourceVersion}",
        )

    says(cluster, space, "annotations", "search")
    becomes(cluster, space, "search")
    before = version()
    says(cluster, space, "annotations", "serach")  # both replicas look again
    says(cluster, space, "annotations", "epmd")
    becomes(cluster, space, "epmd")
    assert version() == before


@pytest.mark.parametrize("place", ["labels", "annotations"])
def test_a_namespace_that_says_no_way(cluster: Cluster, space: str, place: str) -> None:
    says(cluster, space, place, "serach")
    item = yaml.safe_dump(workloads.pod("one", namespace=space, schedulerName="nobody"))
    create = ["create", "--warnings-as-errors", "--dry-run=server", "-f", "-"]

    def warned() -> str:
        try:
            return cluster.kubectl(*create, stdin=item) and ""
        except ClusterError as error:
            return str(error)

    told = until(warned, lambda: webhook.logs(cluster))
    assert f"podname.dev/inject of namespace '{space}' is 'serach': write search" in told
    assert f"namespace {space} says podname.dev/inject='serach'" in webhook.logs(cluster)


def test_a_pod_on_its_nodes_network_is_created_as_it_is(cluster: Cluster, space: str) -> None:
    assert _created(cluster, workloads.pod("other", namespace=space, hostNetwork=True)) == ""


def test_a_pod_with_a_hostname_is_attached_by_that(cluster: Cluster, space: str) -> None:
    assert _created(cluster, workloads.pod("other", namespace=space, hostname="else")) == "search"


def _created(cluster: Cluster, item: Object) -> str:
    """Create a pod that asks for `search`, and give the way that it got."""
    item["metadata"]["annotations"] = {MARK: "search"}
    text = cluster.kubectl("create", "-f", "-", "-o", "json", stdin=yaml.safe_dump(item))
    return way(json.loads(text))


@pytest.mark.parametrize("server", ["podname"], indirect=True)
@pytest.mark.parametrize("place", ["labels", "annotations"])
@pytest.mark.usefixtures("released", "server")
def test_a_release_as_it_is_clusters(cluster: Cluster, space: str, place: str) -> None:
    says(cluster, space, place, "search")
    becomes(cluster, space, "search")
    srv = f"_short.{DEMO}.deploy.{space}.pod.{ZONE}"
    item = demo.deployment(
        DEMO, 2, namespace=space, environment=demo.polls(srv=srv), container={"name": "demo"}
    )
    pods = demo.start(cluster, item)
    nodes = demo.become_whole(cluster, pods.values())
    assert {each.node for each in nodes} == {f"demo@{pod}" for pod in pods}
