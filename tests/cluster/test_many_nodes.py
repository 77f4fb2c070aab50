"""How many nodes an Erlang VM finds by SRV, where it takes a truncated answer for malformed: OTP 27.3.4.1 of Debian 13.

No cluster: that Debian as a folder, and podname on loopback with Deployments of 1 to 40 pods from files.

Sources: docs/erlang.md, "More than six nodes"; https://github.com/erlang/otp/issues/11114.
"""

import asyncio
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cluster.harness import debians, workloads
from tests.cluster.harness.api import Object
from tests.support.server import port_of, serving

HASH = "7bd795854f"
MOST = 40
DOMAIN = "deploy.default.pod.cluster.local"
COREFILE = """
.:0 {
    bind 127.0.0.1
    kubernetes cluster.local {
        manifests objects.yaml
        pod_names
    }
}
"""
PROGRAM = """
    Found = fun(Name) -> element(1, inet_res:getbyname(Name, srv)) end,
    All = fun(Form) -> [Found(lists:flatten(io_lib:format(Form, [N]))) || N <- lists:seq(1, %d)] end,
    Most = fun(Form) -> length(lists:takewhile(fun(Said) -> Said =:= ok end, All(Form))) end,
    io:format("~p ~p", [Most("web~b.%s"), Most("_short.web~b.%s")]), halt().
"""


def pods(size: int) -> Iterator[Object]:
    """Return the pods of a Deployment of that size, with names as long as Kubernetes makes them."""
    for number in range(size):
        pod = workloads.placed_pod(f"web{size}-{HASH}-{number:05}", f"10.{size}.0.{number + 1}")
        owner = {"kind": "ReplicaSet", "name": f"web{size}-{HASH}", "controller": True, "uid": "1"}
        pod["metadata"]["ownerReferences"] = [{"apiVersion": "apps/v1", **owner}]
        pod["metadata"]["labels"] = {"pod-template-hash": HASH}
        yield {"apiVersion": "v1", "kind": "Pod", **pod}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Unpack the Debian."""
    return debians.unpack("27", tmp_path_factory.mktemp("otp") / "root")


@pytest.mark.parametrize(
    ("lines", "long", "short"),
    [
        ("", 6, 10),
        ("{edns, 0}. {udp_payload_size, 1232}.", 17, 27),
        ("{usevc, true}.", MOST, MOST),
    ],
    ids=["stock", "edns", "tcp"],
)
async def test_so_many_nodes_are_found(
    root: Path, tmp_path: Path, lines: str, long: int, short: int
) -> None:
    everything = (pod for size in range(1, MOST + 1) for pod in pods(size))
    (tmp_path / "objects.yaml").write_text(
        "---\n".join(f"{json.dumps(pod)}\n" for pod in everything)
    )
    async with serving(tmp_path, COREFILE) as server:
        place = f'{{resolv_conf, ""}}. {{nameserver, {{127,0,0,1}}, {port_of(server)}}}.'
        (root / "etc/inetrc").write_text(f"{place} {lines}\n")
        erl = ["env", "ERL_INETRC=/etc/inetrc", "erl", "-noinput", "-eval"]
        command = debians.inside(root, *erl, PROGRAM % (MOST, DOMAIN, DOMAIN))
        ran = await asyncio.to_thread(
            subprocess.run, command, capture_output=True, text=True, timeout=60
        )
    assert ran.stdout == f"{long} {short}", ran.stderr
