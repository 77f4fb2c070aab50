"""Erlang nodes in pods: one that waits, and one that pings it.

A node's name must be what it calls itself and what others resolve; `net_adm:ping` says `pong` only
when the name was resolved, epmd and the node were reached there, and both agree on the name.

Sources: https://www.erlang.org/doc/apps/erts/erl_cmd.html
"""

from tests.cluster.harness.cluster import Cluster
from tests.cluster.harness.waiting import until

COOKIE = "secret"


def start_node(cluster: Cluster, pod: str, name: str, *, namespace: str = "default") -> None:
    """Start a node in a pod and wait until epmd knows it. A dot in its host makes the name long."""
    command = ["erl", _form(name), name, "-setcookie", COOKIE, "-noinput", "-detached"]
    cluster.exec(pod, *command, namespace=namespace)
    short = name.partition("@")[0]
    until(
        lambda: f"name {short} at" in cluster.exec(pod, "epmd", "-names", namespace=namespace),
        f"the Erlang node {name}",
        interval_seconds=0.2,
    )


def ping(cluster: Cluster, pod: str, name: str, other: str, *, namespace: str = "default") -> str:
    """Start a node in a pod for long enough to ping another; return `pong` or `pang`."""
    program = f"io:format(\"~s\", [net_adm:ping('{other}')]), halt()."
    command = ["erl", _form(name), name, "-setcookie", COOKIE, "-noinput", "-eval", program]
    return cluster.exec(pod, *command, namespace=namespace).strip()


def _form(name: str) -> str:
    return "-name" if "." in name else "-sname"
