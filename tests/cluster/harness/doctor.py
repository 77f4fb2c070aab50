"""`podname doctor` in a pod: in its network, with its hostname, resolver, hosts and service account.

The images of the pods hold Erlang and no Python. So the doctor is the one of this checkout, which sees its own files,
in the network and UTS namespace of the pod, in a mount namespace of its own in which the pod's resolv.conf, hosts and
service account stand in their usual places.

Sources: nsenter(1), unshare(1), mount_namespaces(7) (a mount of another namespace cannot be bound: hence the copies).
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.cluster.harness import access
from tests.cluster.harness.cluster import Cluster

PODNAME = Path(sys.executable).with_name("podname")
ENTER = """
set -e
account=run/secrets/kubernetes.io/serviceaccount
mount -t tmpfs tmpfs /mnt
mkdir -p /mnt/account /$account
cp -L /proc/$POD/root/etc/resolv.conf /proc/$POD/root/etc/hosts /mnt
cp -L /proc/$POD/root/$account/token /proc/$POD/root/$account/ca.crt \
    /proc/$POD/root/$account/namespace /mnt/account
mount --bind /mnt/resolv.conf /etc/resolv.conf
mount --bind /mnt/hosts /etc/hosts
mount --bind /mnt/account /$account
exec "$@"
"""
VIEW: tuple[access.Rule, ...] = (
    {"apiGroups": [""], "resources": ["pods", "services"], "verbs": ["list"]},
    {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list"]},
)
"""What docs/doctor.md says that the doctor needs."""


class Report:
    """What the doctor said; its shape is a promise, so a missing key is an error."""

    def __init__(self, done: "subprocess.CompletedProcess[str]") -> None:
        assert done.returncode in {0, 1}, done.stderr
        assert not done.stderr, done.stderr
        print(done.stdout)  # pytest shows it with a test that failed
        self.text = done.stdout
        self.exit_code = done.returncode
        self.document: dict[str, Any] = json.loads(done.stdout)
        self.findings = {each["check"]: each for each in self.document["findings"]}

    @property
    def failing(self) -> set[str]:
        """Name the checks that fail."""
        return {name for name, finding in self.findings.items() if finding["outcome"] == "fails"}

    def seen(self, check: str) -> str:
        """Return what a check saw."""
        return str(self.findings[check]["seen"])

    def fix(self, check: str) -> str:
        """Return the fix that a check tells."""
        return str(self.findings[check]["fix"])


def in_pod(
    cluster: Cluster,
    pod: str,
    *arguments: str,
    namespace: str = "default",
    environment: Mapping[str, str] | None = None,
) -> Report:
    """Run the doctor in a pod."""
    into = [
        *cluster.namespace.into(),
        "nsenter",
        "--target",
        str(process_of(cluster, pod, namespace)),
    ]
    into += ["--net", "--uts", "--", "unshare", "--mount", "sh", "-c", ENTER, "sh"]
    variables = {
        "POD": into[into.index("--net", 8) - 1],
        "KUBERNETES_SERVICE_HOST": "10.43.0.1",
        "KUBERNETES_SERVICE_PORT": "443",
        **(environment or {}),
    }
    return _run([*into, *_doctor(*arguments)], variables)


def outside(
    cluster: Cluster, kubeconfig: Path, *arguments: str, namespace: str = "default"
) -> Report:
    """Run the doctor as on a laptop: it reaches the API server, and no cluster DNS."""
    options = ["--kubeconfig", str(kubeconfig), "--namespace", namespace]
    into = cluster.namespace.into(network_only=True)
    return _run([*into, *_doctor(*options, *arguments)], {})


def allow(cluster: Cluster, namespace: str, rules: tuple[access.Rule, ...] = VIEW) -> None:
    """Let the pods of a namespace, by their service account, see what the doctor looks at."""
    metadata = {"name": "doctor", "namespace": namespace}
    version = f"{access.GROUP}/v1"
    role = {"apiVersion": version, "kind": "Role", "metadata": metadata, "rules": list(rules)}
    subject = {"kind": "ServiceAccount", "name": "default", "namespace": namespace}
    reference = {"kind": "Role", "name": "doctor", "apiGroup": access.GROUP}
    binding = {"roleRef": reference, "subjects": [subject]}
    cluster.api.create(role)
    cluster.api.create(
        {"apiVersion": version, "kind": "RoleBinding", "metadata": metadata, **binding}
    )


def process_of(cluster: Cluster, pod: str, namespace: str) -> int:
    """Find the process of a pod's container, by its number in the cluster's process namespace."""
    status = cluster.api.get("Pod", pod, namespace)["status"]["containerStatuses"][0]
    container = status["containerID"].removeprefix("containerd://")
    command = [*cluster.namespace.into(), "ctr", "--namespace", "k8s.io"]
    command += ["--address", str(cluster.folder / "containerd.sock"), "tasks", "list"]
    tasks = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = [line.split() for line in tasks.splitlines()]
    return next(int(task[1]) for task in found if task[0] == container)


def _doctor(*arguments: str) -> list[str]:
    return [str(PODNAME), "doctor", "--output", "json", *arguments]


def _run(command: list[str], variables: Mapping[str, str]) -> Report:
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **variables}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    return Report(done)
