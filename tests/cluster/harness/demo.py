"""Pods of the released application `demo`, and whom its nodes see.

A node says on a port of its own whom it is connected to and whom it has lost (`demo/lib/demo/
status.ex`). Asking costs nothing, so a test waits for a cluster to be whole, and proves that no
connection was lost meanwhile, without starting a virtual machine for each look.
"""

import http.client
import json
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from tests.cluster.harness import release, workloads
from tests.cluster.harness.api import Object
from tests.cluster.harness.cluster import Cluster
from tests.cluster.harness.waiting import until

STATUS_PORT = 4000
POLL_MILLISECONDS = 250
"""How often the nodes of the tests look for others; libcluster and dns_cluster do every 5 s."""
READINESS: Object = {"httpGet": {"path": "/", "port": STATUS_PORT}, "periodSeconds": 1}


class Status(NamedTuple):
    """What a node says of itself."""

    node: str
    peers: list[str]
    lost: list[str]
    polls: int
    failed_polls: int
    dials: int


def deployment(
    name: str,
    replicas: int,
    *,
    namespace: str,
    environment: Mapping[str, str | Object] | None = None,
    container: Object | None = None,
    **spec: object,
) -> Object:
    """Return a Deployment of the application; a variable is a text or a `valueFrom`."""
    variables = [
        {"name": key, "value" if isinstance(value, str) else "valueFrom": value}
        for key, value in (environment or {}).items()
    ]
    here: Object = {
        "image": release.RELEASE,
        "command": [release.PROGRAM, "start"],
        "env": variables,
        **(container or {}),
    }
    return workloads.deployment(
        name, replicas, namespace=namespace, container=here, readiness=READINESS, **spec
    )


def configuration(name: str) -> tuple[list[Object], list[Object]]:
    """Return the mounts and volumes of a pod whose `config/runtime.exs` is a ConfigMap's."""
    mount = {"name": name, "mountPath": release.CONFIGURATION, "subPath": "runtime.exs"}
    return [mount], [{"name": name, "configMap": {"name": name}}]


def configure(cluster: Cluster, namespace: str, name: str, text: str) -> None:
    """Put a `config/runtime.exs` into a ConfigMap."""
    item: Object = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
        "data": {"runtime.exs": text},
    }
    cluster.api.apply(item)


def polls(**names: str) -> dict[str, str | Object]:
    """Return the environment of nodes that look for others at names: by `srv` or by `addresses`.

    Pods that start together dial one another at the same moment, twenty times as likely as with
    the pollers' own interval, and of two attempts that meet OTP 25's `global` may take one for a
    partition. It then undoes connections that were good, which are lost until the next poll: that is
    docs/erlang.md's to tell, and not for every test to wait for.
    """
    variables: dict[str, str | Object] = {
        f"DEMO_{key.upper()}": name for key, name in names.items()
    }
    flags = "-kernel prevent_overlapping_partitions false"
    return {**variables, "DEMO_POLL_MILLISECONDS": str(POLL_MILLISECONDS), "ERL_ZFLAGS": flags}


def field(path: str) -> Object:
    """Return the value of a variable that is a field of the pod (the downward API)."""
    return {"fieldRef": {"fieldPath": path}}


def long_name(domain: str) -> dict[str, str | Object]:
    """Return the environment of nodes called by their pod's name in a domain."""
    return {
        "POD_NAME": field("metadata.name"),
        "RELEASE_DISTRIBUTION": "name",
        "RELEASE_NODE": f"demo@$(POD_NAME).{domain}",
    }


def status(cluster: Cluster, address: str) -> Status:
    """Ask the node of a pod whom it sees."""
    connection = http.client.HTTPConnection(address, STATUS_PORT)
    connection.sock = cluster.namespace.connect(address, STATUS_PORT, timeout_seconds=5)
    try:
        connection.request("GET", "/")
        return Status(**json.load(connection.getresponse()))
    except http.client.HTTPException as error:
        raise ConnectionError(str(error)) from error
    finally:
        connection.close()


def start(cluster: Cluster, item: Object) -> dict[str, str]:
    """Create a Deployment of the application and wait for its nodes; pod names to addresses."""
    cluster.api.create(item)
    metadata, count = item["metadata"], item["spec"]["replicas"]
    return nodes(cluster, metadata["namespace"], metadata["name"], count)


def nodes(cluster: Cluster, namespace: str, name: str, count: int) -> dict[str, str]:
    """Wait for the nodes of a Deployment of the application; pod names to addresses."""
    pods = cluster.running_pods(namespace, name, count)
    for pod, address in pods.items():
        logs = ["logs", "--namespace", namespace, pod]
        until(
            lambda: status(cluster, address),  # noqa: B023
            lambda: f"the node of {pod}, which says:\n{cluster.kubectl(*logs)}",  # noqa: B023
            deadline_seconds=60,
        )
    return pods


def become_whole(
    cluster: Cluster, addresses: Iterable[str], *, deadline_seconds: float = 60
) -> list[Status]:
    """Wait until the nodes of some pods see exactly one another; say what they said."""
    places = sorted(addresses)
    found: list[Status] = []

    def whole() -> bool:
        found[:] = [status(cluster, address) for address in places]
        everybody = {each.node for each in found}
        return all({each.node, *each.peers} == everybody for each in found)

    until(whole, lambda: f"nodes that see one another: {found}", deadline_seconds=deadline_seconds)
    return found


def polled(cluster: Cluster, addresses: Iterable[str], count: int, *, failed: bool = False) -> None:
    """Wait until each node has asked so many times more, or has asked in vain so many times."""

    def counts() -> dict[str, int]:
        found = {address: status(cluster, address) for address in addresses}
        return {key: value.failed_polls if failed else value.polls for key, value in found.items()}

    before = counts()

    def enough() -> bool:
        now = counts()
        return all(now[address] >= before[address] + count for address in before)

    until(enough, lambda: f"{count} polls more than {before}: {counts()}", interval_seconds=0.1)


def run(cluster: Cluster, pod: str, *arguments: str, namespace: str, stdin: str = "") -> str:
    """Run the release's own script in a pod, as a person would, and return what it prints."""
    command = ["exec", "--stdin", "--namespace", namespace, pod, "--"]
    return cluster.kubectl(*command, *arguments, stdin=stdin)
