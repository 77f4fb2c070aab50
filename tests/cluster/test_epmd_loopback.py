"""Real Erlang nodes meet through `podname_epmd` and podname, each on an address of its own on loopback; no cluster.

An address of loopback is a "pod's". IPv6 has one only: there two pods share it and differ by port, as Kubernetes
says it: a container port called as the node is.

Sources: clients/erlang/README.md; https://www.erlang.org/doc/apps/kernel/kernel_app.html (inet_dist_use_interface).
"""

import asyncio
import json
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.cluster.harness import epmd_module
from tests.support.server import port_of, serving

DOMAIN = "default.pod.cluster.local"
FIRST, SECOND = "cluster-demo-7bd795854f-298qd", "cluster-demo-7bd795854f-k4v9z"
COREFILE = (
    ".:0 {{\n bind 127.0.0.1\n kubernetes cluster.local {{\n manifests {}\n pod_names\n }}\n}}\n"
)
BUSY = """
    Connect = fun() -> net_adm:ping('app@nobody') end,
    {Pid, Ref} = spawn_monitor(Connect),
    Loop = fun Loop(Longest) ->
        {Microseconds, _} = timer:tc(net_kernel, get_net_ticktime, []),
        receive {'DOWN', Ref, process, Pid, _} -> max(Longest, Microseconds)
        after 0 -> Loop(max(Longest, Microseconds)) end
    end,
    io:format("~w", [Loop(0)]), halt().
"""


def pod(name: str, address: str, port: int) -> dict[str, object]:
    """Return a pod as `kubectl get -o json` does; its container port is where its node listens."""
    ports = [{"name": "app", "containerPort": port, "protocol": "TCP"}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"containers": [{"name": "main", "image": "demo", "ports": ports}]},
        "status": {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]},
    }


def free_ports(count: int) -> list[int]:
    """Find ports that nobody has."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(each.getsockname()[1]) for each in held]
    for each in held:
        each.close()
    return ports


def vm(
    name: str, address: str, port: int, dns: str, program: str, *prefix: str
) -> subprocess.Popen[str]:
    """Start a node on an address and a port; `prefix` is the command that runs it, of another system."""
    place = str(tuple(socket.inet_aton(address))) if "." in address else "{0,0,0,0,0,0,0,1}"
    protocol = [] if "." in address else ["-proto_dist", "inet6_tcp"]
    form = "-name" if "." in name else "-sname"
    command = ["erl", "-pa", str(epmd_module.CLIENT / "ebin"), *epmd_module.FLAGS[2:], *protocol]
    command += ["-kernel", "inet_dist_use_interface", place.replace("(", "{").replace(")", "}")]
    command += [form, name, "-setcookie", "secret", "-noinput", "-eval", program]
    settings = {"PODNAME_DNS": dns, "PODNAME_DOMAIN": DOMAIN, "PODNAME_DIST_PORT": str(port)}
    environment = {**os.environ, **settings}
    return subprocess.Popen([*prefix, *command], env=environment, stdout=subprocess.PIPE, text=True)


@contextmanager
def node(name: str, address: str, port: int, dns: str) -> Iterator[None]:
    """Run a node meanwhile."""
    running = vm(name, address, port, dns, 'io:format("up~n").')
    try:
        assert running.stdout is not None
        assert running.stdout.readline() == "up\n"
        yield
    finally:
        running.kill()
        running.communicate()


async def meet(
    folder: Path, places: tuple[str, str], suffix: str, *asked: str, prefix: tuple[str, ...] = ()
) -> str:
    """Let a node ping another, and list both; `prefix` runs the one that asks, which says what else is asked, too."""
    ports = free_ports(2)
    pods = [pod(*each) for each in zip((FIRST, SECOND), places, ports, strict=True)]
    (folder / "pods.json").write_text(json.dumps({"kind": "List", "items": pods}))
    async with serving(folder, COREFILE.format(folder / "pods.json")) as server:
        dns = f"127.0.0.1:{port_of(server)}"
        first, second = (f"app@{name}{suffix}" for name in (FIRST, SECOND))
        listed = "lists:sort(net_adm:world_list(podname_epmd:hosts()))"
        said = ", ".join((f"net_adm:ping('{first}')", *asked, listed))
        program = f'io:format("~0p", [{{{said}}}]), halt().'

        def ask() -> str:
            with node(first, places[0], ports[0], dns):
                asking = vm(second, places[1], ports[1], dns, program, *prefix)
                printed, _ = asking.communicate(timeout=60)
                return printed

        return await asyncio.to_thread(ask)


@pytest.fixture(scope="module", autouse=True)
def compiled() -> None:
    """Have the module compiled."""
    epmd_module.compiled()


@pytest.mark.parametrize("suffix", ["", f".{DOMAIN}"], ids=["short", "long"])
@pytest.mark.parametrize(
    "places", [("127.0.0.2", "127.0.0.3"), ("::1", "::1")], ids=["ipv4", "ipv6"]
)
async def test_two_nodes_meet(tmp_path: Path, places: tuple[str, str], suffix: str) -> None:
    # On the one address of IPv6, whoever asks for nobody reaches itself, and says so first.
    nobody = f"net_adm:ping('nobody@{FIRST}{suffix}')"
    first, second = (f"app@{name}{suffix}" for name in (FIRST, SECOND))
    printed = await meet(tmp_path, places, suffix, nobody)
    assert printed.endswith(f"{{pong,pang,['{first}','{second}']}}")


def test_net_kernel_waits_half_a_second_at_most() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        dns = f"127.0.0.1:{silent.getsockname()[1]}"
        (port,) = free_ports(1)
        printed, _ = vm("app@here", "127.0.0.2", port, dns, BUSY).communicate(timeout=60)
    assert 100_000 < int(printed) < 500_000
