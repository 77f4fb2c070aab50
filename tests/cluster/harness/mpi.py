"""The image of pods that run MPI programs: Open MPI, and the sshd by which `mpirun` starts its part in other pods.

The pods of a job share a key that the image holds; it opens nothing else.

Sources: mpirun(1), `plm_rsh_agent`; sshd_config(5); https://mpi4py.readthedocs.io (mpi4py.bench).
"""

import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.cluster.harness import images
from tests.cluster.harness.api import Object
from tests.cluster.harness.cluster import Cluster

MPI = "localhost/mpi:1"
PACKAGES = ("openmpi-bin", "openssh-server", "openssh-client", "python3-mpi4py")
CLIENT = """
Host *
    StrictHostKeyChecking no
    UserKnownHostsFile /dev/null
    LogLevel ERROR
    ConnectionAttempts 30
"""
"""That of ssh; it tries once a second, so that nobody has to wait for sshd."""
SSHD: Object = {
    "image": MPI,
    "command": ["sh", "-c", "mkdir -p /run/sshd && exec /usr/sbin/sshd -D -e"],
}
"""The container of a pod in which `mpirun` can start processes."""


def mpi_image() -> Path:
    """Make the image (about a minute, once)."""
    key = images.key(repr((images.SUITE, PACKAGES, images.LEFT_OUT, CLIENT)).encode())
    image = images.cache() / f"mpi-{key}.tar"
    if not image.exists():
        print(f"making the image of the MPI pods (once; kept as {image})", file=sys.stderr)
        with tempfile.TemporaryDirectory(dir=images.cache()) as work:
            layers = [Path(work) / "debian.tar", Path(work) / "keys.tar"]
            root = Path(work) / "root"
            images.debian(root, layers[0], PACKAGES)
            _write_keys(root, layers[1])
            images.write_archive(
                image, MPI, layers, {"Env": ["LANG=C.UTF-8"], "Cmd": ["/bin/bash"]}
            )
    return image


def _write_keys(root: Path, layer: Path) -> None:
    folder = root / "root/.ssh"
    folder.mkdir(mode=0o700)
    make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/root/.ssh/id_ed25519"]
    subprocess.run(["chroot", root, *make], check=True)
    (folder / "id_ed25519.pub").rename(folder / "authorized_keys")
    (folder / "config").write_text(CLIENT)
    with tarfile.open(layer, "w") as tar:
        tar.add(folder, "root/.ssh")


def run(
    cluster: Cluster, pod: str, hosts: Sequence[str], program: str, *, namespace: str
) -> list[str]:
    """Let `mpirun` in a pod run a program of mpi4py's, one process on each host; return its lines, sorted."""
    command = ["mpirun", "--allow-run-as-root", "--host", ",".join(hosts), "--np", str(len(hosts))]
    command += ["python3", "-m", "mpi4py.bench", program]
    return sorted(cluster.exec(pod, *command, namespace=namespace).splitlines())


if __name__ == "__main__":
    mpi_image()
