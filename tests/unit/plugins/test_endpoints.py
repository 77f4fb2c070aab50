"""`health`, `ready`, `prometheus`: what they say over HTTP, alone and over a reload."""

from __future__ import annotations

import logging
import platform
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.parser import text_string_to_metric_families
from tests.support.http import get
from tests.support.plugin import ask, context, directives, link, question, samples

from podname import __version__
from podname.dns.query import Query, parse
from podname.dns.reply import deny
from podname.engine.base import EngineStats
from podname.engine.counters import Counters
from podname.errors import PodnameError, ServeError
from podname.plugins import http
from podname.plugins.base import Bound, Draft, Plugin, Reply, Request, Resources
from podname.plugins.errors.handler import Errors
from podname.plugins.health.handler import Health, HealthCounters
from podname.plugins.prometheus import setup as prometheus_setup
from podname.plugins.prometheus.collector import merged
from podname.plugins.prometheus.handler import Prometheus
from podname.plugins.ready import setup as ready_setup
from podname.plugins.ready.handler import Ready
from podname.runtime.http.endpoint import Endpoint


class Slow(Plugin):
    """Can answer when the test says so."""

    def __init__(self, name: str, *, ready: bool = False) -> None:
        self.name = name
        self.is_ready = ready

    def ready(self) -> bool:
        return self.is_ready


class FakeEngine:
    name = "python"

    def __init__(self) -> None:
        self.dropped = Counters()
        self.stats = EngineStats(misses=3, unsent=2)


@asynccontextmanager
async def running(resources: Resources, *plugins: Plugin) -> AsyncIterator[None]:
    for plugin in plugins:
        await plugin.start()
    try:
        yield
    finally:
        for plugin in plugins:
            await plugin.stop()
        for resource in resources.all():
            await resource.close()


def make_ready(resources: Resources, block: str = "", siblings: Sequence[Plugin] = ()) -> Ready:
    text = ".:53 {\nready 127.0.0.1:0 {\n" + block + "\n}\n}"
    plugin = ready_setup.setup(directives(text, "ready"), context(resources=resources))
    link(plugin, *siblings)
    return plugin


async def test_ready_names_who_is_not_until_all_are() -> None:
    resources, slow, slower = Resources(), Slow("kubernetes"), Slow("hosts")
    ready = make_ready(resources, siblings=[slow, slower])
    async with running(resources, ready):
        port = ready.endpoint.port
        assert await get(port, "/ready") == (503, "hosts,kubernetes")
        slower.is_ready = True
        assert await get(port, "/ready") == (503, "kubernetes")
        slow.is_ready = True
        assert await get(port, "/ready") == (200, "OK")
        slow.is_ready = False
        assert await get(port, "/ready") == (200, "OK"), "it has been ready"
        assert (await get(port, "/other"))[0] == 404
        await ready.drain()
        assert await get(port, "/ready") == (503, "Shutting down")


async def test_ready_continuously() -> None:
    resources, slow = Resources(), Slow("kubernetes", ready=True)
    ready = make_ready(resources, "monitor continuously", [slow])
    async with running(resources, ready):
        assert await get(ready.endpoint.port, "/ready") == (200, "OK")
        slow.is_ready = False
        assert await get(ready.endpoint.port, "/ready") == (503, "kubernetes")


async def test_two_blocks_report_together_and_a_reload_stays_ready() -> None:
    resources = Resources()
    here, there = Slow("kubernetes", ready=True), Slow("hosts")
    first = make_ready(resources, siblings=[here])
    second = make_ready(resources, siblings=[there])
    assert first.endpoint is second.endpoint
    async with running(resources, first, second):
        port = first.endpoint.port
        assert await get(port, "/ready") == (503, "hosts")
        there.is_ready = True
        assert await get(port, "/ready") == (200, "OK")

        next_resources, cold = Resources(resources), Slow("kubernetes")
        third = make_ready(next_resources, siblings=[cold])
        assert third.endpoint is first.endpoint
        await third.start()
        assert await get(port, "/ready") == (200, "OK"), "the old plugins still answer"
        await first.stop()
        await second.stop()
        assert await get(port, "/ready") == (503, "kubernetes")
        cold.is_ready = True
        assert await get(port, "/ready") == (200, "OK")
        await third.stop()


async def test_health_is_always_well_and_asks_itself() -> None:
    endpoint, counters = Endpoint("127.0.0.1", 0), HealthCounters()
    health = Health(endpoint, 0, counters)
    await health.start()
    assert await get(endpoint.port, "/health") == (200, "OK")
    await health.poll()
    assert sum(counters.durations.buckets) == 1
    assert counters.failures == 0
    await health.stop()
    await health.poll()  # nobody answers /health any more
    assert counters.failures == 1
    await endpoint.close()
    await health.poll()  # nobody listens
    assert counters.failures == 2
    shown = samples(health.collect())
    assert shown["coredns_health_request_duration_seconds_count",] == 3
    assert shown["coredns_health_request_failures_total",] == 2


async def test_lameduck_lasts_as_long_as_it_says(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "podname.plugins.health")
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    endpoint = Endpoint("127.0.0.1", 0)
    await Health(endpoint, 5, HealthCounters(), sleep).drain()
    await Health(endpoint, 0, HealthCounters(), sleep).drain()
    assert slept == [5]
    assert [r.getMessage() for r in caplog.records] == ["Going into lameduck mode for 5s"]


async def test_an_address_in_use_is_an_error_and_our_own_is_not() -> None:
    old = Resources()
    endpoint = http.claim(old, http.Address("127.0.0.1", 0))
    await endpoint.open()
    stranger = Endpoint("", endpoint.port)
    with pytest.raises(PodnameError, match=f"cannot listen on http://:{endpoint.port}: .*in use"):
        await stranger.open()
    # A reload from one address to every address, on the same port: both stand for a moment.
    wider = http.claim(Resources(old), http.Address("", endpoint.port))
    await wider.open()
    assert wider.port == endpoint.port
    await wider.close()
    await endpoint.close()


async def test_two_addresses_of_one_configuration_may_overlap() -> None:
    resources = Resources()
    endpoint = http.claim(resources, http.Address("127.0.0.1", 0))
    await endpoint.open()
    overlapping = http.claim(resources, http.Address("", endpoint.port))
    assert overlapping is not endpoint
    await overlapping.open()
    await overlapping.close()
    await endpoint.close()


def make_prometheus(resources: Resources, engine: FakeEngine, roster: list[Plugin]) -> Prometheus:
    house = context(["example.org."], resources=resources, engine=engine)  # type: ignore[arg-type]
    house.roster = roster
    text = ".:53 {\nprometheus 127.0.0.1:0\n}"
    plugin = prometheus_setup.setup(directives(text, "prometheus"), house)
    roster.append(plugin)
    return plugin


class Scrape:
    """What `/metrics` says: `scrape("name", label="value")`."""

    def __init__(self, text: str) -> None:
        self.samples = [
            s for family in text_string_to_metric_families(text) for s in family.samples
        ]

    def __call__(self, name: str, /, **labels: str) -> float:
        (value,) = [s.value for s in self.samples if s.name == name and s.labels == labels]
        return value


async def scrape(plugin: Prometheus) -> Scrape:
    status, text = await get(plugin.endpoint.port, "/metrics")
    assert status == 200
    return Scrape(text)


async def test_queries_of_the_chain_are_counted_under_coredns_names() -> None:
    resources, engine, roster = Resources(), FakeEngine(), list[Plugin]()
    plugin = make_prometheus(resources, engine, roster)
    packet = question("a.example.org.", want_dnssec=True)
    query = parse(packet)
    assert isinstance(query, Query)

    async def answers(request: Request) -> Reply:
        request.plugin = "forward"
        return deny(query, 3)

    async def fails(_: Request) -> Reply:
        raise ServeError(2)

    async with running(resources, plugin):
        await ask(plugin, packet, answers)
        await ask(plugin, packet, answers)
        with pytest.raises(ServeError):
            await ask(plugin, packet, fails)
        engine.dropped.tally("dns://:53", "dropped", "udp", 1).count(
            1, 5, "", request_octets=30, response_octets=30, seconds=0.1
        )
        shown = await scrape(plugin)
    block = {"server": "dns://:53", "zone": ".", "view": ""}
    udp = {**block, "proto": "udp"}
    dropped = {**block, "zone": "dropped"}
    assert shown("coredns_dns_requests_total", **udp, family="1", type="A") == 3
    assert shown("coredns_dns_do_requests_total", **block) == 3
    assert shown("coredns_dns_responses_total", **block, rcode="NXDOMAIN", plugin="forward") == 2
    assert shown("coredns_dns_responses_total", **block, rcode="SERVFAIL", plugin="") == 1
    assert shown("coredns_dns_responses_total", **dropped, rcode="REFUSED", plugin="") == 1
    assert shown("coredns_dns_request_size_bytes_count", **udp) == 3
    assert shown("coredns_dns_response_size_bytes_bucket", **udp, le="100") == 3
    assert shown("coredns_dns_request_duration_seconds_count", **block) == 3
    assert shown("coredns_dns_request_duration_seconds_bucket", **block, le="8.192") == 3
    assert shown("coredns_panics_total") == 0
    build = {"version": f"podname-{__version__}", "revision": "", "goversion": ""}
    assert shown("coredns_build_info", **build) == 1
    python = platform.python_version()
    assert shown("podname_engine_misses_total") == 3
    assert shown("podname_engine_unsent_total") == 2
    assert shown("podname_build_info", version=__version__, engine="python", python=python) == 1
    assert shown("process_resident_memory_bytes") > 0


async def test_a_plan_gets_the_counters_and_a_reload_keeps_them() -> None:
    resources, engine = Resources(), FakeEngine()
    first, second = Draft(), Draft()
    make_prometheus(resources, engine, []).plan(first)
    make_prometheus(Resources(resources), engine, []).plan(second)
    assert first.counters is not None
    assert first.counters is second.counters


class Counting(Plugin):
    def __init__(self, *metrics: Metric) -> None:
        self.name = "counting"
        self.metrics = metrics

    def collect(self) -> Sequence[Metric]:
        if not self.metrics:
            raise RuntimeError("no metrics today")
        return self.metrics


async def test_plugins_of_every_block_are_shown_and_one_fault_costs_no_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    resources, engine, roster = Resources(), FakeEngine(), list[Plugin]()
    plugin = make_prometheus(resources, engine, roster)
    link(plugin, Errors(), Slow("health"))
    plugin.bound([Bound("example.org.", "", 53), Bound("a.", "::1", 5353)])
    roster += [Counting(), Counting(GaugeMetricFamily("mine", "help", value=7))]
    async with running(resources, plugin):
        shown = await scrape(plugin)
    assert shown("mine") == 7
    enabled = {"server": "dns://:53", "zone": "example.org.", "view": "", "name": "errors"}
    assert shown("coredns_plugin_enabled", **enabled) == 1
    enabled = {"server": "dns://[::1]:5353", "zone": "a.", "view": "", "name": "prometheus"}
    assert shown("coredns_plugin_enabled", **enabled) == 1
    names = {s.labels["name"] for s in shown.samples if s.name == "coredns_plugin_enabled"}
    assert names == {"errors", "prometheus"}, "health sees no query"
    assert "The metrics of plugin 'counting' are missing" in caplog.text


def test_families_of_one_name_become_one() -> None:
    histogram = HistogramMetricFamily("h", "help", buckets=[("1", 2), ("+Inf", 3)], sum_value=5)
    families = merged(
        [
            CounterMetricFamily("c", "help", value=1),
            GaugeMetricFamily("g", "help", value=1),
            histogram,
            CounterMetricFamily("c", "help", value=2),
            GaugeMetricFamily("g", "help", value=4),
            histogram,
        ]
    )
    assert [family.name for family in families] == ["c", "g", "h"]
    assert samples(families) == {
        ("c_total",): 3,
        ("g",): 4,
        ("h_bucket", "1"): 4,
        ("h_bucket", "+Inf"): 6,
        ("h_count",): 6,
        ("h_sum",): 10,
    }
