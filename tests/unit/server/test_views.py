"""`view` and `metadata` in a whole server: which block gets a question, what is known of it, what is counted."""

from __future__ import annotations

import logging
from pathlib import Path

import dns.message
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.support.http import get
from tests.support.server import addresses, exchange, plugin_of, port_of, serving, udp
from tests.support.upstream import answering, scripted
from tests.unit.server.test_serving import kubernetes
from tests.unit.server.test_shadows import warnings

from podname.errors import CorefileError
from podname.plugins.prometheus.handler import Prometheus

WEB = "web-1.default.pod.cluster.local"


def hosts(address: str, name: str) -> str:
    return f"hosts /dev/null {{\n{address} {name}\n}}\n"


async def test_the_engine_answers_nothing_past_a_view(tmp_path: Path) -> None:
    text = f"""
        .:0 {{
            bind 127.0.0.1
            view aaaa {{
                expr type() == 'AAAA'
            }}
            {hosts("2001:db8::9", WEB)}
        }}
        .:0 {{
            bind 127.0.0.1
            {kubernetes(tmp_path)}
        }}
    """
    async with serving(tmp_path, text) as server:
        port = port_of(server)
        assert await addresses(port, WEB) == ["10.0.0.7"]
        assert await addresses(port, WEB, "AAAA") == ["2001:db8::9"]


async def test_a_zone_without_a_view_stays_the_engines_beside_one_that_has_one(
    tmp_path: Path,
) -> None:
    text = f"""
        example.org:0 {{
            bind 127.0.0.1
            view never {{
                expr false
            }}
            {hosts("192.0.2.1", "www.example.org")}
        }}
        .:0 {{
            bind 127.0.0.1
            {kubernetes(tmp_path)}
        }}
    """
    async with serving(tmp_path, text) as server:
        port = port_of(server)
        assert await addresses(port, WEB) == ["10.0.0.7"]
        assert server.engine.stats.misses == 0
        assert await addresses(port, "www.example.org") == ["SERVFAIL"], "the root block's"
        assert server.engine.stats.misses == 1


async def test_what_no_block_takes_is_refused_and_counted_as_dropped(tmp_path: Path) -> None:
    text = f"""
        example.org:0 {{
            bind 127.0.0.1
            prometheus localhost:0
            view some {{
                expr type() == 'AAAA'
            }}
            {hosts("2001:db8::1", "www.example.org")}
        }}
    """
    async with serving(tmp_path, text) as server:
        port = port_of(server)
        assert await addresses(port, "www.example.org") == ["REFUSED"]
        assert await addresses(port, "www.example.org", "AAAA") == ["2001:db8::1"]
        prometheus = plugin_of(server, "prometheus")
        assert isinstance(prometheus, Prometheus)
        _, text = await get(prometheus.endpoint.port, "/metrics")
        samples = [
            sample for family in text_string_to_metric_families(text) for sample in family.samples
        ]
        assert {
            (sample.labels["zone"], sample.labels["view"], sample.labels["rcode"])
            for sample in samples
            if sample.name == "coredns_dns_responses_total"
        } == {("dropped", "", "REFUSED"), ("example.org.", "some", "NOERROR")}
        assert {
            (sample.labels["name"], sample.labels["view"])
            for sample in samples
            if sample.name == "coredns_plugin_enabled"
        } == {("prometheus", "some"), ("hosts", "some"), ("view", "some")}


def viewed(view: str, address: str) -> str:
    """Return a block for the questions of one view that keeps answers of its own upstream."""
    return f"""
        .:0 {{
            bind 127.0.0.1
            view {view}
            cache
            acl {{
                block type TXT
            }}
            forward . {address}
        }}
    """


@pytest.mark.parametrize("names", [("small", "large"), ("same", "same")])
async def test_views_keep_their_answers_apart(tmp_path: Path, names: tuple[str, str]) -> None:
    """The blocks had one cache for all views: what one had kept was the answer in all."""
    first, second = (
        f"{name} {{\nexpr bufsize() {test} 1000\n}}" for name, test in zip(names, "<>", strict=True)
    )
    async with (
        scripted(answering("@ 60 A 192.0.2.1")) as one,
        scripted(answering("@ 60 A 192.0.2.2")) as two,
        serving(tmp_path, viewed(first, one.at) + viewed(second, two.at)) as server,
    ):
        for _ in range(2):
            for payload_octets, address in ((512, "192.0.2.1"), (1232, "192.0.2.2")):
                query = dns.message.make_query("www.example.org", "A", payload=payload_octets)
                reply = dns.message.from_wire(await exchange(port_of(server), query.to_wire()))
                assert str(reply.answer[0][0]) == address
        assert await addresses(port_of(server), "www.example.org", "TXT") == ["REFUSED"]
        assert server.configuration is not None
        samples = [
            (sample.name, sample.labels["view"], sample.value)
            for plugin in server.configuration.roster
            if plugin.name in {"cache", "acl"}
            for family in plugin.collect()
            for sample in family.samples
        ]
        for name in names:
            assert ("coredns_cache_hits_total", name, 1) in samples
        assert ("coredns_acl_blocked_requests_total", names[0], 1) in samples


async def test_an_expression_that_fails_is_false_and_counted(tmp_path: Path) -> None:
    text = f"""
        .:0 {{
            bind 127.0.0.1
            view bad {{
                expr incidr(name(), '10.0.0.0/8')
            }}
            {hosts("192.0.2.1", "www.example.org")}
        }}
        .:0 {{
            bind 127.0.0.1
            {hosts("192.0.2.2", "www.example.org")}
        }}
    """
    async with serving(tmp_path, text) as server:
        assert await addresses(port_of(server), "www.example.org") == ["192.0.2.2"]
        (family,) = plugin_of(server, "view").collect()
        assert [sample.value for sample in family.samples] == [1]


@pytest.mark.parametrize(
    ("view", "problem"),
    [
        ("view", "C:2:1: wrong argument count"),
        ("view a b", "wrong argument count"),
        ("view a {\nexpr\n}", "C:3:1: wrong argument count"),
        ("view a {\nexpr foo()\n}", "C:3:6: could not compile expression: unknown name foo"),
        ("view a {\nexpr type() == 1\n}", "C:3:6: could not compile expression: invalid operation"),
        ("view a {\nexpr name() matches '['\n}", "C:3:6: could not compile expression: '['"),
        ("view a {\nexp true\n}", "C:3:1: unknown property 'exp' of view"),
        ("view a\nview b", "C:3:1: "),
        ("metadata\nmetadata", "C:3:1: "),
        ("metadata {\nx\n}", "C:3:1: unknown property 'x' of metadata"),
        ("template IN A {\nvar x\n}", "C:3:5: wrong argument count"),
        ("template IN A {\nvar 1x 1\n}", "C:3:5: invalid variable name '1x'"),
        ("template IN A {\nvar len 1\n}", "C:3:5: variable name 'len' is reserved"),
        ("template IN A {\nvar x 1\nvar x 2\n}", "C:4:5: variable name 'x' is reserved"),
        ("template IN A {\nexpr x > 1\nvar x 2\n}", "C:3:6: could not compile expression: unknown"),
        ("template IN A {\nvar x group(1)\nexpr x > 1\n}", "C:4:6: could not compile expression"),
    ],
)
async def test_what_is_wrong_is_refused_with_its_place(view: str, problem: str) -> None:
    with pytest.raises(CorefileError) as caught:
        await warnings(f". {{\n{view}\nwhoami\n}}\n")
    assert problem in str(caught.value)


async def test_what_no_question_reaches_is_warned_of() -> None:
    assert await warnings(". {\nwhoami\n}\n. {\nview v {\nexpr name()\n}\nwhoami\n}\n") == [
        "C:6:6: this expression gives string, so it is never true",
        "C:4:1: no question reaches this server block: the one at C:1:1, before it and without 'view', gets them all",
    ]
    seen_first = ". {\nview v {\nexpr true\n}\nforward example.org 192.0.2.1\n}\n. {\nwhoami\n}\n"
    assert await warnings(seen_first) == []


@pytest.mark.parametrize("label", ["", "{/forward/upstream}"])
async def test_the_log_shows_metadata_whoever_answers(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, label: str
) -> None:
    shown = "{name} <{/kubernetes/namespace}|{/kubernetes/parse-error}|{/none/such}|" + label + ">"
    async with scripted(answering("@ 60 A 192.0.2.1")) as upstream:
        text = f"""
            .:0 {{
                bind 127.0.0.1
                metadata
                log . "{shown}"
                {kubernetes(tmp_path)}
                forward . {upstream.at}
            }}
        """
        with caplog.at_level(logging.INFO, "podname.queries"):
            async with serving(tmp_path, text) as server:
                port = port_of(server)
                assert await addresses(port, WEB) == ["10.0.0.7"]
                assert await addresses(port, "x.cluster.local") == ["NXDOMAIN"]
                assert await addresses(port, "www.example.org") == ["192.0.2.1"]
    nobody, somebody = ("-", upstream.at) if label else ("", "")
    lines = [record.getMessage() for record in caplog.records if " <" in record.getMessage()]
    assert sorted(lines) == [
        f"{WEB}. <default|-|-|{nobody}>",
        f"www.example.org. <-|-|-|{somebody}>",
        f"x.cluster.local. <-|invalid query name|-|{nobody}>",
    ]


async def test_kubernetes_knows_the_pod_that_asks_and_the_parts_of_a_name(tmp_path: Path) -> None:
    cluster = kubernetes(tmp_path).replace("}\n", "pods verified\n}\n")
    path = tmp_path / "cluster.yaml"
    path.write_text(path.read_text().replace("10.0.0.7", "127.0.0.1"))

    def shown(*labels: str) -> str:
        return " ".join(f'{{{{ .Meta \\"kubernetes/{label}\\" }}}}' for label in labels)

    parts = shown("kind", "namespace", "service", "endpoint", "protocol", "port-name")
    text = f"""
        .:0 {{
            bind 127.0.0.1
            metadata
            template IN TXT cluster.local {{
                answer "{{{{ .Name }}}} 60 IN TXT \\"{parts}\\" \\"{shown("client-pod-name", "client-namespace")}\\""
            }}
            {cluster}
        }}
    """
    async with serving(tmp_path, text) as server:
        for name, expected in (
            ("svc.cluster.local.", "     "),
            ("default.svc.cluster.local.", "svc default    "),
            ("web.default.svc.cluster.local.", "svc default web   "),
            ("e.web.default.svc.cluster.local.", "svc default web e  "),
            ("_http._tcp.web.default.svc.cluster.local.", "svc default web  tcp http"),
            ("a.b.c.web.default.svc.cluster.local.", "     "),
        ):
            reply = await udp(port_of(server), name, "TXT")
            assert f'"{expected}" "web-1 default"' in str(reply.answer[0]), name
