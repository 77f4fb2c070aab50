"""Erlang nodes in real pods find each other by pod name."""

import pytest
from tests.cluster.harness import erlang, workloads
from tests.cluster.harness.cluster import Cluster
from tests.cluster.harness.servers import DnsServer
from tests.cluster.harness.waiting import until

ZONE = "cluster.local"
PODNAME_ONLY = pytest.mark.parametrize("server", ["podname"], indirect=True)
DEMO = "cluster-demo"


def answers(server: DnsServer, name: str) -> str:
    """Wait until a name has an address."""
    until(lambda: server.short(name), f"an answer for {name}")
    return name


def test_long_names_of_pods_in_a_service(cluster: Cluster, server: DnsServer, space: str) -> None:
    cluster.api.create(workloads.service(DEMO, DEMO, namespace=space))
    cluster.api.create(workloads.deployment(DEMO, 2, namespace=space))
    first, second = cluster.running_pods(space, DEMO, 2)
    one, two = (answers(server, f"{pod}.{DEMO}.{space}.svc.{ZONE}") for pod in (first, second))
    erlang.start_node(cluster, first, f"app@{one}", namespace=space)
    assert erlang.ping(cluster, second, f"b@{two}", f"app@{one}", namespace=space) == "pong"
    assert erlang.ping(cluster, second, f"c@{two}", f"other@{one}", namespace=space) == "pang"


@PODNAME_ONLY
def test_short_names_are_the_bare_pod_names(
    cluster: Cluster, server: DnsServer, space: str
) -> None:
    searches = {"searches": [f"{space}.pod.{ZONE}"]}
    cluster.api.create(workloads.deployment(DEMO, 2, namespace=space, dnsConfig=searches))
    first, second = cluster.running_pods(space, DEMO, 2)
    answers(server, f"{first}.{space}.pod.{ZONE}")
    erlang.start_node(cluster, first, "app", namespace=space)
    reply = erlang.ping(cluster, second, "b", f"app@{first}", namespace=space)
    assert reply == "pong"


@PODNAME_ONLY
def test_a_pod_that_is_not_ready_and_in_no_service_is_found(
    cluster: Cluster, server: DnsServer, space: str
) -> None:
    cluster.api.create(workloads.deployment(DEMO, 1, namespace=space))
    cluster.api.create(workloads.pod("third", namespace=space, readiness=workloads.NEVER_READY))
    (first,) = cluster.running_pods(space, DEMO, 1)
    cluster.running_pods(space, "", 2)
    one, third = (answers(server, f"{pod}.{space}.pod.{ZONE}") for pod in (first, "third"))
    erlang.start_node(cluster, "third", f"app@{third}", namespace=space)
    reply = erlang.ping(cluster, first, f"b@{one}", f"app@{third}", namespace=space)
    assert reply == "pong"
