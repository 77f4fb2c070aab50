"""The answers of the post that started this, with `dig +short` as there.

Source: "CoreDNS: endpoint_pod_names", https://blog.differentpla.net/blog/2022/01/08/coredns-endpoint-pod-names/
"""

from collections.abc import Iterator

import pytest
from tests.cluster.harness import access, workloads
from tests.cluster.harness.cluster import Cluster
from tests.cluster.harness.servers import DnsServer
from tests.cluster.harness.waiting import until

COREFILE = """
.:{$PORT} {
    bind {$ADDRESS}
    ready {$READY}
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        kubeconfig {$KUBECONFIG}
        pods insecure
        OPTION
        fallthrough in-addr.arpa ip6.arpa
    }
}
"""
POD = "cluster-demo-7bd795854f-298qd"
DEMO, HEADLESS, WEB = (
    f"{name}.default.svc.cluster.local" for name in ("cluster-demo", "cluster-demo-headless", "web")
)


@pytest.fixture(scope="module")
def posted(control_plane: Cluster) -> Cluster:
    """Make the cluster of the post: a Deployment's pod and a StatefulSet's, and their Services."""
    api = control_plane.api
    api.create(
        workloads.service("cluster-demo", "cluster-demo", headless=False, ports={"http": 80})
    )
    api.create(workloads.service("cluster-demo-headless", "cluster-demo"))
    api.create(workloads.service("web", "web"))
    control_plane.place(
        workloads.placed_pod(POD, "10.42.3.75", app="cluster-demo"),
        workloads.placed_pod("web-0", "10.42.1.47", app="web", hostname="web-0", subdomain="web"),
    )
    until(lambda: endpoint_count(control_plane) == 3, "the endpoints of three Services")
    return control_plane


def endpoint_count(cluster: Cluster) -> int:
    services = {"cluster-demo", "cluster-demo-headless", "web"}
    slices = cluster.api.find("EndpointSlice")
    names = {
        item["metadata"]["labels"]["kubernetes.io/service-name"]
        for item in slices
        if item.get("endpoints")
    }
    return len(names & services)


CASES = [
    ("coredns", ""),
    ("podname", ""),
    ("coredns", "endpoint_pod_names"),
    ("podname", "endpoint_pod_names"),
    ("podname", "pod_names"),
]


@pytest.fixture(scope="module", params=CASES, ids=lambda case: "-".join(case).strip("-"))
def asked(request: pytest.FixtureRequest, posted: Cluster) -> Iterator[tuple[str, DnsServer]]:
    program, option = request.param
    kubeconfig = posted.kubeconfig(access.COREDNS_RULES)
    with posted.start_server(program, COREFILE.replace("OPTION", option), kubeconfig) as server:
        yield option, server


# name, then the answer without any option, with endpoint_pod_names, and with pod_names
ANSWERS = [
    (f"web-0.{WEB}", "10.42.1.47", "10.42.1.47", "10.42.1.47"),
    (f"10-42-3-75.{HEADLESS}", "10.42.3.75", "", "10.42.3.75"),
    (f"10-42-3-75.{DEMO}", "10.42.3.75", "", "10.42.3.75"),
    (f"10-42-1-47.{WEB}", "", "", "10.42.1.47"),
    (f"{POD}.{DEMO}", "", "10.42.3.75", "10.42.3.75"),
    (f"{POD}.{HEADLESS}", "", "10.42.3.75", "10.42.3.75"),
    (f"{POD}.default.pod.cluster.local", "", "", "10.42.3.75"),
]
OPTIONS = ["", "endpoint_pod_names", "pod_names"]


@pytest.mark.parametrize(("name", "answers"), [(name, answers) for name, *answers in ANSWERS])
def test_dig_short(
    posted: Cluster, asked: tuple[str, DnsServer], name: str, answers: list[str]
) -> None:
    option, server = asked
    assert posted.dig_at(server, "+short", name).strip() == answers[OPTIONS.index(option)]
