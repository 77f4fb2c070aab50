"""A Deployment replaces all its pods, and the nodes of the new ones see one another and nobody else."""

import pytest
from tests.cluster.harness import demo, resolvers, workloads
from tests.cluster.harness.cluster import Cluster
from tests.cluster.harness.resolvers import FIRST, ZONE

pytestmark = pytest.mark.usefixtures("released")
DEMO = "cluster-demo"
REPLICAS = 3


@pytest.mark.parametrize("by", ["srv", "addresses"])
def test_after_a_rollout_everybody_sees_the_new_nodes(
    cluster: Cluster, space: str, by: str
) -> None:
    domain = f"{DEMO}.{space}.svc.{ZONE}"
    environment = {**demo.long_name(domain), **demo.polls(**{by: domain})}
    cluster.api.create(workloads.service(DEMO, DEMO, namespace=space, ports={"epmd": 4369}))
    with resolvers.podname(cluster) as server:
        cluster.use_dns(server, address=FIRST)
        asks = resolvers.asks(FIRST, searches=resolvers.searches(space))
        item = demo.deployment(DEMO, REPLICAS, namespace=space, environment=environment, **asks)
        old = demo.start(cluster, item)
        demo.become_whole(cluster, old.values())

        deployment = ["--namespace", space, f"deployment/{DEMO}"]
        cluster.kubectl("rollout", "restart", *deployment)
        cluster.kubectl("rollout", "status", *deployment, "--timeout=60s")
        new = cluster.running_pods(space, DEMO, REPLICAS)
        assert not old.keys() & new.keys()
        nodes = demo.become_whole(cluster, new.values())
        assert {each.node for each in nodes} == {f"demo@{pod}.{domain}" for pod in new}
