"""The programs of the cluster: built once by `prepare.sh`, found by name afterwards."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.harness import ClusterError

HERE = Path(__file__).parent.parent
BUILD = HERE / "programs" / "build.sh"
PREPARE = HERE / "prepare.sh"


@dataclass(frozen=True)
class Programs:
    """Where the programs of the cluster lie."""

    folder: Path

    def __getitem__(self, name: str) -> Path:
        path = self.folder / name
        if not path.exists():
            raise ClusterError(f"{path} is missing: run {PREPARE}")
        return path


def prepare() -> Programs:
    """Check the machine, build what is not built yet, and say where it is.

    Costs nothing when all is there. What is missing is named by `prepare.sh` itself.
    """
    done = subprocess.run(["bash", PREPARE], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise ClusterError(f"the machine is not ready for the cluster: run {PREPARE}")
    return Programs(Path(done.stdout.strip().splitlines()[-1]))
