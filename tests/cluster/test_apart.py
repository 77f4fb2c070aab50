"""Two namespaces whose nodes must not see each other do not; and what only a cookie refuses."""

import pytest
from tests.cluster.harness import demo, release, resolvers, workloads
from tests.cluster.harness.api import Object
from tests.cluster.harness.cluster import Cluster
from tests.cluster.harness.resolvers import FIRST, SECOND, ZONE
from tests.cluster.harness.waiting import until

pytestmark = pytest.mark.usefixtures("released")
DEMO = "cluster-demo"


def start(
    cluster: Cluster, space: str, resolver: str, replicas: int, cookie: str = ""
) -> dict[str, str]:
    """Run nodes with short names that poll the Service `cluster-demo` of their namespace."""
    cluster.api.create(workloads.service(DEMO, DEMO, namespace=space, ports={"epmd": 4369}))
    environment = demo.polls(addresses=DEMO)
    if cookie:
        cluster.api.create(secret(space, cookie))
        environment["RELEASE_COOKIE"] = {"secretKeyRef": {"name": "erlang", "key": "cookie"}}
    asks = resolvers.asks(resolver, searches=resolvers.searches(space))
    item = demo.deployment(DEMO, replicas, namespace=space, environment=environment, **asks)
    return demo.start(cluster, item)


def secret(space: str, cookie: str) -> Object:
    """Return the Secret `erlang` with a cookie."""
    metadata = {"name": "erlang", "namespace": space}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata,
        "stringData": {"cookie": cookie},
    }


def connect(cluster: Cluster, space: str, pod: str, other: str, *before: str) -> str:
    """Let a node connect to another by its short name; return what `Node.connect` returns."""
    program = "; ".join([*before, f'IO.inspect(Node.connect(:"demo@{other}"))'])
    return demo.run(cluster, pod, release.PROGRAM, "rpc", program, namespace=space).strip()


def tell_address(cluster: Cluster, space: str, pod: str, other: str, address: str) -> None:
    """Make a pod know another one's address in spite of all name servers."""
    cluster.exec(pod, "sh", "-c", f"echo {address} {other} >>/etc/hosts", namespace=space)


def test_each_namespace_with_a_podname_of_its_own(
    cluster: Cluster, space: str, other_space: str
) -> None:
    with (
        resolvers.podname(cluster, only_in=space) as first,
        resolvers.podname(cluster, only_in=other_space) as second,
    ):
        cluster.use_dns(first, address=FIRST)
        cluster.use_dns(second, address=SECOND)
        here = start(cluster, space, FIRST, 2)
        there = start(cluster, other_space, SECOND, 2)
        demo.become_whole(cluster, here.values())
        demo.become_whole(cluster, there.values())
        mine, other = next(iter(here)), next(iter(there))
        assert second.short(f"{other}.{other_space}.pod.{ZONE}") == [there[other]]
        assert connect(cluster, space, mine, other) == "false"
        for name in (f"{other}.{other_space}.pod.{ZONE}", f"{DEMO}.{other_space}.svc.{ZONE}"):
            assert first.rcode(name) == "NXDOMAIN"
            assert cluster.resolve(mine, name, namespace=space) == []
        demo.polled(cluster, [*here.values(), *there.values()], 4)
        demo.become_whole(cluster, here.values())
        demo.become_whole(cluster, there.values())


def test_one_podname_for_both_leaves_it_to_the_cookie(
    cluster: Cluster, space: str, other_space: str
) -> None:
    with resolvers.podname(cluster) as server:
        cluster.use_dns(server, address=FIRST)
        ((mine, address),) = start(cluster, space, FIRST, 1, cookie="ours").items()
        ((other, place),) = start(cluster, other_space, FIRST, 1, cookie="theirs").items()
        assert connect(cluster, space, mine, other) == "false"
        name = f"{other}.{other_space}.pod.{ZONE}"
        assert cluster.resolve(mine, name, namespace=space) == [place]
        tell_address(cluster, space, mine, other, place)
        assert connect(cluster, space, mine, other) == "false"
        theirs = f'Node.set_cookie(:"demo@{other}", :theirs)'
        assert connect(cluster, space, mine, other, theirs) == "true"
        until(lambda: demo.status(cluster, address).peers == [f"demo@{other}"], "one cluster")
