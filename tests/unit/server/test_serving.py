"""A whole server: blocks, listeners, faults, what the log and the metrics say of them."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import dns.message
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.support.http import get
from tests.support.server import addresses, plugin_of, port_of, serving, started, tcp, udp
from tests.support.upstream import answering, free_port, scripted

from podname.errors import PodnameError, ServeError
from podname.plugins.base import Next, Reply, Request
from podname.plugins.health.handler import Health
from podname.plugins.prometheus.handler import Prometheus
from podname.plugins.whoami.handler import Whoami

CLUSTER = """
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Namespace, metadata: {name: default, uid: n}}
- apiVersion: v1
  kind: Pod
  metadata: {name: web-1, namespace: default, uid: p}
  spec: {nodeName: node}
  status: {phase: Running, podIP: 10.0.0.7, podIPs: [{ip: 10.0.0.7}]}
"""


def kubernetes(folder: Path, text: str = CLUSTER) -> str:
    """Write a cluster and give the directive that serves it."""
    (folder / "cluster.yaml").write_text(text)
    return "kubernetes cluster.local {\nmanifests cluster.yaml\npod_names\n}\n"


async def test_udp_and_tcp_answer_on_one_port(tmp_path: Path) -> None:
    async with serving(tmp_path, ".:0 {\nbind 127.0.0.1\nwhoami\n}") as server:
        port = port_of(server)
        assert "_udp.a." in str((await udp(port, "a.")).additional)
        assert "_tcp.a." in str((await tcp(port, "a.")).additional)


async def test_names_of_a_cluster_in_files(tmp_path: Path) -> None:
    text = f".:0 {{\nbind 127.0.0.1\n{kubernetes(tmp_path)}}}"
    async with serving(tmp_path, text) as server:
        port = port_of(server)
        assert await addresses(port, "web-1.default.pod.cluster.local") == ["10.0.0.7"]
        assert await addresses(port, "web-2.default.pod.cluster.local") == ["NXDOMAIN"]
        assert await addresses(port, "example.org.") == ["SERVFAIL"], "nobody is left to ask"


async def test_the_longest_zone_answers_and_no_zone_is_refused(tmp_path: Path) -> None:
    text = f"""
        example.org:0 {{
            bind 127.0.0.1
            whoami
        }}
        cluster.local:0 {{
            bind 127.0.0.1
            {kubernetes(tmp_path)}
        }}
    """
    async with serving(tmp_path, text) as server:
        port = port_of(server)
        assert len(server.listeners.open) == 1
        assert (await udp(port, "A.Example.ORG.")).additional
        assert await addresses(port, "web-1.default.pod.CLUSTER.local.") == ["10.0.0.7"]
        assert await addresses(port, "example.net.") == ["REFUSED"]
        assert await addresses(port, "org.") == ["REFUSED"]


async def test_one_block_on_several_addresses_and_ports(tmp_path: Path) -> None:
    text = "a.:0 b.:0 {\nbind 127.0.0.1 127.0.0.2\nwhoami\n}"
    async with serving(tmp_path, text) as server:
        for host in ("127.0.0.1", "127.0.0.2"):
            port = port_of(server, host)
            for name in ("a.", "x.b."):
                assert (await udp(port, name, host=host)).additional


async def test_every_address_is_listened_on_by_default(tmp_path: Path) -> None:
    async with serving(tmp_path, ".:0 {\nwhoami\n}") as server:
        assert (await udp(port_of(server, ""), "a.")).additional


KUBEADM = """.:0 {
    bind 127.0.0.1
    errors
    health 127.0.0.1:0 {
       lameduck 5s
    }
    ready 127.0.0.1:0
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       manifests cluster.yaml
       pod_names
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    prometheus 127.0.0.1:0
    forward . UPSTREAM {
       max_concurrent 1000
    }
    cache 30 {
       disable success cluster.local
       disable denial cluster.local
    }
    loop
    reload
    loadbalance
}
"""


async def test_kubeadms_corefile_at_work(tmp_path: Path) -> None:
    kubernetes(tmp_path)
    async with (
        scripted(answering("@ 60 A 192.0.2.1")) as upstream,
        serving(tmp_path, KUBEADM.replace("UPSTREAM", upstream.at)) as server,
    ):
        port = port_of(server)
        assert server.unready() == []
        assert await addresses(port, "web-1.default.pod.cluster.local") == ["10.0.0.7"]
        assert await addresses(port, "no-pod.default.pod.cluster.local") == ["NXDOMAIN"]
        assert await addresses(port, "10-0-0-9.default.pod.cluster.local") == ["10.0.0.9"]
        reverse = "web-1.default.pod.cluster.local."
        assert await addresses(port, "7.0.0.10.in-addr.arpa", "PTR") == [reverse]
        for _ in range(3):
            assert await addresses(port, "example.org") == ["192.0.2.1"]
            assert await addresses(port, "8.0.0.10.in-addr.arpa", "A") == ["192.0.2.1"]
        asked = [dns.message.from_wire(one.packet).question[0] for one in upstream.asked]
        names = [question.name.to_text() for question in asked if question.rdtype == 1]
        assert names == ["example.org.", "8.0.0.10.in-addr.arpa."], "the cache has the others"


async def test_plugin_order_is_not_the_files(tmp_path: Path) -> None:
    text = f".:0 {{\nbind 127.0.0.1\nwhoami\n{kubernetes(tmp_path)}loadbalance\nerrors\n}}"
    async with serving(tmp_path, text) as server:
        assert server.configuration is not None
        order = [plugin.name for plugin in server.configuration.roster]
        assert order == ["bind", "errors", "loadbalance", "kubernetes", "whoami"]
        port = port_of(server)
        assert await addresses(port, "web-2.default.pod.cluster.local") == ["NXDOMAIN"]
        assert (await udp(port, "example.org.")).additional, "whoami is last"


async def test_a_block_without_plugins_that_answer_is_refused(tmp_path: Path) -> None:
    async with serving(tmp_path, "a.:0 {\nbind 127.0.0.1\ndebug\n}") as server:
        assert await addresses(port_of(server), "a.") == ["REFUSED"]


async def test_a_port_in_use_refuses_to_start_and_leaves_nothing(tmp_path: Path) -> None:
    async with serving(tmp_path, ".:0 {\nbind 127.0.0.1\nwhoami\n}") as server:
        port = port_of(server)
        other = tmp_path / "other"
        other.mkdir()
        text = f".:0 {{\nbind 127.0.0.1\nwhoami\n}}\na.:{port} {{\nbind 127.0.0.1\nwhoami\n}}"
        with pytest.raises(
            PodnameError, match=f"cannot listen on dns://127.0.0.1:{port}: .*in use"
        ):
            await started(other, text)


async def test_a_health_port_in_use_refuses_to_start(tmp_path: Path) -> None:
    text = ".:0 {\nbind 127.0.0.1\nhealth 127.0.0.1:PORT\nwhoami\n}"
    async with serving(tmp_path, text.replace("PORT", "0")) as server:
        health = plugin_of(server, "health")
        assert isinstance(health, Health)
        other = tmp_path / "other"
        other.mkdir()
        with pytest.raises(PodnameError, match=r"http://127.0.0.1:.*in use"):
            await started(other, text.replace("PORT", str(health.endpoint.port)))


# ------------------------------------------------------------------------- faults


async def broken(_: Whoami, request: Request, __: Next) -> Reply:
    raise ZeroDivisionError(request.query.folded)


async def refusing(_: Whoami, __: Request, ___: Next) -> Reply:
    raise ServeError(5, "not for you")


@pytest.mark.parametrize("stacktrace", [False, True])
async def test_a_fault_is_servfail_counted_and_logged_with_one_traceback(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    stacktrace: bool,
) -> None:
    monkeypatch.setattr(Whoami, "serve", broken)
    errors = "errors {\nstacktrace\n}" if stacktrace else "errors"
    text = f".:0 {{\nbind 127.0.0.1\n{errors}\nprometheus 127.0.0.1:0\nwhoami\n}}"
    async with serving(tmp_path, text) as server:
        port = port_of(server)
        for _ in range(3):
            assert await addresses(port, "a.") == ["SERVFAIL"]
        prometheus = plugin_of(server, "prometheus")
        assert isinstance(prometheus, Prometheus)
        _, metrics = await get(prometheus.endpoint.port, "/metrics")
    faults = [record for record in caplog.records if record.name == "podname.server"]
    assert [record.exc_info is not None for record in faults] == [True, stacktrace, stacktrace]
    assert "Recovered from panic in server" in faults[0].getMessage()
    assert "coredns_panics_total 3.0" in metrics
    assert 'rcode="SERVFAIL",server="dns://127.0.0.1:0",view="",zone="dropped"} 3.0' in metrics


async def test_an_error_of_a_plugin_is_its_rcode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Whoami, "serve", refusing)
    async with serving(tmp_path, ".:0 {\nbind 127.0.0.1\nerrors\nwhoami\n}") as server:
        assert await addresses(port_of(server), "a.") == ["REFUSED"]
    assert "5 a. A: not for you" in [record.getMessage() for record in caplog.records]


async def test_an_alias_is_asked_of_the_whole_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def follows(_: Whoami, request: Request, __: Next) -> Reply:
        if request.query.folded == b"\x06circle\x01a\x00":
            return await request.upstream(request.query.packet, request.client)
        query = dns.message.make_query("web-1.default.pod.cluster.local", "A", id=0)
        reply = await request.upstream(query.to_wire(), request.client)
        assert reply is not None
        return request.query.packet[:2] + reply[2:]

    monkeypatch.setattr(Whoami, "serve", follows)
    text = f"""
        a.:0 {{
            bind 127.0.0.1
            whoami
        }}
        cluster.local:0 {{
            bind 127.0.0.1
            {kubernetes(tmp_path)}
        }}
    """
    async with serving(tmp_path, text) as server:
        assert await addresses(port_of(server), "a.") == ["10.0.0.7"]
        assert await addresses(port_of(server), "circle.a.") == ["SERVFAIL"], "they end somewhere"


async def test_lookups_that_branch_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0

    async def branches(_: Whoami, request: Request, __: Next) -> Reply:
        nonlocal asked
        asked += 1
        await request.upstream(request.query.packet, request.client)
        return await request.upstream(request.query.packet, request.client)

    monkeypatch.setattr(Whoami, "serve", branches)
    async with serving(tmp_path, "a.:0 {\nbind 127.0.0.1\nwhoami\n}") as server:
        assert await addresses(port_of(server), "a.") == ["SERVFAIL"]
    assert asked <= 65, "and not two to the power of eight"


async def test_a_forwarding_loop_ends_the_process(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ended = asyncio.Event()
    port = free_port()
    text = f".:{port} {{\nbind 127.0.0.1\nloop\nforward . 127.0.0.1:{port}\n}}"
    async with serving(tmp_path, text, ended.set), asyncio.timeout(5):
        await ended.wait()
    (message,) = [r.getMessage() for r in caplog.records if r.levelno == logging.CRITICAL]
    assert message.startswith("Loop (127.0.0.1:")


# ---------------------------------------------------------- what is seen from outside


async def test_queries_are_logged_and_counted_whoever_answers(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "podname.queries")
    text = f""".:0 {{
        bind 127.0.0.1
        log . "{{name}} {{rcode}}"
        prometheus 127.0.0.1:0
        {kubernetes(tmp_path)}
        whoami
    }}"""
    async with serving(tmp_path, text) as server:
        port = port_of(server)
        for name in ("web-1.default.pod.cluster.local.", "no.cluster.local.", "example.org."):
            await udp(port, name)
        prometheus = plugin_of(server, "prometheus")
        assert isinstance(prometheus, Prometheus)
        _, text = await get(prometheus.endpoint.port, "/metrics")
    assert [
        record.getMessage() for record in caplog.records if record.name == "podname.queries"
    ] == [
        "web-1.default.pod.cluster.local. NOERROR",
        "no.cluster.local. NXDOMAIN",
        "example.org. NOERROR",
    ]
    responses = {
        (sample.labels["rcode"], sample.labels["plugin"]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "coredns_dns_responses_total" and sample.labels["zone"] == "."
    }
    assert responses == {
        ("NOERROR", "kubernetes"): 1,
        ("NXDOMAIN", "kubernetes"): 1,
        ("NOERROR", "whoami"): 1,
    }
