"""The folder of one run: logs, keys, data and sockets, gone when the run is over.

A run holds a lock on its folder for as long as it lives. The kernel lets go of the lock when the
process ends, so a folder whose lock is free was left by a run that was killed, whatever process
has its number now, and the next run clears it away. The programs of a killed run are gone already
(see `namespace`), which leaves a folder and empty control groups.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

BASE = Path(os.environ.get("PODNAME_CLUSTER_FOLDER", "/var/tmp/podname-cluster"))
CGROUPS = Path("/sys/fs/cgroup")
LOCK = "lock"


@contextlib.contextmanager
def workspace() -> Iterator[Path]:
    """Make the folder of a run, after clearing what killed runs left, and remove it at the end."""
    BASE.mkdir(parents=True, exist_ok=True)
    with (BASE / ".lock").open("w") as between_runs:
        fcntl.flock(between_runs, fcntl.LOCK_EX)
        clear_what_killed_runs_left()
        folder = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=BASE))
        held = (folder / LOCK).open("w")
        fcntl.flock(held, fcntl.LOCK_EX)
    with held:
        try:
            yield folder
        finally:
            remove(folder)


def clear_what_killed_runs_left() -> list[Path]:
    """Remove the folders of runs that no longer live, and return them."""
    dead = [folder for folder in BASE.iterdir() if folder.is_dir() and not _lives(folder)]
    for folder in dead:
        remove(folder)
    return dead


def remove(folder: Path) -> None:
    """Remove the folder of a run and the control groups of its containers."""
    kept = folder / "containerd" / "io.containerd.grpc.v1.cri"
    for container in [*kept.glob("containers/*"), *kept.glob("sandboxes/*")]:
        for group in _container_groups():
            if (group / container.name).exists():
                (group / container.name).rmdir()
    for group in _container_groups():
        with contextlib.suppress(OSError):  # somebody else's containers are in there
            group.rmdir()
    shutil.rmtree(folder)


def _container_groups() -> list[Path]:
    # Control groups have one tree for each controller, or one for all.
    return [*CGROUPS.glob("k8s.io"), *CGROUPS.glob("*/k8s.io")]


def _lives(folder: Path) -> bool:
    try:
        with (folder / LOCK).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False
