"""The harness itself: a real cluster, CoreDNS as its DNS, and Erlang nodes that find each other.

What podname must do in this cluster is what CoreDNS does here.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cluster.harness import access, erlang, workloads, workspace
from tests.cluster.harness.api import ApiError
from tests.cluster.harness.cluster import Cluster
from tests.cluster.harness.resolvers import FIRST
from tests.cluster.harness.servers import DnsServer
from tests.cluster.harness.waiting import until

COREFILE = """
.:{$PORT} {
    bind {$ADDRESS}
    ready {$READY}
    errors
    kubernetes cluster.local in-addr.arpa {
        kubeconfig {$KUBECONFIG}
        endpoint_pod_names
    }
}
"""


A_RUN = """
from tests.cluster.harness import images, namespace, processes, workspace
with workspace.workspace() as folder:
    inside = namespace.Namespace(images.pause_program())
    program = processes.Program(inside, ["sleep", "infinity"], folder / "sleep.log")
    print(folder, program.pid, sep="\\n", flush=True)
    input()
"""


@pytest.fixture(scope="module")
def coredns(cluster: Cluster) -> Iterator[DnsServer]:
    kubeconfig = cluster.kubeconfig(access.COREDNS_RULES)
    with cluster.start_server("coredns", COREFILE, kubeconfig) as server:
        cluster.use_dns(server)
        yield server


def test_pods_of_a_deployment_find_each_other_by_name(
    cluster: Cluster, coredns: DnsServer, space: str
) -> None:
    cluster.api.create(workloads.service("cluster-demo", "cluster-demo", namespace=space))
    cluster.api.create(workloads.deployment("cluster-demo", 3, namespace=space))
    pods = cluster.running_pods(space, "cluster-demo", 3)
    names = {pod: f"{pod}.cluster-demo.{space}.svc.cluster.local" for pod in pods}
    first, second, _ = pods

    for pod, name in names.items():
        until(lambda: coredns.short(name), f"an answer for {name}")  # noqa: B023
        assert cluster.dig(first, name, namespace=space) == [pods[pod]]

    erlang.start_node(cluster, first, f"a@{names[first]}", namespace=space)
    reply = erlang.ping(cluster, second, f"b@{names[second]}", f"a@{names[first]}", namespace=space)
    assert reply == "pong"


def test_a_server_that_was_a_replica_of_the_dns_is_asked_no_more(
    cluster: Cluster, coredns: DnsServer
) -> None:
    kubeconfig = cluster.kubeconfig(access.COREDNS_RULES)
    with cluster.start_server("coredns", COREFILE, kubeconfig) as other:
        place = f"{other.address}:{other.port}"
        cluster.use_dns(coredns, other, address=FIRST)
        until(lambda: place in cluster.service_rules(), "kube-proxy to send to both")
        cluster.use_dns(coredns, address=FIRST)
        assert place not in cluster.service_rules()


def test_a_pod_reaches_the_api_server_with_its_own_account(cluster: Cluster, space: str) -> None:
    cluster.api.create(workloads.pod("client", namespace=space))
    cluster.running_pods(space, "", 1)
    mounted = cluster.exec(
        "client", "ls", "/var/run/secrets/kubernetes.io/serviceaccount", namespace=space
    )
    assert mounted.split() == ["ca.crt", "namespace", "token"]


def test_the_api_server_is_killed_and_comes_back(control_plane: Cluster) -> None:
    control_plane.api.create(workloads.namespace("survivor"))
    control_plane.control_plane.kill_server()
    with pytest.raises(ConnectionError):
        control_plane.api.get("Namespace", "survivor")
    control_plane.control_plane.start_server()
    assert control_plane.api.get("Namespace", "survivor")["status"]["phase"] == "Active"


def test_a_service_account_has_only_its_permissions(control_plane: Cluster) -> None:
    services_only = control_plane.account_api([access.reads("services")], only_in="default")
    assert services_only.find("Service")
    with pytest.raises(ApiError, match="403"):
        services_only.find("Service", "kube-system")
    with pytest.raises(ApiError, match="403"):
        services_only.find("Pod")


def test_placed_pods_become_endpoints(control_plane: Cluster) -> None:
    control_plane.api.create(workloads.service("placed", "placed"))
    ready = workloads.placed_pod("placed-1", "10.42.9.1", app="placed")
    unready = workloads.placed_pod("placed-2", "10.42.9.2", app="placed", ready=False)
    control_plane.place(ready, unready)

    def endpoints() -> dict[str, bool]:
        slices = control_plane.api.find(
            "EndpointSlice", selector="kubernetes.io/service-name=placed"
        )
        return {
            endpoint["addresses"][0]: endpoint["conditions"]["ready"]
            for item in slices
            for endpoint in item.get("endpoints") or []
        }

    expected = {"10.42.9.1": True, "10.42.9.2": False}
    until(lambda: endpoints() == expected, lambda: f"two endpoints, not {endpoints()}")


def test_objects_in_bulk_are_objects_like_others(control_plane: Cluster) -> None:
    control_plane.api.create(workloads.namespace("bulk"))
    pods = [
        workloads.placed_pod(f"bulk-{number}", f"10.42.10.{number}", namespace="bulk")
        for number in range(1, 201)
    ]
    with control_plane.bulk() as bulk:
        assert bulk.put(pods) == 200
        until(lambda: len(control_plane.api.find("Pod", "bulk")) == 200, "200 pods")
        assert control_plane.api.get("Pod", "bulk-7", "bulk")["status"]["podIP"] == "10.42.10.7"
        bulk.delete(pods[:199])
        until(lambda: len(control_plane.api.find("Pod", "bulk")) == 1, "one pod")


def test_services_in_bulk_are_answered(control_plane: Cluster) -> None:
    pods = {f"many-{number}": f"10.42.11.{number}" for number in range(1, 4)}
    service = workloads.service("many", "many", ports={"http": 80}, clusterIPs=["None"])
    del service["spec"]["selector"]
    with control_plane.bulk() as bulk:
        bulk.put([service, workloads.endpoint_slice("many", pods, ports={"http": 80})])
    with control_plane.start_server("coredns", COREFILE) as server:
        name = "many.default.svc.cluster.local"
        assert server.short(name) == sorted(pods.values())
        assert server.short(f"many-2.{name}") == ["10.42.11.2"]
        assert len(server.short(f"_http._tcp.{name}", "SRV")) == 3


def test_nothing_outlives_the_harness_however_it_ends() -> None:
    run = subprocess.Popen([sys.executable, "-c", A_RUN], stdout=subprocess.PIPE, text=True)
    with run:
        assert run.stdout is not None
        folder, inside = Path(run.stdout.readline().strip()), run.stdout.readline().strip()
        assert Path("/proc", inside).exists()
        run.kill()
    until(lambda: not Path("/proc", inside).exists(), "the program inside to end")
    with workspace.workspace():
        assert not folder.exists()
