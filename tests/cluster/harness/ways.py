"""What a test asks of podname in pods.

Sources: docs/attach.md and the page of each way tell the same to people.
"""

import subprocess

from tests.cluster.harness.cluster import Cluster

DEMO = "cluster-demo"


def logs(cluster: Cluster, deployment: str, namespace: str) -> str:
    """Return the last lines of one pod of a Deployment, of the container before if it ended."""
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
