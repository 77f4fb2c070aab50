"""podname dies and comes back, and no Erlang node loses a connection.

A connection needs no names once it stands. What ends it is a poller that takes an error for an
empty answer, as libcluster's does: with a second name server there is no error.
"""

import contextlib
from collections.abc import Iterator

import pytest
from tests.cluster.harness import demo, resolvers, workloads
from tests.cluster.harness.cluster import Cluster
from tests.cluster.harness.resolvers import FIRST, SECOND, ZONE
from tests.cluster.harness.servers import DnsServer
from tests.cluster.harness.waiting import until

pytestmark = pytest.mark.usefixtures("released")
DEMO = "cluster-demo"
POLLS = 12
"""So many polls of 250 ms outlast every TTL of these tests, which is a second."""
FAILURES = 4
"""A poll in vain outlasts it alone: the VM asks again after two seconds."""


@contextlib.contextmanager
def podname_at(cluster: Cluster, *addresses: str) -> Iterator[list[DnsServer]]:
    """Run a podname at each of these Service addresses."""
    with contextlib.ExitStack() as ending:
        servers = [ending.enter_context(resolvers.podname(cluster)) for _ in addresses]
        for server, address in zip(servers, addresses, strict=True):
            cluster.use_dns(server, address=address)
        yield servers


def start(
    cluster: Cluster, space: str, *resolver: str, by: str, replicas: int = 3
) -> dict[str, str]:
    """Run nodes that poll, by `srv` or by `addresses`, and wait until they see one another."""
    cluster.api.create(workloads.service(DEMO, DEMO, namespace=space, ports={"epmd": 4369}))
    domain = f"{DEMO}.{space}.svc.{ZONE}"
    asks = resolvers.asks(*resolver, searches=resolvers.searches(space))
    environment = {**demo.long_name(domain), **demo.polls(**{by: domain})}
    item = demo.deployment(DEMO, replicas, namespace=space, environment=environment, **asks)
    pods = demo.start(cluster, item)
    demo.become_whole(cluster, pods.values())
    return pods


def losses(cluster: Cluster, pods: dict[str, str]) -> list[str]:
    """Return every connection that a node has ever lost."""
    return [node for address in pods.values() for node in demo.status(cluster, address).lost]


def failures(cluster: Cluster, pods: dict[str, str]) -> int:
    """Return the number of polls that ended in an error."""
    return sum(demo.status(cluster, address).failed_polls for address in pods.values())


def test_connections_outlive_the_only_podname(cluster: Cluster, space: str) -> None:
    with podname_at(cluster, FIRST) as (server,):
        pods = start(cluster, space, FIRST, by="addresses")
        before = losses(cluster, pods)
        server.program.kill()
        demo.polled(cluster, pods.values(), FAILURES, failed=True)
        assert losses(cluster, pods) == before
        demo.become_whole(cluster, pods.values())
    with podname_at(cluster, FIRST):
        cluster.api.patch("Deployment", DEMO, {"spec": {"replicas": 4}}, space)
        more = cluster.running_pods(space, DEMO, 4)
        demo.become_whole(cluster, more.values())
        assert losses(cluster, pods) == before


def test_one_podname_of_two_name_servers_dies_unnoticed(cluster: Cluster, space: str) -> None:
    with podname_at(cluster, SECOND), contextlib.ExitStack() as lives:
        (server,) = lives.enter_context(podname_at(cluster, FIRST))
        pods = start(cluster, space, FIRST, SECOND, by="srv")
        before = losses(cluster, pods), failures(cluster, pods)
        server.program.kill()
        demo.polled(cluster, pods.values(), POLLS)
        lives.close()
        with podname_at(cluster, FIRST):
            demo.polled(cluster, pods.values(), POLLS)
            assert (losses(cluster, pods), failures(cluster, pods)) == before


def test_one_replica_of_a_service_is_taken_out_unnoticed(cluster: Cluster, space: str) -> None:
    with resolvers.podname(cluster) as first, resolvers.podname(cluster) as second:
        cluster.use_dns(first, second, address=FIRST)
        pods = start(cluster, space, FIRST, by="srv", replicas=2)
        before = losses(cluster, pods), failures(cluster, pods)
        cluster.take_out(cluster.api.get("EndpointSlice", "dns-53-0", "kube-system"))
        first.program.kill()
        demo.polled(cluster, pods.values(), POLLS)
        assert (losses(cluster, pods), failures(cluster, pods)) == before


def test_a_poller_that_takes_an_error_for_nobody_needs_a_second_podname(
    cluster: Cluster, space: str
) -> None:
    with podname_at(cluster, FIRST) as (server,):
        pods = start(cluster, space, FIRST, by="srv", replicas=2)
        server.program.kill()
        for address in pods.values():
            until(lambda: not demo.status(cluster, address).peers, "a node that is alone")  # noqa: B023
    with podname_at(cluster, FIRST):
        demo.become_whole(cluster, pods.values())
