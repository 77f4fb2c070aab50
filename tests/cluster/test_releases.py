"""Released Elixir nodes in real pods find each other by pod name.

Sources: https://hexdocs.pm/mix/Mix.Tasks.Release.html; docs/erlang.md tells the same to people.
"""

import re
import subprocess

import pytest
from tests.cluster.harness import demo, release, resolvers, shell, workloads
from tests.cluster.harness.api import Object
from tests.cluster.harness.cluster import PODNAME, Cluster
from tests.cluster.harness.resolvers import FIRST, ZONE
from tests.cluster.harness.servers import DnsServer
from tests.cluster.harness.waiting import until

PODNAME_ONLY = pytest.mark.parametrize("server", ["podname"], indirect=True)
COREDNS_ONLY = pytest.mark.parametrize("server", ["coredns"], indirect=True)
pytestmark = pytest.mark.usefixtures("released")
DEMO = "cluster-demo"
EPMD_MODULE = f"-pa {release.LIBRARY} -epmd_module podname_epmd -start_epmd false"


def workload(space: str) -> str:
    """Return the name that lists the pods of the Deployment `cluster-demo`."""
    return f"{DEMO}.deploy.{space}.pod.{ZONE}"


@PODNAME_ONLY
@pytest.mark.usefixtures("server")
def test_a_stock_release_is_reached_by_its_pods_name(cluster: Cluster, space: str) -> None:
    searches = {"searches": [f"{space}.pod.{ZONE}"]}
    pods = demo.start(cluster, demo.deployment(DEMO, 2, namespace=space, dnsConfig=searches))
    first, second = pods
    connect = ["rpc", f'true = Node.connect(:"demo@{second}")']
    demo.run(cluster, first, release.PROGRAM, *connect, namespace=space)
    nodes = demo.become_whole(cluster, pods.values())
    assert {each.node for each in nodes} == {f"demo@{pod}" for pod in pods}

    remote = ["env", f"RELEASE_NODE=demo@{second}", release.PROGRAM]
    seen = demo.run(cluster, first, *remote, "rpc", "IO.puts(node())", namespace=space)
    assert seen.strip() == f"demo@{second}"
    screen = shell.remote(cluster, first, second, ["Node.list(:hidden)"], namespace=space)
    assert re.search(rf'\[:"rem-\w+-demo@{second}"\]', screen)


def in_two_services(cluster: Cluster, space: str) -> None:
    """Let the pods have a headless Service and a usual one, as those of a Phoenix application do."""
    headless = workloads.service(DEMO, DEMO, namespace=space)
    ports = {"http": demo.STATUS_PORT}
    usual = workloads.service("usual", DEMO, namespace=space, headless=False, ports=ports)
    for item in (headless, usual):
        cluster.api.create(item)


@PODNAME_ONLY
@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("by", ["srv", "addresses"])
def test_short_names_are_found_by_either_library(cluster: Cluster, space: str, by: str) -> None:
    in_two_services(cluster, space)
    names = {"srv": f"_short.{DEMO}.{space}.svc.{ZONE}.", "addresses": workload(space)}
    searches = {"searches": [f"{space}.pod.{ZONE}"]}
    environment = demo.polls(**{by: names[by]})
    item = demo.deployment(DEMO, 3, namespace=space, environment=environment, dnsConfig=searches)
    pods = demo.start(cluster, item)
    nodes = demo.become_whole(cluster, pods.values())
    assert {each.node for each in nodes} == {f"demo@{pod}" for pod in pods}
    demo.polled(cluster, pods.values(), 2)  # also whom another node has dialled is known now
    before = dials(cluster, pods)
    demo.polled(cluster, pods.values(), 4)
    assert dials(cluster, pods) == before

    first, second, _third = pods
    disconnect = ["rpc", f'true = Node.disconnect(:"demo@{second}")']
    demo.run(cluster, first, release.PROGRAM, *disconnect, namespace=space)
    until(lambda: demo.status(cluster, pods[first]).lost, "the end of a connection")
    demo.become_whole(cluster, pods.values())


@PODNAME_ONLY
@pytest.mark.usefixtures("server")
def test_long_names_are_found_by_address_in_two_services(cluster: Cluster, space: str) -> None:
    """The PTR record names a pod under its Service, and the page's resolver calls it as this node is called."""
    in_two_services(cluster, space)
    domain = f"{space}.pod.{ZONE}"
    environment = demo.polls(addresses=workload(space)) | demo.long_name(domain)
    pods = demo.start(cluster, demo.deployment(DEMO, 2, namespace=space, environment=environment))
    nodes = demo.become_whole(cluster, pods.values())
    assert {each.node for each in nodes} == {f"demo@{pod}.{domain}" for pod in pods}


def dials(cluster: Cluster, pods: dict[str, str]) -> list[int]:
    """Return how often each node has tried to connect to another."""
    return [demo.status(cluster, address).dials for address in pods.values()]


@PODNAME_ONLY
@pytest.mark.usefixtures("server")
def test_the_epmd_module_in_a_release(cluster: Cluster, space: str) -> None:
    environment = {**demo.polls(srv=f"_short.{workload(space)}"), "ERL_AFLAGS": EPMD_MODULE}
    pods = demo.start(cluster, demo.deployment(DEMO, 2, namespace=space, environment=environment))
    nodes = demo.become_whole(cluster, pods.values())
    assert {each.node for each in nodes} == {f"demo@{pod}" for pod in pods}
    first, second = pods
    assert "epmd" not in demo.run(cluster, first, "sh", "-c", "cat /proc/*/comm", namespace=space)
    remote = ["env", f"RELEASE_NODE=demo@{second}", release.PROGRAM]
    seen = demo.run(cluster, first, *remote, "rpc", "IO.puts(node())", namespace=space)
    assert seen.strip() == f"demo@{second}"


@COREDNS_ONLY
def test_an_inetrc_gives_long_names_past_the_clusters_dns(
    cluster: Cluster, server: DnsServer, space: str
) -> None:
    place = f"{release.FOLDER}/releases/1.0.0/env.sh"
    mounts = [
        {"name": "files", "mountPath": "/etc/demo"},
        {"name": "files", "mountPath": place, "subPath": "env.sh"},
    ]
    with resolvers.podname(cluster) as podname:
        cluster.use_dns(podname, address=FIRST)
        cluster.api.create(printed_files(space))
        item = demo.deployment(
            DEMO,
            2,
            namespace=space,
            environment=demo.polls(srv=workload(space)),
            container={"volumeMounts": mounts},
            volumes=[{"name": "files", "configMap": {"name": "files"}}],
        )
        pods = demo.start(cluster, item)
        nodes = demo.become_whole(cluster, pods.values())
        names = {f"{pod}.{space}.pod.{ZONE}" for pod in pods}
        assert {each.node for each in nodes} == {f"demo@{name}" for name in names}
        for name in names:
            assert cluster.resolve(next(iter(pods)), name, namespace=space) == []
            assert server.rcode(name) == "NXDOMAIN"


def printed_files(space: str) -> Object:
    """Return a ConfigMap of what `podname inetrc` and `podname release-env` print."""
    inetrc = ["--nameserver", FIRST, "--full", "--namespace", space]
    long_name = ["--long", "--namespace", space, "--inetrc", "/etc/demo/inetrc"]
    files = {"inetrc": ["inetrc", *inetrc], "env.sh": ["release-env", *long_name]}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "files", "namespace": space},
        "data": {
            name: subprocess.run(
                [PODNAME, *command], capture_output=True, text=True, check=True
            ).stdout
            for name, command in files.items()
        },
    }
