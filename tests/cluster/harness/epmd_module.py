"""The Erlang module `podname_epmd` in pods: a ConfigMap with what it compiles to, and nodes that use it.

Nothing is built into an image: a volume, a flag and an environment variable are all that a workload
needs to use it.

Sources: clients/erlang/README.md
"""

import base64
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.cluster.harness import erlang, workloads
from tests.cluster.harness.api import Object
from tests.cluster.harness.cluster import Cluster

CLIENT = Path(__file__).parents[3] / "clients" / "erlang"
ROLE = CLIENT / "role.yaml"
FOLDER = "/opt/podname_epmd"
FLAGS = ("-pa", FOLDER, "-epmd_module", "podname_epmd", "-start_epmd", "false")
SAID = "said: "
OWN_PORT = 9100
"""Where nodes listen in the tests: a container port called `app`, which no other node has as fixed port."""


def compiled() -> dict[str, bytes]:
    """Compile the module and those that it consists of."""
    subprocess.run(["make", "--quiet", "-C", CLIENT], check=True)
    return {beam.name: beam.read_bytes() for beam in sorted((CLIENT / "ebin").glob("*.beam"))}


def config_map(namespace: str) -> Object:
    """Return a ConfigMap with the compiled module."""
    files = {name: base64.b64encode(octets).decode() for name, octets in compiled().items()}
    metadata = {"name": "podname-epmd", "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "binaryData": files}


def deployment(
    name: str, replicas: int, *, namespace: str, environment: Mapping[str, str], **spec: object
) -> Object:
    """Return a Deployment whose pods have the module, and a container port called `app`."""
    container = {
        "env": [{"name": key, "value": value} for key, value in environment.items()],
        "ports": [{"name": "app", "containerPort": OWN_PORT}],
        "volumeMounts": [{"name": "podname-epmd", "mountPath": FOLDER}],
    }
    volume = {"name": "podname-epmd", "configMap": {"name": "podname-epmd"}}
    return workloads.deployment(
        name, replicas, namespace=namespace, container=container, volumes=[volume], **spec
    )


def start_node(cluster: Cluster, pod: str, name: str, *, namespace: str) -> None:
    """Start a node in a pod; it listens on its own port as soon as anybody can find it."""
    command = ["env", f"PODNAME_DIST_PORT={OWN_PORT}", "erl", *FLAGS, *_named(name)]
    cluster.exec(pod, *command, "-noinput", "-detached", namespace=namespace)


def evaluate(
    cluster: Cluster, pod: str, name: str, expression: str, *flags: str, namespace: str
) -> str:
    """Start a node in a pod for long enough to say what an expression is.

    It says so on a line of its own: what it logs goes to the same place, before and after.
    """
    program = f'io:format("~n{SAID}~0tp~n", [{expression}]), halt().'
    command = ["erl", *FLAGS, *flags, *_named(name), "-noinput", "-eval", program]
    lines = cluster.exec(pod, *command, namespace=namespace).splitlines()
    return next((line.removeprefix(SAID) for line in lines if line.startswith(SAID)), "")


def _named(name: str) -> list[str]:
    return ["-name" if "." in name else "-sname", name, "-setcookie", erlang.COOKIE]
