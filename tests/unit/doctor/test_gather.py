"""From a request to facts, with nobody but loopback to ask."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from podname.cli import main
from podname.doctor.facts import Facts, Where
from podname.doctor.gather import Request, gather
from podname.doctor.judge import judge
from podname.erlang import native_resolver
from podname.erlang.nodename import BadNode
from tests.support.apiserver import ApiServer
from tests.support.erlang import epmd, listening, node, saying
from tests.support.objects import pod
from tests.support.upstream import answering, free_port, scripted

HOST = "there.default.pod.cluster.local"


@pytest.fixture(autouse=True)
def no_c_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would ask the machine's own nameservers; here it knows one host."""
    known = {HOST: ("127.0.0.1",)}
    monkeypatch.setattr(
        native_resolver, "_native", lambda host, family: (known.get(host, ()), "unknown")
    )
    monkeypatch.setattr("podname.doctor.machine._fqdn", lambda hostname: "here.x.example")
    monkeypatch.setattr("socket.gethostname", lambda: "here")


@pytest.fixture
def ask(tmp_path: Path) -> Callable[..., Request]:
    (tmp_path / "resolv.conf").write_text("search default.pod.cluster.local\n")

    def request(node: str = "", own: str = "", port: int = 0, **variables: str) -> Request:
        return Request(
            node,
            own,
            port=port,
            resolv_conf=tmp_path / "resolv.conf",
            variables={"ERL_EPMD_PORT": str(free_port()), **variables},
        )

    return request


def seen(facts: Facts, check: str) -> str:
    return next(each.seen for each in judge(facts) if each.check == check)


@pytest.mark.parametrize(
    ("variables", "own", "source"),
    [
        ({"RELEASE_NODE": "b@x.example"}, "b@x.example", "the environment"),
        ({"RELEASE_NAME": "b", "RELEASE_DISTRIBUTION": "name"}, "b@here.x.example", "the environment"),
        ({"ERL_FLAGS": "-sname b"}, "b@here", "the environment"),
        ({}, "*@here.x.example", "the form of the other node"),
    ],
)  # fmt: skip
async def test_what_a_node_here_is_called(
    ask: Callable[..., Request], variables: dict[str, str], own: str, source: str
) -> None:
    facts = await gather(ask(f"app@{HOST}", **variables))
    assert (str(facts.own), facts.own_source, facts.where) == (own, source, Where.ALONE)


async def test_a_node_that_runs_here_says_itself_what_it_is_called(
    ask: Callable[..., Request],
) -> None:
    async with listening(node("b@here.y.example")) as port:
        async with listening(epmd({"b": port})) as mapper:
            variables = {"ERL_EPMD_PORT": str(mapper), "RELEASE_NODE": "c@x.example"}
            facts = await gather(ask(f"app@{HOST}", **variables))
            without = await gather(ask(**variables))
        async with listening(epmd({"b": port, "c": port})) as mapper:
            two = await gather(ask(f"app@{HOST}", ERL_EPMD_PORT=str(mapper)))
        fixed = await gather(ask(f"app@{HOST}", port=port))
    assert (str(facts.own), facts.own_source) == ("b@here.y.example", "it runs here")
    assert str(without.node) == "b@here.y.example"
    assert two.own_source == "the form of the other node"
    assert fixed.own == facts.own


async def test_what_is_no_node_here_is_none(ask: Callable[..., Request]) -> None:
    async with listening(saying(b"\x00\x03sok")) as port, listening(epmd({"b": port})) as mapper:
        variables = {"ERL_EPMD_PORT": str(mapper), "RELEASE_NODE": "c@x.example"}
        facts = await gather(ask(f"app@{HOST}", **variables))
    assert str(facts.own) == "c@x.example"


async def test_without_a_node_it_is_about_the_own_one(ask: Callable[..., Request]) -> None:
    facts = await gather(ask(RELEASE_NODE=f"app@{HOST}"))
    assert facts.node == facts.own
    assert facts.reach is not None
    assert facts.reach.address == "127.0.0.1"
    with pytest.raises(BadNode, match="say which node"):
        await gather(ask())


async def test_a_port_that_is_told_needs_no_epmd(ask: Callable[..., Request]) -> None:
    port = free_port()
    for request in (
        ask(f"app@{HOST}", port=port),
        ask(f"app@{HOST}", ERL_FLAGS=f"-erl_epmd_port {port}"),
    ):
        facts = await gather(request)
        assert facts.reach is not None
        assert facts.reach.epmd is None
        assert seen(facts, "port") == f"127.0.0.1:{port}: refused: nothing listens there"


async def test_an_address_is_asked_of_nobody(ask: Callable[..., Request]) -> None:
    facts = await gather(ask("app@127.0.0.1"))
    assert facts.lookup is not None
    assert (facts.lookup.addresses, facts.lookup.asked) == (("127.0.0.1",), ())


async def test_an_inetrc_takes_the_place_of_the_c_library(
    ask: Callable[..., Request], tmp_path: Path
) -> None:
    file = tmp_path / "inetrc"
    file.write_text(f'{{resolv_conf, ""}}.\n{{nameserver, {{127,0,0,1}}, {free_port()}}}.\n')
    with_native = await gather(ask(f"app@{HOST}", ERL_INETRC=str(file)))
    assert with_native.lookup is not None
    assert with_native.lookup.by == "the C library"
    with file.open("a") as more:
        more.write("{lookup, [dns]}.\n")
    facts = await gather(ask(f"app@{HOST}", ERL_INETRC=str(file)))
    assert facts.lookup is not None
    assert (facts.lookup.by, facts.lookup.addresses) == (f"the inetrc {file}", ())
    assert facts.reach is None


async def test_the_inetrcs_nameserver_is_asked_for_the_name_of_the_address(
    ask: Callable[..., Request], tmp_path: Path
) -> None:
    file = tmp_path / "inetrc"
    async with scripted(answering("@ 5 PTR a.z.", "@ 5 PTR b.z.")) as server:
        own = f'{{resolv_conf, ""}}.\n{{nameserver, {{127,0,0,1}}, {server.port}}}.\n'
        file.write_text(own)
        facts = await gather(ask(f"app@{HOST}", ERL_INETRC=str(file)))
    assert "127.0.0.1 has 2 PTR records" in seen(facts, "ptr")
    assert (await gather(ask(f"app@{HOST}"))).pointers is None  # no nameserver


async def test_a_pod_without_a_token_is_still_a_pod(ask: Callable[..., Request]) -> None:
    facts = await gather(
        ask("a@127.0.0.1", KUBERNETES_SERVICE_HOST="127.0.0.1", KUBERNETES_SERVICE_PORT="1")
    )
    assert facts.where is Where.POD
    assert "serviceaccount/token" in seen(facts, "rbac")


KUBECONFIG = """
current-context: x
contexts: [{name: x, context: {cluster: x}}]
clusters: [{name: x, cluster: {server: "URL"}}]
"""


async def test_with_a_kubeconfig_only_the_api_server_is_asked(
    ask: Callable[..., Request], tmp_path: Path
) -> None:
    async with ApiServer() as server:
        server.put("pods", pod("there", "10.0.0.7"))
        (tmp_path / ".kube").mkdir()
        (tmp_path / ".kube/config").write_text(KUBECONFIG.replace("URL", server.url))
        facts = await gather(ask(f"app@{HOST}", "b@there.default.pod.x", HOME=str(tmp_path)))
    assert (facts.where, facts.machine, facts.reach) == (Where.OUTSIDE, None, None)
    assert seen(facts, "right-pod") == "pod default/there has 10.0.0.7"
    assert facts.here.pod == facts.there.pod


async def test_a_kubeconfig_in_a_pod_replaces_its_account_only(
    ask: Callable[..., Request], tmp_path: Path
) -> None:
    async with ApiServer() as server:
        server.put("pods", pod("there", "127.0.0.1"))
        file = tmp_path / "config"
        file.write_text(KUBECONFIG.replace("URL", server.url))
        request = ask(f"app@{HOST}", KUBERNETES_SERVICE_HOST="127.0.0.1")
        facts = await gather(replace(request, kubeconfig=file))
    assert facts.where is Where.POD
    assert seen(facts, "right-pod") == "127.0.0.1 is pod default/there"


async def test_a_kubeconfig_that_cannot_be_used_is_a_finding(
    ask: Callable[..., Request], tmp_path: Path
) -> None:
    (tmp_path / "config").write_text("{")
    facts = await gather(ask(f"app@{HOST}", KUBECONFIG=str(tmp_path / "config")))
    assert facts.where is Where.OUTSIDE
    assert "no YAML" in seen(facts, "rbac")


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["podname", "doctor", *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    return int(caught.value.code or 0)


def test_the_command_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for name in ("KUBERNETES_SERVICE_HOST", "KUBECONFIG", "RELEASE_NODE", "RELEASE_NAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert run(monkeypatch, "a@127.0.0.1", "--port", str(free_port()), "--output", "json") == 1
    document = json.loads(capsys.readouterr().out)
    assert (document["node"], document["holds"]) == ("a@127.0.0.1", False)
    assert run(monkeypatch, "a@127.0.0.1", "--port", str(free_port())) == 1
    assert "fails: port" in capsys.readouterr().out
    for wrong in ([], ["nobody"], ["a@b", "--port", "0"], ["a@b", "--kubeconfig", "/none"]):
        assert run(monkeypatch, *wrong) == 2
    assert "say which node" in capsys.readouterr().err
