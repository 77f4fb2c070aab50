"""`podname publish` beside a cluster, with the permissions of the manifests that we ship and no others.

Everything of `deploy/publish` is applied but the Deployment, which the API server only looks at: here the program runs
outside the pods, with a token of the account that the manifests make.
"""

import http.client
import re
import signal
from pathlib import Path
from typing import Any

import yaml
from tests.cluster.harness import access
from tests.cluster.harness.cluster import PODNAME, Cluster
from tests.cluster.harness.namespace import HOST
from tests.cluster.harness.processes import Program

DEPLOY = Path(__file__).parents[3] / "deploy" / "publish"
ACCOUNT = "podname-publish"


def install(cluster: Cluster, *, only_in: str = "") -> str:
    """Apply the manifests, for all namespaces or for one; give the account's own namespace."""
    folder = DEPLOY / "one-namespace" if only_in else DEPLOY
    items = list(yaml.safe_load_all(cluster.kubectl("kustomize", str(folder))))
    if only_in:
        items = [_moved(item, only_in) for item in items]
    deployments = [item for item in items if item["kind"] == "Deployment"]
    rest = [item for item in items if item["kind"] != "Deployment"]
    cluster.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(rest))
    text = yaml.safe_dump_all(deployments)
    cluster.kubectl("apply", "--dry-run=server", "--validate=strict", "-f", "-", stdin=text)
    return only_in or "podname"


def _moved(item: dict[str, Any], namespace: str) -> dict[str, Any]:
    """Do what a person does who edits `namespace:` in the kustomization."""
    text: str = yaml.safe_dump(item)
    moved: dict[str, Any] = yaml.safe_load(
        text.replace("namespace: default", f"namespace: {namespace}")
    )
    return moved


class Publisher:
    """One replica, until `stop` or the end of a `with` block."""

    def __init__(self, cluster: Cluster, name: str, home: str = "podname", *words: str) -> None:
        self.cluster = cluster
        token = access.create_token(cluster.api, ACCOUNT, home=home)
        kubeconfig = cluster.folder / f"{name}.kubeconfig"
        cluster.control_plane.write_kubeconfig(kubeconfig, token)
        _use_namespace(kubeconfig, home)
        self.program: Program
        self.port = cluster.namespace.free_port()
        listen = f"{HOST}:{self.port}"
        command: list[str | Path] = [PODNAME, "publish", "--kubeconfig", kubeconfig]
        self._command = [*command, "--listen", listen, *words]
        self._log = cluster.folder / f"{name}.log"
        self.restart()

    def restart(self) -> None:
        """Start it, for the first time or after it ended, and wait until it knows everything."""
        self.program = Program(self.cluster.namespace, self._command, self._log)
        self.program.wait_until(lambda: self.get("/ready")[0] == 200)

    def __enter__(self) -> "Publisher":
        return self

    def __exit__(self, *_: object) -> None:
        if self.program.running:
            self.program.stop()
        print(self.program.tail())

    def get(self, path: str) -> tuple[int, str]:
        """Ask its endpoint."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=5)
        connection.sock = self.cluster.namespace.connect(HOST, self.port, timeout_seconds=5)
        try:
            connection.request("GET", path, headers={"Connection": "close"})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except http.client.HTTPException as error:
            raise ConnectionError(str(error)) from error
        finally:
            connection.close()

    def metric(self, name: str, **labels: str) -> float:
        """Add up the samples of a metric that have these labels."""
        found = re.findall(rf"^{name}(?:{{(.*)}})? (\S+)$", self.get("/metrics")[1], re.MULTILINE)
        wanted = [f'{key}="{value}"' for key, value in labels.items()]
        return sum(float(value) for text, value in found if all(each in text for each in wanted))

    @property
    def is_leading(self) -> bool:
        """Whether it says so."""
        return self.metric("podname_publish_leading") == 1

    def kill(self) -> None:
        """End it as a crash would."""
        self.program.signal(signal.SIGKILL)


def _use_namespace(kubeconfig: Path, namespace: str) -> None:
    """Let the context have the namespace that a pod's own files would name."""
    config = yaml.safe_load(kubeconfig.read_text())
    config["contexts"][0]["context"]["namespace"] = namespace
    kubeconfig.write_text(yaml.safe_dump(config))
