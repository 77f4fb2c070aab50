"""Names that list pods, in a real cluster whose controllers roll, scale and finish workloads."""

from collections.abc import Iterable

import pytest
from tests.cluster.harness import workloads
from tests.cluster.harness.api import Object
from tests.cluster.harness.cluster import Cluster
from tests.cluster.harness.servers import DnsServer
from tests.cluster.harness.waiting import until

ZONE = "cluster.local"
DEMO = "cluster-demo"

pytestmark = pytest.mark.parametrize("server", ["podname"], indirect=True)


def targets(server: DnsServer, name: str) -> list[str]:
    """Return the targets of an SRV answer, in order."""
    return sorted(line.split()[3] for line in server.short(name, "SRV"))


def lists(server: DnsServer, name: str, pods: Iterable[str], space: str) -> None:
    """Wait until a name lists exactly these pods."""
    expected = sorted(f"{pod}.{space}.pod.{ZONE}." for pod in pods)
    until(
        lambda: targets(server, name) == expected,
        lambda: f"{name} lists {targets(server, name)}, not {expected}",
    )


def replica_set_of(cluster: Cluster, pod: str, space: str) -> str:
    """Return the name of the ReplicaSet that made a pod."""
    (owner,) = cluster.api.get("Pod", pod, space)["metadata"]["ownerReferences"]
    assert owner["kind"] == "ReplicaSet"
    return str(owner["name"])


def test_a_rolled_deployment_is_listed_whole_and_by_revision(
    cluster: Cluster, server: DnsServer, space: str
) -> None:
    cluster.api.create(workloads.deployment(DEMO, 2, namespace=space))
    old = cluster.running_pods(space, DEMO, 2)
    whole = f"{DEMO}.deploy.{space}.pod.{ZONE}"
    lists(server, whole, old, space)
    assert server.short(whole) == sorted(old.values())
    first = replica_set_of(cluster, next(iter(old)), space)
    lists(server, f"{first}.rs.{space}.pod.{ZONE}", old, space)
    # The new pods never get ready: both revisions stay, and are told apart.
    template = workloads.pod_template(DEMO, readiness=workloads.NEVER_READY)
    template["metadata"]["labels"]["revision"] = "2"
    cluster.api.patch("Deployment", DEMO, {"spec": {"template": template}}, space)
    pods = cluster.running_pods(space, DEMO, 3)
    (new,) = pods.keys() - old.keys()
    second = replica_set_of(cluster, new, space)
    assert second != first
    lists(server, f"{first}.rs.{space}.pod.{ZONE}", old, space)
    lists(server, f"{second}.rs.{space}.pod.{ZONE}", [new], space)
    lists(server, whole, pods, space)
    assert targets(server, f"_short.{second}.rs.{space}.pod.{ZONE}") == [f"{new}."]
    cluster.api.delete("Deployment", DEMO, space)
    until(lambda: server.rcode(whole) == "NXDOMAIN", "the workload's name is gone with its pods")


def test_a_service_without_ports_lists_its_ready_pods(
    cluster: Cluster, server: DnsServer, space: str
) -> None:
    cluster.api.create(workloads.service(DEMO, DEMO, namespace=space))
    cluster.api.create(workloads.deployment(DEMO, 2, namespace=space))
    pods = cluster.running_pods(space, DEMO, 2)
    name = f"{DEMO}.{space}.svc.{ZONE}"
    wanted = sorted(f"{pod}.{name}." for pod in pods)
    until(  # the server of these tests has endpoint_pod_names
        lambda: targets(server, name) == wanted,
        lambda: f"{targets(server, name)}, not {wanted}",
    )
    assert targets(server, f"_short.{name}") == sorted(f"{pod}." for pod in pods)


def test_stateful_sets_jobs_and_bare_pods_are_listed_ready_or_not(
    cluster: Cluster, server: DnsServer, space: str
) -> None:
    never = workloads.NEVER_READY
    cluster.api.create(workloads.stateful_set("db", 2, namespace=space, readiness=never))
    job: Object = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "import", "namespace": space},
        "spec": {"template": workloads.pod_template("import", restartPolicy="Never")},
    }
    cluster.api.create(job)
    alone = workloads.pod("alone", namespace=space)
    alone["spec"]["containers"][0]["ports"] = [{"name": "app", "containerPort": 9100}]
    cluster.api.create(alone)
    pods = cluster.running_pods(space, "", 4)
    lists(server, f"db.sts.{space}.pod.{ZONE}", ["db-0", "db-1"], space)
    (worker,) = (pod for pod in pods if pod.startswith("import-"))
    lists(server, f"import.job.{space}.pod.{ZONE}", [worker], space)
    lists(server, f"_all.{space}.pod.{ZONE}", pods, space)
    name = f"alone.{space}.pod.{ZONE}"
    assert server.short(f"_app._tcp.{name}", "SRV") == [f"0 100 9100 {name}."]
    assert server.rcode(f"_other._tcp.{name}") == "NXDOMAIN"
