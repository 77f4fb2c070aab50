"""`podname publish` as people run it: `kubectl apply -k deploy/publish`, podname's own image, two replicas.

Stock CoreDNS answers, and Erlang nodes in real pods find each other by it, with the permissions of the manifests alone.
"""

from collections.abc import Iterator

import pytest
from tests.cluster.harness import erlang, publishing, workloads
from tests.cluster.harness.cluster import Cluster
from tests.cluster.harness.servers import DnsServer
from tests.cluster.harness.waiting import until

HOME, NAME, APP = "podname", "podname-publish", "cluster-demo"
TAKEN_OVER_SECONDS = 40
COREFILE = """
.:{$PORT} {
    bind {$ADDRESS}
    ready {$READY}
    errors
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        kubeconfig {$KUBECONFIG}
        pods insecure
        ttl 1
    }
}
"""


@pytest.fixture
def coredns(cluster: Cluster) -> Iterator[DnsServer]:
    """Make stock CoreDNS the cluster's DNS."""
    with cluster.start_server("coredns", COREFILE) as server:
        cluster.use_dns(server)
        yield server


@pytest.fixture
def replicas(cluster: Cluster, podname_image: str) -> Iterator[None]:
    """Apply what we ship, as it is."""
    applied = cluster.kubectl("kustomize", str(publishing.DEPLOY))
    assert f"image: {podname_image}" in applied
    cluster.kubectl("apply", "-k", str(publishing.DEPLOY))
    two_ready(cluster)
    yield
    print(cluster.kubectl("-n", HOME, "logs", "--prefix", "--selector", label()))
    cluster.kubectl("-n", HOME, "delete", "deployment", NAME)


def label() -> str:
    return f"app.kubernetes.io/name={NAME}"


def two_ready(cluster: Cluster) -> None:
    def ready() -> int:
        status = cluster.api.get("Deployment", NAME, HOME)["status"]
        return int(status.get("readyReplicas", 0))

    def told() -> str:
        return cluster.kubectl("-n", HOME, "describe", "pods", "--selector", label())[-4000:]

    until(lambda: ready() == 2, told, deadline_seconds=90)


def leader(cluster: Cluster) -> str:
    """Return the pod that holds the Lease: who holds it is named after its pod."""
    query = "jsonpath={.spec.holderIdentity}"
    holder = cluster.kubectl("-n", HOME, "get", "lease", NAME, "-o", query)
    return holder.rpartition("_")[0]


def name_of(pod: str, space: str) -> str:
    return f"{pod}.{APP}.{space}.svc.cluster.local"


def answered(dns: DnsServer, pods: dict[str, str], space: str) -> None:
    for pod, address in pods.items():
        name = name_of(pod, space)
        until(
            lambda: dns.short(name) == [address],  # noqa: B023
            f"an answer for {name}",
            deadline_seconds=TAKEN_OVER_SECONDS,
        )


def meet(cluster: Cluster, space: str, first: str, second: str) -> None:
    """Let the Erlang nodes of two pods find each other; where nothing listens there is no pong."""
    one, two = name_of(first, space), name_of(second, space)
    erlang.start_node(cluster, first, f"app@{one}", namespace=space)
    assert erlang.ping(cluster, second, f"b@{two}", f"app@{one}", namespace=space) == "pong"
    assert erlang.ping(cluster, second, f"c@{two}", f"x@{one}", namespace=space) == "pang"


@pytest.mark.usefixtures("replicas")
def test_nodes_meet_before_and_after_the_leader_dies(
    cluster: Cluster, coredns: DnsServer, space: str
) -> None:
    metadata = {
        "name": APP,
        "namespace": space,
        "annotations": {"podname.dev/publish": f"app={APP}"},
    }
    spec = {"clusterIP": "None", "publishNotReadyAddresses": True}
    cluster.api.create({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})
    never = workloads.NEVER_READY
    cluster.api.create(workloads.deployment(APP, 2, namespace=space, readiness=never))
    before = cluster.running_pods(space, APP, 2)
    answered(coredns, before, space)
    meet(cluster, space, *before)

    dead = leader(cluster)
    cluster.api.delete("Pod", dead, HOME, now=True)
    cluster.kubectl("-n", space, "scale", "deployment", APP, "--replicas=3")
    after = cluster.running_pods(space, APP, 3)
    assert before.items() <= after.items()
    answered(coredns, after, space)
    assert leader(cluster) not in {"", dead}
    (new,) = after.keys() - before.keys()
    meet(cluster, space, new, next(iter(before)))
    two_ready(cluster)
    for pod in cluster.api.find("Pod", HOME, label()):
        assert "403" not in cluster.kubectl("-n", HOME, "logs", pod["metadata"]["name"])
