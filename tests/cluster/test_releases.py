"""Released Elixir nodes in real pods find each other by pod name.

Sources: https://hexdocs.pm/mix/Mix.Tasks.Release.html; docs/erlang.md tells the same to people.
"""

import re

import pytest
from tests.cluster.harness import demo, release
from tests.cluster.harness.cluster import Cluster

ZONE = "cluster.local"
PODNAME_ONLY = pytest.mark.parametrize("server", ["podname"], indirect=True)
pytestmark = [PODNAME_ONLY, pytest.mark.usefixtures("server", "released")]
DEMO = "cluster-demo"


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
    shell = demo.remote_shell(cluster, first, second, "Node.list(:hidden)", namespace=space)
    assert re.search(rf'\[:"rem-\w+-demo@{second}"\]', shell)
