"""The module `podname_epmd` on releases of OTP that the machine does not have: its own tests, and nodes that meet.

Sources: clients/erlang/README.md; tests/cluster/harness/debians.py says where they are from.
"""

import asyncio
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.cluster.harness import debians, epmd_module
from tests.cluster.test_epmd_loopback import (
    COREFILE,
    DOMAIN,
    FIRST,
    SECOND,
    free_ports,
    node,
    pod,
    vm,
)
from tests.support.server import port_of, serving

INSIDE = ("unshare", "--mount", "sh", "-c")
ENTER = 'mount --rbind /dev "$0/dev" && mount -t proc proc "$0/proc" && exec chroot "$0" "$@"'
ALONE = ("unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$0" "$@"')
PLACES = ("127.0.0.2", "127.0.0.3")
MAKE = ("make", "--quiet", "-C", str(epmd_module.CLIENT))


@pytest.fixture(scope="module", params=sorted(debians.RELEASES))
def root(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Unpack a Debian with another release of OTP, and compile the module in it, where our own is, too."""
    root = debians.unpack(request.param, tmp_path_factory.mktemp("otp") / request.param)
    shutil.copytree(epmd_module.CLIENT, f"{root}{epmd_module.CLIENT}")
    subprocess.run([*INSIDE, ENTER, str(root), *MAKE, "clean", "all"], check=True)
    if (
        request.param == "23"
    ):  # up to 24.1 OTP asks its own resolver first whether there is such a host
        (root / "etc/hosts").write_text(f"{PLACES[0]} {FIRST} {FIRST}.{DOMAIN}\n")
    return root


def test_its_own_tests_pass(root: Path) -> None:
    command = [*ALONE, *INSIDE, ENTER, str(root), *MAKE, "test"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    assert "tests passed." in done.stdout, done.stdout + done.stderr
    assert done.returncode == 0


@pytest.mark.parametrize("suffix", ["", f".{DOMAIN}"], ids=["short", "long"])
async def test_it_meets_a_node_of_ours(root: Path, tmp_path: Path, suffix: str) -> None:
    ports = free_ports(2)
    pods = [pod(*each) for each in zip((FIRST, SECOND), PLACES, ports, strict=True)]
    (tmp_path / "pods.json").write_text(json.dumps({"kind": "List", "items": pods}))
    async with serving(tmp_path, COREFILE.format(tmp_path / "pods.json")) as server:
        dns = f"127.0.0.1:{port_of(server)}"
        first, second = (f"app@{name}{suffix}" for name in (FIRST, SECOND))
        program = (
            f"io:format(\"~0p\", [{{net_adm:ping('{first}'),"
            " lists:sort(net_adm:world_list(podname_epmd:hosts()))}]), halt()."
        )

        def meet() -> str:
            with node(first, PLACES[0], ports[0], dns):
                asking = vm(second, PLACES[1], ports[1], dns, program, *INSIDE, ENTER, str(root))
                printed, _ = asking.communicate(timeout=60)
                return printed

        printed = await asyncio.to_thread(meet)
        assert printed == f"{{pong,['{first}','{second}']}}"
