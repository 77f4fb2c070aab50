"""Names of a real cluster, asked inside its pods, while the cluster changes.

Every test that CoreDNS can pass runs with CoreDNS too, which keeps the tests honest.
"""

from collections.abc import Callable

import pytest
from tests.cluster.harness import access, workloads
from tests.cluster.harness.api import Object
from tests.cluster.harness.cluster import Cluster
from tests.cluster.harness.servers import DnsServer
from tests.cluster.harness.waiting import until

ZONE = "cluster.local"
PODNAME_ONLY = pytest.mark.parametrize("server", ["podname"], indirect=True)
DEMO = "cluster-demo"


def becomes(ask: Callable[[], object], expected: object) -> None:
    """Wait until an answer is the expected one; the cluster takes a moment to follow."""
    until(lambda: ask() == expected, lambda: f"{expected!r}, not {ask()!r}")


def demo(cluster: Cluster, space: str, replicas: int = 2, **pod_spec: object) -> dict[str, str]:
    """Run the Deployment `cluster-demo` behind a headless Service; pod names to addresses."""
    cluster.api.create(workloads.service(DEMO, DEMO, namespace=space, ports={"epmd": 4369}))
    cluster.api.create(workloads.deployment(DEMO, replicas, namespace=space, **pod_spec))
    return cluster.running_pods(space, DEMO, replicas)


def in_service(pod: str, space: str, service: str = DEMO) -> str:
    return f"{pod}.{service}.{space}.svc.{ZONE}"


def test_a_deployment_answers_in_its_pods(cluster: Cluster, server: DnsServer, space: str) -> None:
    pods = demo(cluster, space)
    first = next(iter(pods))
    becomes(lambda: cluster.resolve(first, DEMO, namespace=space), sorted(pods.values()))
    for pod, address in pods.items():
        assert cluster.resolve(first, f"{pod}.{DEMO}", namespace=space) == [address]
        assert cluster.dig(first, in_service(pod, space), namespace=space) == [address]
        assert cluster.dig(first, "-x", address, namespace=space) == [f"{in_service(pod, space)}."]
    targets = [
        line.split()[3] for line in server.short(f"_epmd._tcp.{DEMO}.{space}.svc.{ZONE}", "SRV")
    ]
    assert sorted(targets) == sorted(f"{in_service(pod, space)}." for pod in pods)


def test_a_service_address_answers_and_leads_to_the_pods(
    cluster: Cluster, server: DnsServer, space: str
) -> None:
    (pod,) = demo(cluster, space, 1)
    created = cluster.api.create(
        workloads.service("balanced", DEMO, namespace=space, headless=False, ports={"dns": 53})
    )
    address = created["spec"]["clusterIP"]
    becomes(lambda: cluster.resolve(pod, "balanced", namespace=space), [address])
    assert server.short(f"{'.'.join(reversed(address.split('.')))}.in-addr.arpa", "PTR") == [
        f"balanced.{space}.svc.{ZONE}."
    ]


def test_a_stateful_set_answers_by_ordinal(cluster: Cluster, server: DnsServer, space: str) -> None:
    cluster.api.create(workloads.service("web", "web", namespace=space))
    cluster.api.create(workloads.stateful_set("web", 2, namespace=space))
    pods = cluster.running_pods(space, "web", 2)
    for pod, address in pods.items():
        becomes(lambda: cluster.resolve("web-0", f"{pod}.web", namespace=space), [address])  # noqa: B023
    assert set(pods) == {"web-0", "web-1"}


def test_a_rollout_replaces_the_names(cluster: Cluster, server: DnsServer, space: str) -> None:
    old = demo(cluster, space)
    for pod, address in old.items():
        becomes(lambda: server.short(in_service(pod, space)), [address])  # noqa: B023
    labels = {"metadata": {"labels": {"app": DEMO, "revision": "2"}}}
    cluster.api.patch("Deployment", DEMO, {"spec": {"template": labels}}, space)
    cluster.kubectl("rollout", "status", f"deployment/{DEMO}", "-n", space, "--timeout=60s")
    for pod in old:
        becomes(lambda: server.rcode(in_service(pod, space)), "NXDOMAIN")  # noqa: B023
    new = cluster.running_pods(space, DEMO, 2)
    assert not old.keys() & new.keys()
    for pod, address in new.items():
        becomes(lambda: server.short(in_service(pod, space)), [address])  # noqa: B023


def test_a_scale_down_takes_names_away(cluster: Cluster, server: DnsServer, space: str) -> None:
    before = demo(cluster, space, 3)
    name = f"{DEMO}.{space}.svc.{ZONE}"
    becomes(lambda: server.short(name), sorted(before.values()))
    cluster.api.patch("Deployment", DEMO, {"spec": {"replicas": 1}}, space)
    ((kept, address),) = cluster.running_pods(space, DEMO, 1).items()
    becomes(lambda: server.short(name), [address])
    assert cluster.dig(kept, in_service(kept, space), namespace=space) == [address]
    for gone in before.keys() - {kept}:
        assert server.rcode(in_service(gone, space)) == "NXDOMAIN"


def test_a_deleted_service_takes_its_names_with_it(
    cluster: Cluster, server: DnsServer, space: str
) -> None:
    ((pod, address),) = demo(cluster, space, 1).items()
    becomes(lambda: server.short(in_service(pod, space)), [address])
    cluster.api.delete("Service", DEMO, space)
    becomes(lambda: server.rcode(in_service(pod, space)), "NXDOMAIN")
    becomes(lambda: server.rcode(f"{DEMO}.{space}.svc.{ZONE}"), "NXDOMAIN")
    assert cluster.resolve(pod, DEMO, namespace=space) == []


def test_a_pod_that_is_never_ready_has_no_name_in_its_service(
    cluster: Cluster, server: DnsServer, space: str
) -> None:
    ((pod, address),) = demo(cluster, space, 1, readiness=workloads.NEVER_READY).items()
    becomes(lambda: endpoint_states(cluster, space), {address: False})
    assert server.rcode(in_service(pod, space)) == "NXDOMAIN"
    change = {"spec": {"publishNotReadyAddresses": True}}
    cluster.api.patch("Service", DEMO, change, space)
    becomes(lambda: server.short(in_service(pod, space)), [address])


def test_answers_stay_while_the_api_server_is_away_and_follow_when_it_is_back(
    cluster: Cluster, server: DnsServer, space: str
) -> None:
    ((pod, address),) = demo(cluster, space, 1).items()
    name = f"{DEMO}.{space}.svc.{ZONE}"
    becomes(lambda: server.short(name), [address])
    cluster.control_plane.kill_server()
    try:
        for _ in range(50):
            assert server.short(name) == [address]
            assert server.short(in_service(pod, space)) == [address]
            assert server.rcode(in_service("nobody", space)) == "NXDOMAIN"
    finally:
        cluster.control_plane.start_server()
    cluster.api.patch("Deployment", DEMO, {"spec": {"replicas": 2}}, space)
    pods = cluster.running_pods(space, DEMO, 2)
    becomes(lambda: server.short(name), sorted(pods.values()))
    assert server.program.running


@PODNAME_ONLY
def test_any_pod_answers_by_its_name(cluster: Cluster, server: DnsServer, space: str) -> None:
    cluster.api.create(workloads.pod("alone", namespace=space, readiness=workloads.NEVER_READY))
    ((pod, address),) = cluster.running_pods(space, "", 1).items()
    name = f"alone.{space}.pod.{ZONE}"
    becomes(lambda: cluster.dig(pod, name, namespace=space), [address])
    assert cluster.dig(pod, "-x", address, namespace=space) == [f"{name}."]
    cluster.api.delete("Pod", pod, space, now=True)
    becomes(lambda: server.rcode(name), "NXDOMAIN")


@PODNAME_ONLY
def test_a_pod_keeps_its_name_without_its_service(
    cluster: Cluster, server: DnsServer, space: str
) -> None:
    ((pod, address),) = demo(cluster, space, 1).items()
    becomes(lambda: server.short(in_service(pod, space)), [address])
    cluster.api.delete("Service", DEMO, space)
    becomes(lambda: server.rcode(in_service(pod, space)), "NXDOMAIN")
    assert server.short(f"{pod}.{space}.pod.{ZONE}") == [address]


@PODNAME_ONLY
def test_a_pod_that_has_finished_has_no_name(
    cluster: Cluster, server: DnsServer, space: str
) -> None:
    job: Object = workloads.pod("job", namespace=space, restartPolicy="Never")
    job["spec"]["containers"][0]["command"] = ["sleep", "2"]
    cluster.api.create(job)
    becomes(lambda: cluster.api.get("Pod", "job", space)["status"]["phase"], "Running")
    name = f"job.{space}.pod.{ZONE}"
    until(lambda: server.short(name), "the name of a running job")
    becomes(lambda: cluster.api.get("Pod", "job", space)["status"]["phase"], "Succeeded")
    becomes(lambda: server.rcode(name), "NXDOMAIN")


ONE_NAMESPACE = """
cluster.local:{$PORT} {
    bind {$ADDRESS}
    ready {$READY}
    kubernetes cluster.local {
        kubeconfig {$KUBECONFIG}
        namespaces SPACE
        endpoint_pod_names
        POD_NAMES
    }
}
"""


@pytest.mark.parametrize("pod_names", [False, True], ids=["without-pods", "pod_names"])
def test_one_namespace_needs_only_a_role(cluster: Cluster, space: str, *, pod_names: bool) -> None:
    resources = ["services", *(["pods"] if pod_names else [])]
    rules = [
        access.reads(*resources),
        access.reads("endpointslices", group="discovery.k8s.io"),
    ]
    corefile = ONE_NAMESPACE.replace("SPACE", space)
    corefile = corefile.replace("POD_NAMES", "pod_names" if pod_names else "")
    ((pod, address),) = demo(cluster, space, 1).items()
    kubeconfig = cluster.kubeconfig(rules, only_in=space)
    with cluster.start_server("podname", corefile, kubeconfig) as server:
        becomes(lambda: server.short(in_service(pod, space)), [address])
        expected = [address] if pod_names else []
        assert server.short(f"{pod}.{space}.pod.{ZONE}") == expected


def endpoint_states(cluster: Cluster, space: str) -> dict[str, bool]:
    """Return the addresses of the Service `cluster-demo`, and whether they are ready."""
    slices = cluster.api.find("EndpointSlice", space, f"kubernetes.io/service-name={DEMO}")
    return {
        endpoint["addresses"][0]: endpoint["conditions"]["ready"]
        for item in slices
        for endpoint in item.get("endpoints") or []
    }
