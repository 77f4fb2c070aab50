"""The module `podname_epmd` on releases of OTP that the machine does not have: its own tests, and nodes that meet.

Sources: clients/erlang/README.md; tests/cluster/harness/debians.py says where they are from.
"""

import shutil
import subprocess
from pathlib import Path

import pytest
from tests.cluster.harness import debians, epmd_module
from tests.cluster.test_epmd_loopback import DOMAIN, FIRST, SECOND, meet

ALONE = ("unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$0" "$@"')
PLACES = ("127.0.0.2", "127.0.0.3")
MAKE = ("make", "--quiet", "-C", str(epmd_module.CLIENT))


@pytest.fixture(scope="module", params=sorted(debians.RELEASES))
def root(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Unpack a Debian with another release of OTP, and compile the module in it, where our own is, too."""
    root = debians.unpack(request.param, tmp_path_factory.mktemp("otp") / request.param)
    shutil.copytree(epmd_module.CLIENT, f"{root}{epmd_module.CLIENT}")
    subprocess.run(debians.inside(root, *MAKE, "clean", "all"), check=True)
    if request.param == "23":
        # up to 24.1 OTP asks its own resolver first whether there is such a host
        (root / "etc/hosts").write_text(f"{PLACES[0]} {FIRST} {FIRST}.{DOMAIN}\n")
    return root


def test_its_own_tests_pass(root: Path) -> None:
    command = [*ALONE, *debians.inside(root, *MAKE, "test")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    assert "tests passed." in done.stdout, done.stdout + done.stderr
    assert done.returncode == 0


@pytest.mark.parametrize("suffix", ["", f".{DOMAIN}"], ids=["short", "long"])
async def test_it_meets_a_node_of_ours(root: Path, tmp_path: Path, suffix: str) -> None:
    printed = await meet(tmp_path, PLACES, suffix, prefix=tuple(debians.inside(root)))
    assert printed == f"{{pong,['app@{FIRST}{suffix}','app@{SECOND}{suffix}']}}"
