"""Forwarded answers that are cached: the engine repeats them, and they are counted and logged as if it had not."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import dns.message
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.support import borders
from tests.support.http import get
from tests.support.plugin import until
from tests.support.server import addresses, exchange, plugin_of, port_of, serving, tcp, udp, write
from tests.support.upstream import Replies, answering, scripted

from podname.dns.query import Query, parse
from podname.plugins.prometheus.handler import Prometheus
from podname.server.lifecycle import Server

RECORD = "@ 300 A 192.0.2.1"


def corefile(upstream: str, more: str = "") -> str:
    return (
        f".:0 {{\nbind 127.0.0.1\nerrors\nlog\nprometheus localhost:0\nforward . {upstream}\n"
        f"cache 30\nloadbalance\n{more}}}\n"
    )


async def scraped(server: Server) -> Callable[..., float]:
    """Return what asks for the sum of a metric's samples with these labels."""
    prometheus = plugin_of(server, "prometheus")
    assert isinstance(prometheus, Prometheus)
    _, body = await get(prometheus.endpoint.port, "/metrics")
    families = list(text_string_to_metric_families(body))

    def value(name: str, **labels: str) -> float:
        return sum(
            sample.value
            for family in families
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    return value


def misses(server: Server, fetched: int) -> bool:
    """Return whether so many questions, or none where the engine asks upstreams by itself, reached the plugins."""
    return server.engine.stats.misses == (0 if server.engine.name == "native" else fetched)


async def test_only_the_first_question_is_forwarded(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with (
        scripted(answering(RECORD)) as upstream,
        serving(tmp_path, corefile(upstream.at)) as server,
    ):
        port = port_of(server)
        for _ in range(3):
            assert await addresses(port, "www.example.org.") == ["192.0.2.1"]
        assert (await tcp(port, "WWW.example.org.")).answer[0].ttl == 30
        assert misses(server, 1)
        await until(lambda: len([r for r in caplog.records if r.name == "podname.queries"]) == 4)
        value = await scraped(server)
        assert value("coredns_cache_requests_total") == 4
        assert value("coredns_cache_hits_total", type="success") == 3
        assert value("coredns_cache_misses_total") == 1
        assert value("coredns_dns_requests_total", type="A", proto="udp") == 3
        assert value("coredns_dns_requests_total", type="A", proto="tcp") == 1
        assert value("coredns_dns_responses_total", plugin="cache", rcode="NOERROR") == 3
        assert value("coredns_dns_responses_total", plugin="forward", rcode="NOERROR") == 1
        assert value("coredns_dns_response_size_bytes_count") == 4
        name_octets = len("www.example.org.") + 1
        size = 12 + name_octets + 4 + name_octets + 14  # nothing is compressed
        assert value("coredns_dns_response_size_bytes_sum") == 4 * size
    assert len(upstream.asked) == 1


async def test_what_the_engine_fetched_is_served_stale_and_renewed(tmp_path: Path) -> None:
    said = [answering("@ 1 A 192.0.2.1")]

    def script(packet: bytes) -> Sequence[bytes] | Awaitable[Sequence[bytes]]:
        return said[0](packet)

    async def stale_or_new() -> dns.message.Message:
        return dns.message.from_wire(await exchange(port_of(server), packet))

    packet = dns.message.make_query("www.example.org.", "A", use_edns=0).to_wire()
    more = "cache {\nsuccess 1024 30 1\nserve_stale 1h immediate 77s\n}\n"
    async with (
        scripted(script) as upstream,
        serving(tmp_path, corefile(upstream.at, more).replace("cache 30\n", "")) as server,
    ):
        fresh = await stale_or_new()
        assert (fresh.answer[0].ttl, fresh.options) == (1, ())
        assert misses(server, 1)
        said[0] = answering(rcode=2)
        async with asyncio.timeout(5):
            while (stale := await stale_or_new()).answer[0].ttl != 77:
                assert stale.answer[0].ttl == 1
        assert stale.answer[0][0].to_text() == "192.0.2.1"
        assert [option.to_text() for option in stale.options] == ["EDE 3 (Stale Answer)"]
        said[0] = answering("@ 30 A 192.0.2.2")
        async with asyncio.timeout(5):
            while (new := await stale_or_new()).answer[0].ttl == 77:
                assert new.answer[0][0].to_text() == "192.0.2.1"
        assert (new.answer[0][0].to_text(), new.options) == ("192.0.2.2", ())
        before = server.engine.stats.misses
        await stale_or_new()
        value = await scraped(server)
        assert server.engine.stats.misses == before, "the engine repeats what is new"
        assert value("coredns_cache_served_stale_total") >= 1
        assert value("coredns_cache_entries", type="success") == 1
        assert value("coredns_cache_misses_total") == 1


async def test_with_prefetch_the_engine_fetches_and_the_plugin_answers(tmp_path: Path) -> None:
    more = "cache {\nprefetch 2 1m 90%\n}\n"
    async with (
        scripted(answering("@ 10 A 192.0.2.1")) as upstream,
        serving(tmp_path, corefile(upstream.at, more).replace("cache 30\n", "")) as server,
    ):
        port = port_of(server)
        await addresses(port, "www.example.org.")
        assert misses(server, 1)
        async with asyncio.timeout(5):
            while len(upstream.asked) == 1:  # until one of ten seconds is gone
                await addresses(port, "www.example.org.")
        value = await scraped(server)
        assert (
            value("coredns_cache_prefetch_total") >= 1
        )  # another may have begun before the first had its reply
        assert value("coredns_cache_misses_total") == 1
        assert value("coredns_cache_entries", type="success") == 1
        assert server.engine.stats.misses >= 2


async def test_a_reload_keeps_what_an_unchanged_cache_has(tmp_path: Path) -> None:
    async with (
        scripted(answering(RECORD)) as upstream,
        serving(tmp_path, corefile(upstream.at)) as server,
    ):
        await addresses(port_of(server), "a.test.")
        write(tmp_path, corefile(upstream.at, "whoami\n"))
        await server.reload()
        await addresses(port_of(server), "a.test.")
        assert misses(server, 1)
        write(tmp_path, corefile(upstream.at).replace("cache 30", "cache 60"))
        await server.reload()
        assert (await udp(port_of(server), "a.test.")).answer[0].ttl == 60
        assert misses(server, 2)
        write(tmp_path, corefile(upstream.at).replace("cache 30", ""))
        await server.reload()
        await addresses(port_of(server), "a.test.")
        assert misses(server, 3)
    assert len(upstream.asked) == 3


async def test_names_of_a_table_are_never_taken_from_the_cache(tmp_path: Path) -> None:
    (tmp_path / "hosts").write_text("192.0.2.7 node-1\n")
    hosts = "hosts hosts {\nfallthrough\nreload 0\n}\n"
    async with (
        scripted(answering(RECORD)) as upstream,
        serving(tmp_path, corefile(upstream.at, hosts)) as server,
    ):
        port = port_of(server)
        assert await addresses(port, "node-1.") == ["192.0.2.7"]
        assert await addresses(port, "node-2.") == ["192.0.2.1"]
        assert await addresses(port, "node-2.") == ["192.0.2.1"]
        assert misses(server, 1)


async def test_what_no_datagram_holds_is_cut_of_forwarded_answers(tmp_path: Path) -> None:
    def script(packet: bytes) -> Replies:
        query = parse(packet)
        assert isinstance(query, Query)
        return [borders.filled(query, int(query.name[1 : 1 + query.name[0]]))]

    text = ".:0 {{\nbind 127.0.0.1\nforward . {} {{\nforce_tcp\n}}\n}}\n"
    async with (
        scripted(script) as upstream,
        serving(tmp_path, text.format(upstream.at)) as server,
    ):
        for octets in borders.BORDER:
            query = dns.message.make_query(f"{octets}.test.", "NULL", use_edns=0, payload=65535)
            borders.check(await exchange(port_of(server), query.to_wire()), octets)
