"""What a test asks of podname in pods, and two Erlang nodes that use it.

Sources: docs/attach.md and the page of each way tell the same to people.
"""

import subprocess

from tests.cluster.harness import demo, release
from tests.cluster.harness.cluster import Cluster
from tests.cluster.harness.waiting import until

DEMO = "cluster-demo"


def logs(cluster: Cluster, deployment: str, namespace: str) -> str:
    """Give the last lines of one pod of a Deployment, of the container before if it ended."""
    words = ["-n", namespace, "logs", "--tail=20", "--ignore-errors", f"deployment/{deployment}"]
    return cluster.kubectl(*words)


def address(cluster: Cluster, service: str, namespace: str) -> str:
    """Read the address of a Service, as the pages tell people to."""
    words = ["get", "service", service, "-o", "jsonpath={.spec.clusterIP}"]
    return cluster.kubectl("-n", namespace, *words)


def may(cluster: Cluster, account: str, home: str, verb: str, resource: str, place: str) -> bool:
    """Ask the API server whether an account may do something in a namespace; `*` is all of them."""
    who = f"--as=system:serviceaccount:{home}:{account}"
    where = "--all-namespaces" if place == "*" else f"--namespace={place}"
    done = subprocess.run(
        [*cluster.administrator(), "auth", "can-i", verb, resource, who, where],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() == "yes"


def ping(cluster: Cluster, space: str, pods: dict[str, str], domain: str = "") -> None:
    """Let the node of one pod ping that of another by the other pod's name, until it gets its `pong`."""
    one, other = pods
    host = f"{other}{domain}"
    program = f'IO.write(:net_adm.ping(:"demo@{host}"))'

    def said() -> str:
        return demo.run(cluster, one, release.PROGRAM, "rpc", program, namespace=space).strip()

    until(lambda: said() == "pong", lambda: f"pong from {host} to {one}, not {said()}")
