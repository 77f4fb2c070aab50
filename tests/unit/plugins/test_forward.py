"""`forward` at work, against name servers on loopback that do what the test says."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager

import dns.flags
import dns.message
import dns.rcode
import pytest
from tests.support.plugin import (
    CLIENT,
    TCP_CLIENT,
    ask,
    context,
    directives,
    question,
    samples,
    until,
)
from tests.support.upstream import (
    Script,
    ScriptedUpstream,
    answering,
    free_port,
    response,
    scripted,
)

from podname.dns import constants as c
from podname.dns import names
from podname.engine.base import Code
from podname.errors import ServeError
from podname.plugins.base import Draft, Reply, Request
from podname.plugins.forward.forwarder import Forwarder
from podname.plugins.forward.handler import Forward
from podname.plugins.forward.setup import setup
from podname.plugins.forward.udp import UdpPool
from podname.plugins.forward.upstream import Upstream

ADDRESS = answering("@ 30 A 192.0.2.1")


@asynccontextmanager
async def forwarding(*lines: str) -> AsyncIterator[Forward]:
    """Run `forward` directives, each given without the word itself."""
    text = ".:53 {\n" + "\n".join(f"forward {line}" for line in lines) + "\n}"
    house = context()
    plugin = setup(directives(text, "forward"), house)
    try:
        yield plugin
    finally:
        for resource in house.resources.all():
            await resource.close()


@asynccontextmanager
async def forwarding_to(
    script: Script, options: str = ""
) -> AsyncIterator[tuple[Forward, ScriptedUpstream]]:
    async with (
        scripted(script) as upstream,
        forwarding(f". {upstream.at} {block(options)}") as plugin,
    ):
        yield plugin, upstream


def block(options: str) -> str:
    return "{\n" + options.replace("; ", "\n") + "\n}" if options else ""


def sockets_of(plugin: Forward) -> UdpPool:
    pool = plugin.forwarders[0].upstreams[0].udp
    assert pool is not None
    return pool


def read(reply: Reply) -> dns.message.Message:
    assert reply is not None
    return dns.message.from_wire(reply)


def addresses(reply: Reply) -> list[str]:
    return [str(rr) for rrset in read(reply).answer for rr in rrset]


async def passed_on(_: Request) -> Reply:
    raise ServeError(c.NOTIMP, "passed on")


async def refusal(answer: Awaitable[Reply]) -> ServeError:
    with pytest.raises(ServeError) as caught:
        await answer
    return caught.value


# What goes up and what comes down


async def test_the_answer_comes_back_under_the_clients_id_and_case() -> None:
    async with forwarding_to(ADDRESS) as (plugin, upstream):
        packet = question("ExAmPlE.oRg.")
        reply = read(await ask(plugin, packet))
        assert reply.id == int.from_bytes(packet[:2], "big")
        assert str(reply.question[0].name) == "ExAmPlE.oRg."
        assert [str(rr) for rr in reply.answer[0]] == ["192.0.2.1"]
        sent = upstream.asked[0].packet
        assert sent[2:] == packet[2:]


async def test_an_upstream_that_folds_the_case_does_not_show() -> None:
    def folding(packet: bytes) -> Sequence[bytes]:
        return [response(packet[:2] + packet[2:].lower(), "@ 30 A 192.0.2.1")]

    async with forwarding_to(folding) as (plugin, _):
        reply = await ask(plugin, question("ExAmPlE.oRg."))
        assert str(read(reply).question[0].name) == "ExAmPlE.oRg."


async def test_ids_and_ports_are_no_pattern() -> None:
    gate = asyncio.Event()

    async def late(packet: bytes) -> Sequence[bytes]:
        await gate.wait()
        return ADDRESS(packet)  # type: ignore[return-value]

    async with forwarding_to(late) as (plugin, upstream):
        packet = question()
        asking = [asyncio.ensure_future(ask(plugin, packet)) for _ in range(40)]
        await until(lambda: len(upstream.asked) == 40)
        gate.set()
        await asyncio.gather(*asking)
        ids = {asked.packet[:2] for asked in upstream.asked}
        assert len(ids) > 35
        assert packet[:2] not in ids or len(ids) > 38
        assert len({asked.port for asked in upstream.asked}) == 40


async def test_edns_goes_up_as_it_came_and_opt_stays_behind() -> None:
    async with forwarding_to(ADDRESS) as (plugin, upstream):
        packet = question(want_dnssec=True, payload=1232)
        reply = read(await ask(plugin, packet))
        sent = dns.message.from_wire(upstream.asked[0].packet)
        assert (sent.edns, sent.payload, sent.ednsflags & dns.flags.DO) == (0, 1232, dns.flags.DO)
        assert reply.edns == -1
        assert addresses(reply.to_wire()) == ["192.0.2.1"]


async def test_records_behind_opt_survive_it() -> None:
    def opt_first(packet: bytes) -> Sequence[bytes]:
        message = dns.message.from_wire(response(packet, "@ 30 A 192.0.2.1"))
        extra = dns.rrset.from_text("x.example.org.", 30, "IN", "A", "192.0.2.2")
        wire: bytes = message.to_wire()
        more = (
            extra.name.to_wire() or b""
        ) + b"\x00\x01\x00\x01\x00\x00\x00\x1e\x00\x04\xc0\x00\x02\x02"
        assert wire[10:12] == b"\x00\x01"
        return [wire[:10] + b"\x00\x02" + wire[12:] + more]

    async with forwarding_to(opt_first) as (plugin, _):
        reply = read(await ask(plugin, question(use_edns=True, payload=1232)))
        assert [str(rrset.name) for rrset in reply.additional] == ["x.example.org."]


@pytest.mark.parametrize("rcode", [0, 2, 3, 5])
async def test_whatever_the_upstream_decides_is_the_answer(rcode: int) -> None:
    script = answering("authority:org. 60 SOA a. b. 1 2 3 4 5", rcode=rcode)
    async with forwarding_to(script) as (plugin, upstream):
        reply = read(await ask(plugin, question()))
        assert reply.rcode() == rcode
        assert [str(rrset.name) for rrset in reply.authority] == ["org."]
        assert len(upstream.asked) == 1


async def test_a_truncated_reply_is_passed_on_as_it_is() -> None:
    async with forwarding_to(answering(flags=dns.flags.TC)) as (plugin, upstream):
        assert read(await ask(plugin, question())).flags & dns.flags.TC
        assert [asked.protocol for asked in upstream.asked] == ["udp"]


# UDP and TCP


@pytest.mark.parametrize(
    ("options", "tcp_client", "protocols"),
    [
        ("", False, ["udp"]),
        ("", True, ["tcp"]),
        ("force_tcp", False, ["tcp"]),
        ("prefer_udp", True, ["udp"]),
        ("prefer_udp; force_tcp", False, ["tcp"]),
    ],
)
async def test_the_upstream_is_asked_the_way_the_client_asked(
    options: str, tcp_client: bool, protocols: list[str]
) -> None:
    async with forwarding_to(ADDRESS, options) as (plugin, upstream):
        client = TCP_CLIENT if tcp_client else CLIENT
        assert addresses(await ask(plugin, question(), client=client)) == ["192.0.2.1"]
        assert [asked.protocol for asked in upstream.asked] == protocols


async def test_prefer_udp_asks_again_over_tcp_when_truncated() -> None:
    def truncating(packet: bytes) -> Sequence[bytes]:
        flags = dns.flags.TC if upstream.asked[-1].protocol == "udp" else 0
        return [response(packet, flags=flags)]

    async with forwarding_to(truncating, "prefer_udp") as (plugin, upstream):
        assert not read(await ask(plugin, question(), client=TCP_CLIENT)).flags & dns.flags.TC
        assert [asked.protocol for asked in upstream.asked] == ["udp", "tcp"]


async def test_connections_are_used_again() -> None:
    async with forwarding_to(ADDRESS) as (plugin, upstream):
        for _ in range(3):
            await ask(plugin, question(), client=TCP_CLIENT)
            await ask(plugin, question())
        assert upstream.connections == 1
        assert len({asked.port for asked in upstream.asked}) == 2
        label = ("forward", upstream.at)
        found = samples(plugin.collect())
        assert found["coredns_proxy_conn_cache_hits_total", *label, "tcp"] == 2
        assert found["coredns_proxy_conn_cache_misses_total", *label, "udp"] == 1


async def test_a_connection_that_the_upstream_closed_costs_nothing() -> None:
    async with forwarding_to(ADDRESS, "max_connect_attempts 1") as (plugin, upstream):
        for _ in range(3):
            assert addresses(await ask(plugin, question(), client=TCP_CLIENT)) == ["192.0.2.1"]
            upstream.hang_up()
        assert upstream.connections == 3


async def test_a_connection_closed_on_a_question_is_tried_anew() -> None:
    def moody(packet: bytes) -> Sequence[bytes]:
        if len(upstream.asked) == 2:
            upstream.hang_up()
            return []
        return [response(packet, "@ 30 A 192.0.2.1")]

    async with forwarding_to(moody, "max_connect_attempts 1") as (plugin, upstream):
        for _ in range(2):
            assert addresses(await ask(plugin, question(), client=TCP_CLIENT)) == ["192.0.2.1"]
        assert len(upstream.asked) == 3


@pytest.mark.parametrize(
    "options", ["expire 0s", "max_idle_conns 1; expire 0s", "max_age 1ns; expire 0s"]
)
async def test_old_connections_are_not_used_again(options: str) -> None:
    async with forwarding_to(ADDRESS, options) as (plugin, upstream):
        for _ in range(3):
            await ask(plugin, question(), client=TCP_CLIENT)
        assert upstream.connections == 3


async def test_idle_connections_are_limited() -> None:
    gate = asyncio.Event()

    async def late(packet: bytes) -> Sequence[bytes]:
        await gate.wait()
        return ADDRESS(packet)  # type: ignore[return-value]

    async with forwarding_to(late, "max_idle_conns 2") as (plugin, upstream):
        asking = [asyncio.ensure_future(ask(plugin, question())) for _ in range(5)]
        await until(lambda: len(upstream.asked) == 5)
        gate.set()
        await asyncio.gather(*asking)
        assert len(sockets_of(plugin)) == 2


async def test_many_questions_share_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("podname.plugins.forward.udp.SOCKETS_MOST", 2)
    gate = asyncio.Event()

    async def late(packet: bytes) -> Sequence[bytes]:
        await gate.wait()
        name = dns.message.from_wire(packet).question[0].name
        return [response(packet, f"@ 1 A 192.0.2.{name.labels[0].decode()}")]

    async with forwarding_to(late) as (plugin, upstream):
        asking = [
            asyncio.ensure_future(ask(plugin, question(f"{number}.example.org.")))
            for number in range(20)
        ]
        await until(lambda: len(upstream.asked) == 20)
        gate.set()
        found = await asyncio.gather(*asking)
        assert [addresses(reply) for reply in found] == [[f"192.0.2.{n}"] for n in range(20)]
        assert len({asked.port for asked in upstream.asked}) == 2
        pool = sockets_of(plugin)
        assert len(pool) == 2
        asking = [asyncio.ensure_future(ask(plugin, question("7."))) for _ in range(20)]
        await asyncio.gather(*asking)
        assert len(pool) == 2


async def test_a_question_that_nobody_wants_any_more_leaves_nothing() -> None:
    async with forwarding_to(lambda _: []) as (plugin, upstream):
        asking = asyncio.ensure_future(ask(plugin, question()))
        await until(lambda: len(upstream.asked) == 1)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        pool = sockets_of(plugin)
        assert (len(pool), len(pool._busy), plugin.forwarders[0].under_way) == (0, 0, 0)


async def test_source_address() -> None:
    async with (
        scripted(ADDRESS) as upstream,
        forwarding(f". {upstream.at} {{\nsource_address 127.0.0.1\n}}") as plugin,
    ):
        await ask(plugin, question())
        await ask(plugin, question(), client=TCP_CLIENT)
        assert len(upstream.asked) == 2


# Which names


async def test_the_first_directive_that_covers_the_name_answers() -> None:
    async with (
        scripted(answering("@ 1 A 192.0.2.1")) as one,
        scripted(answering("@ 1 A 192.0.2.2")) as two,
        forwarding(f"lab.example.org {one.at}", f"example.org {two.at}") as plugin,
    ):
        assert addresses(await ask(plugin, question("x.LAB.example.org."))) == ["192.0.2.1"]
        assert addresses(await ask(plugin, question("example.org."))) == ["192.0.2.2"]
        error = await refusal(ask(plugin, question("notexample.org."), passed_on))
        assert error.rcode == c.NOTIMP


@pytest.mark.parametrize(
    ("name", "forwarded"),
    [
        ("a.example.org.", True),
        ("example.org.", True),
        ("b.a.x.example.org.", False),
        ("x.example.org.", False),
    ],
)
async def test_except(name: str, forwarded: bool) -> None:
    async with (
        scripted(ADDRESS) as upstream,
        forwarding(
            f"example.org {upstream.at} {{\nexcept x.example.org example.org\n}}"
            if name == "example.org."
            else f"example.org {upstream.at} {{\nexcept x.example.org\n}}"
        ) as plugin,
    ):
        if forwarded:
            assert addresses(await ask(plugin, question(name))) == ["192.0.2.1"]
        else:
            assert (await refusal(ask(plugin, question(name), passed_on))).rcode == c.NOTIMP


async def test_the_engine_hands_over_what_is_forwarded() -> None:
    async with forwarding("a.test 127.0.0.1", ". 127.0.0.1") as plugin:
        draft = Draft()
        plugin.plan(draft)
        assert draft.layers == [Code((names.from_text("a.test"),)), Code((names.ROOT,))]
        assert 255 in draft.classes  # stands for every class


@pytest.mark.parametrize("option", ["next NXDOMAIN", "next_on_nodata"])
async def test_next_asks_the_next_forward(option: str) -> None:
    rcode = 3 if option.endswith("NXDOMAIN") else 0
    async with (
        scripted(answering(rcode=rcode)) as one,
        scripted(ADDRESS) as two,
        forwarding(f". {one.at} {{\n{option}\n}}", f". {two.at}") as plugin,
    ):
        assert addresses(await ask(plugin, question())) == ["192.0.2.1"]


async def test_next_is_ignored_by_the_last_forward() -> None:
    async with forwarding_to(answering(rcode=3), "next NXDOMAIN") as (plugin, _):
        assert read(await ask(plugin, question(), passed_on)).rcode() == 3


# Trouble


async def test_a_dead_upstream_is_seen_at_once_and_the_next_one_asked() -> None:
    async with (
        scripted(ADDRESS) as upstream,
        forwarding(
            f". 127.0.0.1:{free_port()} {upstream.at} {{\npolicy sequential\nread_timeout 1h\n}}"
        ) as plugin,
    ):
        async with asyncio.timeout(1):
            assert addresses(await ask(plugin, question())) == ["192.0.2.1"]
            assert addresses(await ask(plugin, question(), client=TCP_CLIENT)) == ["192.0.2.1"]


async def test_all_dead_is_servfail_with_the_reason() -> None:
    port = free_port()
    async with forwarding(f". 127.0.0.1:{port}") as plugin:
        error = await refusal(ask(plugin, question()))
        assert error.rcode == c.SERVFAIL
        assert f"127.0.0.1:{port}" in str(error)
        assert "refused" in str(error)


@pytest.mark.parametrize(("attempts", "asked"), [("", 2), ("max_connect_attempts 3", 3)])
async def test_silence_is_asked_a_few_times(attempts: str, asked: int) -> None:
    options = f"read_timeout 1ms; max_fails 0; {attempts}"
    async with forwarding_to(lambda _: [], options) as (plugin, upstream):
        error = await refusal(ask(plugin, question()))
        assert error.rcode == c.SERVFAIL
        assert re.fullmatch(rf"read udp 127\.0\.0\.1:\d+->{upstream.at}: i/o timeout", str(error))
        await until(lambda: len(upstream.asked) == asked)


async def test_no_limit_of_attempts_ends_with_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("podname.plugins.forward.forwarder.TOTAL_SECONDS_MOST", 0.02)
    options = "read_timeout 1ms; max_fails 0; max_connect_attempts 0"
    async with forwarding_to(lambda _: [], options) as (plugin, upstream):
        async with asyncio.timeout(1):
            assert (await refusal(ask(plugin, question()))).rcode == c.SERVFAIL
        assert len(upstream.asked) > 3


async def test_a_late_reply_meets_nobody() -> None:
    gate = asyncio.Event()

    async def late(packet: bytes) -> Sequence[bytes]:
        if len(upstream.asked) == 1:
            await gate.wait()
        return [response(packet, f"@ 1 A 192.0.2.{len(upstream.asked)}")]

    async with forwarding_to(late, "read_timeout 20ms; max_fails 0") as (plugin, upstream):
        assert addresses(await ask(plugin, question())) == ["192.0.2.2"]
        gate.set()
        assert addresses(await ask(plugin, question())) == ["192.0.2.3"]


async def test_max_concurrent_refuses_what_is_too_much() -> None:
    gate = asyncio.Event()

    async def late(packet: bytes) -> Sequence[bytes]:
        await gate.wait()
        return ADDRESS(packet)  # type: ignore[return-value]

    async with forwarding_to(late, "max_concurrent 2") as (plugin, upstream):
        asking = [asyncio.ensure_future(ask(plugin, question())) for _ in range(2)]
        await until(lambda: len(upstream.asked) == 2)
        error = await refusal(ask(plugin, question()))
        assert (error.rcode, str(error)) == (c.REFUSED, "concurrent queries exceeded maximum 2")
        gate.set()
        await asyncio.gather(*asking)
        assert addresses(await ask(plugin, question())) == ["192.0.2.1"]
        assert samples(plugin.collect())["coredns_forward_max_concurrent_rejects_total",] == 1


async def test_an_upstream_that_fails_is_checked_until_it_answers() -> None:
    def script(packet: bytes) -> Sequence[bytes]:
        return [response(packet, rcode=5)] if awake.is_set() else []

    awake = asyncio.Event()
    options = "read_timeout 1ms; max_fails 1; health_check 1ms no_rec domain example.net"
    async with forwarding_to(script, options) as (plugin, upstream):
        health = plugin.forwarders[0].upstreams[0].health
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("podname.plugins.forward.health._TIMEOUT_SECONDS", 0.001)
            await refusal(ask(plugin, question()))
            await until(lambda: health.fails > 1)
            error = await refusal(
                ask(plugin, question())
            )  # all are down: one is asked all the same
            assert str(error).endswith("i/o timeout")
        found = samples(plugin.collect())
        assert found["coredns_proxy_healthcheck_failures_total", "forward", upstream.at] > 1
        assert found["coredns_forward_healthcheck_broken_total",] == 1
        awake.set()
        await until(lambda: health.fails == 0)
        checks = [dns.message.from_wire(a.packet) for a in upstream.asked]
        check = next(m for m in checks if str(m.question[0].name) == "example.net.")
        assert str(check.question[0]) == "example.net. IN NS"
        assert not check.flags & dns.flags.RD


async def test_failfast_asks_nobody_when_all_are_down() -> None:
    async with forwarding_to(ADDRESS, "failfast_all_unhealthy_upstreams") as (plugin, upstream):
        plugin.forwarders[0].upstreams[0].health.fails = 3
        error = await refusal(ask(plugin, question()))
        assert (error.rcode, str(error)) == (c.SERVFAIL, "no healthy proxies")
        assert upstream.asked == []


async def test_an_upstream_that_is_down_is_left_out() -> None:
    async with (
        scripted(ADDRESS) as one,
        scripted(ADDRESS) as two,
        forwarding(f". {one.at} {two.at} {{\npolicy sequential\n}}") as plugin,
    ):
        plugin.forwarders[0].upstreams[0].health.fails = 3
        await ask(plugin, question())
        assert (len(one.asked), len(two.asked)) == (0, 1)


@pytest.mark.parametrize(("second", "rcode"), [(ADDRESS, 0), (answering(rcode=5), 5)])
async def test_failover_asks_the_others_and_gives_the_last_answer(
    second: Script, rcode: int
) -> None:
    async with (
        scripted(answering(rcode=2)) as one,
        scripted(second) as two,
        forwarding(
            f". {one.at} {two.at} {{\npolicy sequential\nfailover SERVFAIL REFUSED\n}}"
        ) as plugin,
    ):
        assert read(await ask(plugin, question())).rcode() == rcode
        assert (len(one.asked), len(two.asked)) == (1, 1)


@pytest.mark.parametrize(
    ("policy", "first"),
    [("sequential", [0, 0, 0, 0, 0, 0]), ("round_robin", [1, 2, 0, 1, 2, 0])],
)
def test_policies_that_are_certain(policy: str, first: list[int]) -> None:
    plugin = setup(
        directives(
            f". {{\nforward . 10.0.0.1 10.0.0.2 10.0.0.3 {{\npolicy {policy}\n}}\n}}", "forward"
        ),
        context(),
    )
    forwarder = plugin.forwarders[0]
    assert [forwarder.upstreams.index(first_of(forwarder)) for _ in first] == first


def test_the_random_policy_gives_everyone_a_share() -> None:
    plugin = setup(directives(". {\nforward . 10.0.0.1 10.0.0.2 10.0.0.3\n}", "forward"), context())
    forwarder = plugin.forwarders[0]
    assert {first_of(forwarder).label for _ in range(200)} == {
        up.label for up in forwarder.upstreams
    }


def first_of(forwarder: Forwarder) -> Upstream:
    return next(iter(forwarder._candidates()))


async def test_durations_are_counted_by_rcode() -> None:
    async with forwarding_to(answering(rcode=3)) as (plugin, upstream):
        await ask(plugin, question())
        found = samples(plugin.collect())
        labels = ("forward", upstream.at, "NXDOMAIN")
        assert found["coredns_proxy_request_duration_seconds_count", *labels] == 1
        assert found["coredns_proxy_request_duration_seconds_bucket", *labels, "+Inf"] == 1
        assert 0 < found["coredns_proxy_request_duration_seconds_sum", *labels] < 5


async def test_a_reload_keeps_connections_and_lets_go_of_what_went() -> None:
    async with scripted(ADDRESS) as upstream:
        text = f". {{\nforward . {upstream.at}\n}}"
        before = context()
        await ask(setup(directives(text, "forward"), before), question())
        same = context(resources=type(before.resources)(before.resources))
        await ask(setup(directives(text, "forward"), same), question())
        assert same.resources.unclaimed() == []
        assert len({asked.port for asked in upstream.asked}) == 1
        other = context(resources=type(before.resources)(same.resources))
        setup(directives(text.replace("\n}", " {\nmax_fails 9\nexpire 1m\n}\n}"), "forward"), other)
        gone = other.resources.unclaimed()
        assert len([each for each in gone if isinstance(each, Upstream)]) == 1
        for resource in (*gone, *other.resources.all()):
            await resource.close()


async def test_closing_waits_for_the_question_under_way() -> None:
    gate = asyncio.Event()

    async def late(packet: bytes) -> Sequence[bytes]:
        await gate.wait()
        return ADDRESS(packet)  # type: ignore[return-value]

    async with forwarding_to(late) as (plugin, upstream):
        asking = asyncio.ensure_future(ask(plugin, question()))
        await until(lambda: len(upstream.asked) == 1)
        closing = asyncio.ensure_future(plugin.forwarders[0].upstreams[0].close())
        gate.set()
        assert addresses(await asking) == ["192.0.2.1"]
        await closing
