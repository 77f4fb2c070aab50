"""What `podname inject` keeps boots a real VM that is called by its pod, and what it refuses would not.

No cluster: a VM with the hostname of a pod, started as `mix release` starts it. And what `--dns-over-tcp` is for, in
the OTP of Debian 13.

Sources: docs/attach.md; mix help release ("Environment variables"); erlang/otp#11114.
"""

from __future__ import annotations

import asyncio
import functools
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml
from tests.cluster.harness import debians
from tests.support import objects
from tests.support.node_names import ADDRESS, DOMAINS, NAMESPACE, POD, WAYS, cases, deployment
from tests.support.server import serving

from podname.attach.environment import ELSEWHERE, meanings
from podname.attach.ways import OVER_TCP, Options
from podname.dns.nameserver import Nameserver
from podname.erlang.inetrc import inetrc
from podname.inject.manifests import Extras, inject_files

SERVER = Nameserver.parse("10.43.0.53")
NODE = 'io:format("~s", [node()]), halt().'
BOOT = ["unshare", "--uts", "sh", "-c", 'hostname "$0" && exec timeout 30 erl "$@"']


@functools.cache
def booted(distribution: str, node: str, hostname: str = POD) -> str:
    """Start a VM as a release does, and give its node's name; empty if it does not boot."""
    flags = [] if distribution == "none" else [f"-{distribution}", node]
    command = [
        *BOOT,
        hostname,
        "-noshell",
        "-noinput",
        "-start_epmd",
        "false",
        "-erl_epmd_port",
        "0",
        *flags,
    ]
    environment = {"PATH": "/usr/bin:/bin", "ERL_CRASH_DUMP": "/dev/null", "HOME": "/tmp"}
    ran = subprocess.run(
        [*command, "-eval", NODE], env=environment, capture_output=True, text=True, check=False
    )
    return ran.stdout if ran.returncode == 0 else ""


def in_the_pod(text: str) -> tuple[str, str]:
    """Return the distribution and the node's name with which a release boots, its own defaults included."""
    (workload,) = (each for each in yaml.safe_load_all(text) if each["kind"] == "Deployment")
    known = meanings(workload["spec"]["template"]["spec"]["containers"][0]["env"])
    node = known.get("RELEASE_NODE", "app")
    for field, value in (("<pod>", POD), ("<namespace>", NAMESPACE), ("<address>", ADDRESS)):
        node = node.replace(field, value)
    return known.get("RELEASE_DISTRIBUTION", "sname"), node.replace(ELSEWHERE, "app")


def injected(way: str, text: str) -> tuple[str, str] | None:
    """Inject, and give how the VM boots then; None when it is refused."""
    options = Options(way, None if way == "subdomain" else SERVER)  # type: ignore[arg-type]
    outcome = inject_files({"f": text}, options, Extras())
    return in_the_pod(outcome.texts["f"]) if outcome.texts else None


@pytest.fixture(scope="module", autouse=True)
def all_booted() -> Iterator[None]:
    """Start each VM that is needed once, two at a time."""
    wanted = set()
    for case in cases():
        text = deployment(case.node, case.distribution)
        wanted |= {injected(case.way, text) or in_the_pod(text), with_the_way(case.way, text)}
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda each: booted(*each), sorted(wanted)))
    yield
    assert booted.cache_info().currsize <= 40


def with_the_way(way: str, text: str) -> tuple[str, str]:
    """Return how the VM would boot if nothing were refused and only RELEASE_DISTRIBUTION were set."""
    return ("sname" if way == "search" else "name"), in_the_pod(text)[1]


@pytest.mark.parametrize("way", WAYS)
def test_what_is_kept_or_written_boots_by_the_pods_name(way: str) -> None:
    tried = 0
    for case in cases():
        text = deployment(case.node, case.distribution)
        made = injected(way, text) if case.way == way else None
        if made is not None:
            head, _, host = booted(*made).partition("@")
            assert host == POD + DOMAINS[way], case
            assert head in {"app", POD}, case
            tried += 1
    assert tried >= 4


@pytest.mark.parametrize("way", WAYS)
def test_what_is_refused_would_not_be_called_by_the_pods_name(way: str) -> None:
    tried = 0
    for case in cases():
        if case.way == way and case.of_node == "refused" and case.node != "$(SECRET)":
            node = booted(*with_the_way(way, deployment(case.node, case.distribution)))
            assert node.partition("@")[2] != POD + DOMAINS[way], case
            tried += 1
    assert tried >= 4


def test_another_distribution_gives_names_of_another_kind() -> None:
    assert booted("none", "app") == "nonode@nohost"
    for way in WAYS:
        other = "name" if way == "search" else "sname"
        assert booted(other, "app").partition("@")[2] != POD + DOMAINS[way]


def test_a_hostname_that_is_complete_gives_the_same_short_name() -> None:
    complete = f"{POD}.web.shop.svc.example"
    assert booted("sname", "app", complete) == f"app@{POD}"


CLUSTER_DNS = "127.0.0.153"
COREFILE = """\
.:53 {{
 bind 127.0.0.153
 kubernetes cluster.local {{
  manifests {folder}
  pod_names
 }}
}}
"""
FOUND = """
    Found = fun() ->
        case inet_res:getbyname("web.sts.default.pod.cluster.local", srv) of
            {ok, Host} -> length(element(6, Host));
            {error, Reason} -> Reason
        end
    end,
    Lookup = inet_db:res_option(lookup),
    io:format("~0p.", [{Found(), Lookup}]), halt().
"""


@pytest.fixture(scope="module")
def debian_13(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Unpack a Debian 13 whose resolv.conf names our server."""
    root = debians.unpack("27", tmp_path_factory.mktemp("otp") / "27")
    (root / "etc/resolv.conf").write_text(f"nameserver {CLUSTER_DNS}\n")
    return root


async def found(root: Path, tmp_path: Path, count: int, file: str = "") -> str:
    """Ask for the SRV records of a StatefulSet of so many pods, with an inetrc or without."""
    owner = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "web", "controller": True}
    pods = [
        objects.pod(f"web-{number}", f"10.0.0.{number}", ownerReferences=[owner])
        for number in range(1, count + 1)
    ]
    kinds = {"apiVersion": "v1", "kind": "Pod"}
    manifests = tmp_path / "cluster"
    manifests.mkdir()
    (manifests / "pods.yaml").write_text(yaml.safe_dump_all([{**kinds, **pod} for pod in pods]))
    (root / "tmp/inetrc").write_text(file)
    variables = ["env", "ERL_INETRC=/tmp/inetrc"] if file else []
    words = (*variables, "erl", "-noshell", "-noinput", "-eval", FOUND)
    command = debians.inside(root, *words)
    async with serving(tmp_path, COREFILE.format(folder=manifests)):
        run = functools.partial(subprocess.check_output, command, text=True, timeout=60)
        return await asyncio.to_thread(run)


@pytest.mark.parametrize("count", [6, 7, 40])
async def test_debian_13_finds_everybody_over_tcp(
    debian_13: Path, tmp_path: Path, count: int
) -> None:
    assert await found(debian_13, tmp_path, count, OVER_TCP) == f"{{{count},[native]}}."


async def test_debian_13_finds_nobody_once_an_answer_is_truncated(
    debian_13: Path, tmp_path: Path
) -> None:
    assert await found(debian_13, tmp_path, 40) == "{formerr,[native]}."


async def waited(folder: Path, name: str, text: str) -> float:
    """Ask a nameserver that takes everything and says nothing, and give the seconds until the VM has had enough."""
    with socket.create_server(("127.0.0.177", 0)) as silent:
        port = silent.getsockname()[1]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as also:
            also.bind(("127.0.0.177", port))
            server = f'{{resolv_conf, ""}}. {{nameserver, {{127,0,0,177}}, {port}}}.'
            (folder / name).write_text(f"{server}\n{text}\n")
            program = """
                Began = erlang:monotonic_time(millisecond),
                {error, timeout} = inet_res:getbyname("a.b.c", srv),
                io:format("~p", [erlang:monotonic_time(millisecond) - Began]), halt().
            """
            command = ["env", f"ERL_INETRC={folder / name}", "erl", "-noshell", "-eval", program]
            run = functools.partial(subprocess.check_output, command, text=True, timeout=60)
            return int(await asyncio.to_thread(run)) / 1000


async def test_a_silent_nameserver_costs_over_tcp_what_it_did(tmp_path: Path) -> None:
    before, after = await asyncio.gather(
        waited(tmp_path, "udp", ""), waited(tmp_path, "tcp", OVER_TCP)
    )
    assert 0.7 < after / before < 1.3


async def test_the_inetrc_over_tcp_finds_everybody(debian_13: Path, tmp_path: Path) -> None:
    text = inetrc(Nameserver.parse(CLUSTER_DNS), "full", over_tcp=True)
    assert await found(debian_13, tmp_path, 40, text) == "{40,[file,dns]}."
