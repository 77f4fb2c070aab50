"""The manifests of `deploy/` as a person applies them, with podname in pods, and two Erlang nodes that use them.

Sources: docs/attach.md and the page of each way tell the same to people.
"""

import subprocess
from pathlib import Path

import yaml
from tests.cluster.harness import demo, release
from tests.cluster.harness.api import Object
from tests.cluster.harness.cluster import PODNAME, Cluster
from tests.cluster.harness.waiting import until

DEPLOY = Path(__file__).parents[3] / "deploy"
DEMO = "cluster-demo"


def apply(cluster: Cluster, way: str, *deployments: str, namespace: str) -> None:
    """Do `kubectl apply -k deploy/WAY`, strictly, and wait until the pods of its Deployments are ready."""
    folder = str(DEPLOY / way)
    cluster.kubectl("apply", "--validate=strict", "-k", folder)
    for name in deployments:
        roll_out(cluster, name, namespace)


def roll_out(cluster: Cluster, deployment: str, namespace: str) -> None:
    """Wait until just the pods that a Deployment wants are there, and ready."""
    words = ["-n", namespace, "rollout", "status", "deployment", deployment]

    def done() -> bool:
        return "successfully rolled out" in cluster.kubectl(*words, "--watch=false")

    def told() -> str:
        pods = cluster.kubectl("-n", namespace, "describe", "pods")[-4000:]
        return f"{deployment}:\n{pods}\n{logs(cluster, deployment, namespace)}"

    until(done, told, deadline_seconds=120, interval_seconds=0.2)


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


def start_nodes(cluster: Cluster, space: str, *options: str) -> dict[str, str]:
    """Let `podname inject` change a Deployment of two nodes, create it, and wait for them."""
    item = demo.deployment(DEMO, 2, namespace=space)
    command = [str(PODNAME), "inject", "--node", "demo", *options]
    ran = subprocess.run(
        command, input=yaml.safe_dump(item), capture_output=True, text=True, check=True
    )
    deployment: Object
    deployment, *companions = yaml.safe_load_all(ran.stdout)
    for companion in companions:
        cluster.api.create(companion)
    return demo.start(cluster, deployment)


def ping(cluster: Cluster, space: str, pod: str, host: str) -> str:
    """Let the node of a pod ping the one on a host: `pong` or `pang`."""
    program = f'IO.write(:net_adm.ping(:"demo@{host}"))'
    return demo.run(cluster, pod, release.PROGRAM, "rpc", program, namespace=space).strip()


def ping_both_ways(cluster: Cluster, space: str, pods: dict[str, str], domain: str = "") -> None:
    """Let each of two nodes ping the other by its pod's name, and wait for the pongs."""
    one, other = pods
    for mine, theirs in ((one, other), (other, one)):
        until(
            lambda: ping(cluster, space, mine, f"{theirs}{domain}") == "pong",  # noqa: B023
            f"pong from {theirs}{domain} to {mine}",
        )
