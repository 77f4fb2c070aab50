"""What pods call themselves, where that is not their name, in a real cluster: the kubelet writes it, podname serves it.

Sources: Kubernetes "Job" (Indexed: hostname), "DNS for Services and Pods" (hostname, setHostnameAsFQDN); KEP-4762
(hostnameOverride).
"""

from typing import Any

import pytest
from tests.cluster.harness import erlang, mpi, workloads
from tests.cluster.harness.api import Object
from tests.cluster.harness.cluster import Cluster
from tests.cluster.harness.namespace import HOST
from tests.cluster.harness.resolvers import ZONE
from tests.cluster.harness.servers import DnsServer
from tests.cluster.harness.waiting import until

pytestmark = pytest.mark.parametrize("server", ["podname"], indirect=True)
JOB = "bare"
ONE_NAMESPACE = """
.:{$PORT} {
    bind {$ADDRESS}
    ready {$READY}
    kubernetes cluster.local in-addr.arpa {
        kubeconfig {$KUBECONFIG}
        namespaces SPACE
        pod_names
    }
}
"""


def reversed_name(address: str) -> str:
    return f"{'.'.join(reversed(address.split('.')))}.in-addr.arpa"


def becomes(server: DnsServer, name: str, addresses: list[str]) -> None:
    """Wait until a name has just these addresses."""
    until(
        lambda: server.short(name) == addresses,
        lambda: f"{name}: {addresses}, not {server.short(name)}",
    )


def called(cluster: Cluster, pod: str, space: str) -> str:
    """Return what a pod calls itself: the kernel's hostname, which the kubelet also writes into /etc/hostname."""
    hostname = cluster.exec(pod, "cat", "/proc/sys/kernel/hostname", namespace=space).strip()
    assert cluster.exec(pod, "cat", "/etc/hostname", namespace=space).strip() == hostname
    return hostname


def of_job(cluster: Cluster, space: str, **spec: object) -> dict[str, str]:
    """Run the Indexed Job `bare` of two pods; by what they call themselves, their names."""
    cluster.api.create(workloads.indexed_job(JOB, 2, namespace=space, **spec))
    pods = cluster.running_pods(space, JOB, 2)
    return {called(cluster, pod, space): pod for pod in sorted(pods)}


def single(cluster: Cluster, space: str, name: str, **spec: Any) -> str:
    """Run a pod; return its address."""
    cluster.api.create(workloads.pod(name, namespace=space, **spec))
    until(
        lambda: cluster.api.get("Pod", name, space)["status"].get("phase") == "Running",
        f"the pod {name}",
        deadline_seconds=60,
    )
    return str(cluster.api.get("Pod", name, space)["status"]["podIP"])


@pytest.mark.parametrize("form", ["long", "short"])
def test_erlang_nodes_of_an_indexed_job_reach_each_other_by_what_they_call_themselves(
    cluster: Cluster, server: DnsServer, space: str, form: str
) -> None:
    pods = of_job(cluster, space, dnsConfig={"searches": [f"{space}.pod.{ZONE}"]})
    assert list(pods) == ["bare-0", "bare-1"]
    for hostname in pods:
        until(lambda: server.short(f"{hostname}.{space}.pod.{ZONE}"), hostname)  # noqa: B023
    first, second = (
        (f"{hostname}.{space}.pod.{ZONE}" for hostname in pods) if form == "long" else pods
    )
    # A node with a short name takes the host by itself: that is what the kubelet wrote.
    own = f"app@{first}" if form == "long" else "app"
    erlang.start_node(cluster, pods["bare-0"], own, namespace=space)
    place, names = pods["bare-1"], (f"b@{second}" if form == "long" else "b", f"app@{first}")
    assert erlang.ping(cluster, place, *names, namespace=space) == "pong"
    nobody = names[1].replace("bare-0", "bare-2")
    assert erlang.ping(cluster, place, names[0], nobody, namespace=space) == "pang"


def test_mpirun_starts_its_processes_in_the_pods_of_an_indexed_job(
    cluster: Cluster, server: DnsServer, space: str
) -> None:
    cluster.node.import_image(mpi.mpi_image())
    searches = {"searches": [f"{space}.pod.{ZONE}"]}
    pods = of_job(cluster, space, dnsConfig=searches, container=mpi.SSHD)
    for hostname in pods:
        until(lambda: server.short(f"{hostname}.{space}.pod.{ZONE}"), hostname)  # noqa: B023
    said = mpi.run(cluster, pods["bare-0"], list(pods), "helloworld", namespace=space)
    assert said == [f"Hello, World! I am process {rank} of 2 on bare-{rank}." for rank in (0, 1)]


def test_an_indexed_job_lists_what_its_pods_call_themselves(
    cluster: Cluster, server: DnsServer, space: str
) -> None:
    pods = of_job(cluster, space)
    domain = f"{space}.pod.{ZONE}"
    for hostname, pod in pods.items():
        address = cluster.api.get("Pod", pod, space)["status"]["podIP"]
        becomes(server, f"{hostname}.{domain}", [address])
        assert server.short(f"{pod}.{domain}") == [address]
        back = cluster.dig(pod, "-x", address, namespace=space)
        assert back == [f"{hostname}.{domain}."]
    for prefix, suffix in (("", f".{domain}."), ("_short.", ".")):
        lines = server.short(f"{prefix}{JOB}.job.{domain}", "SRV")
        targets = sorted(line.split()[3] for line in lines)
        assert targets == [f"{hostname}{suffix}" for hostname in sorted(pods)]


@pytest.mark.parametrize("field", ["hostname", "hostnameOverride"])
def test_a_pod_is_found_by_the_hostname_that_its_spec_gives_it(
    cluster: Cluster, server: DnsServer, space: str, field: str
) -> None:
    address = single(cluster, space, "alone", **{field: "other"})
    domain = f"{space}.pod.{ZONE}"
    assert called(cluster, "alone", space) == "other"
    becomes(server, f"other.{domain}", [address])
    assert cluster.dig("alone", f"alone.{domain}", namespace=space) == [address]
    assert cluster.dig("alone", "-x", address, namespace=space) == [f"other.{domain}."]
    short = server.short(f"_short._all.{domain}", "SRV")
    assert [line.split()[3] for line in short] == ["other."]
    cluster.api.delete("Pod", "alone", space, now=True)
    until(lambda: server.rcode(f"other.{domain}") == "NXDOMAIN", "the end of the hostname")


def test_the_fqdn_that_a_pod_calls_itself_resolves_and_is_its_name_under_its_service(
    cluster: Cluster, server: DnsServer, space: str
) -> None:
    cluster.api.create(workloads.service("web", "web", namespace=space))
    spec: Object = {"hostname": "first", "subdomain": "web", "setHostnameAsFQDN": True}
    address = single(cluster, space, "alone", app="web", **spec)
    full = f"first.web.{space}.svc.{ZONE}"
    assert called(cluster, "alone", space) == full
    becomes(server, full, [address])
    assert cluster.dig("alone", "-x", address, namespace=space) == [f"{full}."]
    assert server.short(f"first.{space}.pod.{ZONE}") == [address]


def test_a_pod_on_its_nodes_network_keeps_its_name_and_gives_the_node_none(
    cluster: Cluster, server: DnsServer, space: str
) -> None:
    back = reversed_name(HOST)
    of_endpoints = server.short(back, "PTR")  # the API server is one, and so is this server
    assert single(cluster, space, "alone", hostNetwork=True) == HOST
    name = f"alone.{space}.pod.{ZONE}"
    becomes(server, name, [HOST])
    assert server.short(back, "PTR") == of_endpoints
    corefile = ONE_NAMESPACE.replace("SPACE", space)
    with cluster.start_server("podname", corefile) as sees_the_pod_alone:
        becomes(sees_the_pod_alone, name, [HOST])
        assert sees_the_pod_alone.rcode(back, "PTR") == "NXDOMAIN"
