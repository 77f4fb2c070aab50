"""`cache`: what goes before what when answers are stale, why a client is told so, and how much room there is."""

from __future__ import annotations

from collections.abc import Callable

import dns.edns
import dns.message
import dns.rcode
import pytest
from tests.support.plugin import ask, question, samples, until
from tests.unit.plugins.test_cache import SOA, A, Chain, Clock, cache, left, read, ttls

from podname.dns import constants as c
from podname.dns.edns import extended_error
from podname.dns.query import Query, parse
from podname.dns.reply import build, finish
from podname.plugins.base import Reply, Request
from podname.plugins.cache.handler import Cache
from podname.plugins.cache.options import LimitOptions, Options
from podname.plugins.cache.store import Store

PREFERRING = "cache {{\nservfail 20s\nserve_stale 1h {}\nserve_stale_policy prefer_positive\n}}"
OTHER = "@ 300 A 192.0.2.2"


async def settled(plugin: Cache, chain: Chain, packet: bytes = b"") -> dns.message.Message:
    """Ask, and wait for what is fetched in the background."""
    reply = read(await ask(plugin, packet or question(), chain))
    await until(lambda: not plugin._refresher._tasks)
    return reply


def text(reply: dns.message.Message) -> str:
    return reply.answer[0][0].to_text() if reply.answer else dns.rcode.to_text(reply.rcode())


# Extended errors


@pytest.mark.parametrize(("record", "rcode", "code"), [(A, 0, 3), (SOA, 0, 3), (SOA, 3, 19)])
async def test_a_client_is_told_that_an_answer_is_stale(record: str, rcode: int, code: int) -> None:
    clock, packet = Clock(), question(use_edns=0)
    query = parse(packet)
    assert isinstance(query, Query)
    plugin, chain = cache("cache {\nserve_stale\n}", clock), Chain(record, rcode=rcode)
    first = await ask(plugin, packet, chain)
    clock.seconds += 1800
    stale = await ask(plugin, packet, chain)
    assert first is not None
    assert stale is not None
    assert not read(finish(query, first, 1232)).options
    (option,) = read(finish(query, stale, 1232)).options
    assert isinstance(option, dns.edns.EDEOption)
    assert option.code == code
    plain = parse(question())
    assert isinstance(plain, Query)
    assert read(finish(plain, stale, 512)).edns == -1
    await plugin.stop()


async def test_what_a_plugin_tells_one_client_passes_and_is_not_kept() -> None:
    async def next_(request: Request) -> Reply:
        return build(request.query, additional=[extended_error(23)], rcode=c.SERVFAIL)

    plugin = cache()
    first = read(await ask(plugin, question(), next_))
    assert [option.otype for option in first.options] == [dns.edns.OptionType.EDE]
    again = read(await ask(plugin, question(), next_))
    assert (again.rcode(), again.edns) == (dns.rcode.SERVFAIL, -1)


# A denial does not stand before an answer


@pytest.mark.parametrize(("records", "rcode"), [([SOA], 3), ([SOA], 0), ([], 2), ([], 4)])
@pytest.mark.parametrize("mode", ["immediate", "verify", "verify 1h"])
async def test_a_denial_leaves_the_good_answer(records: list[str], rcode: int, mode: str) -> None:
    clock = Clock()
    plugin, chain = cache(PREFERRING.format(mode), clock), Chain(A)
    await settled(plugin, chain)
    clock.seconds += 300
    chain.records, chain.rcode = tuple(records), rcode
    for asked in (2, 3):
        assert text(await settled(plugin, chain)) == "192.0.2.1"
        assert len(chain.asked) == asked, "it is asked for each time"
    assert len(plugin.store.denial) == 1
    clock.seconds += 3600 - 1
    chain.records, chain.rcode = (OTHER,), 0
    if mode == "immediate":
        assert text(await settled(plugin, chain)) == "192.0.2.1"
    assert text(await settled(plugin, chain)) == "192.0.2.2"
    assert len(plugin.store.denial) == 0, "a good answer takes the denial out"


async def test_after_the_stale_time_the_denial_counts() -> None:
    clock = Clock()
    text_ = PREFERRING.format("immediate").replace("1h", "10s")
    plugin, chain = cache(text_, clock), Chain("@ 30 A 192.0.2.1")
    await settled(plugin, chain)
    clock.seconds += 30
    chain.records, chain.rcode = (SOA,), 3
    assert text(await settled(plugin, chain)) == "192.0.2.1"
    clock.seconds += 10
    assert text(await settled(plugin, chain)) == "NXDOMAIN"
    assert len(chain.asked) == 2


@pytest.mark.parametrize(
    "records",
    [[], ["authority:org. 300 NS ns.org."]],
    ids=["empty", "delegation"],
)
async def test_what_answers_nothing_does_not_take_its_place(records: list[str]) -> None:
    clock = Clock()
    plugin, chain = cache(PREFERRING.format("immediate"), clock), Chain(A)
    await settled(plugin, chain)
    clock.seconds += 300
    chain.records = tuple(records)
    for _ in range(3):
        assert text(await settled(plugin, chain)) == "192.0.2.1"
    chain.records = (OTHER,)
    await settled(plugin, chain)
    assert text(await settled(plugin, chain)) == "192.0.2.2"


@pytest.mark.parametrize("policy", ["", "serve_stale_policy prefer_positive"])
async def test_without_the_policy_the_denial_takes_its_place(policy: str) -> None:
    clock = Clock()
    plugin, chain = cache(f"cache {{\nserve_stale\n{policy}\n}}", clock), Chain(A)
    await settled(plugin, chain)
    clock.seconds += 300
    chain.records, chain.rcode = (SOA,), 3
    await settled(plugin, chain)
    assert text(await settled(plugin, chain)) == ("192.0.2.1" if policy else "NXDOMAIN")


def other_question(request: Request) -> bytes:
    query = request.query
    wrong = query.packet[:12] + b"\x01z" + query.packet[14:]
    return build(query._replace(packet=wrong), answer=[b"\xc0\x0c\0\1\0\1\0\0\0\x1e\0\4\x0a\0\0\1"])


def garbage(request: Request) -> bytes:
    return request.query.packet[:2] + b"\x81\0\0\1\0\5\0\0\0\0" + request.query.question


@pytest.mark.parametrize("reply", [other_question, garbage])
@pytest.mark.parametrize("policy", ["", "serve_stale_policy prefer_positive"])
async def test_a_reply_to_nothing_does_not_replace_a_stale_answer(
    reply: Callable[[Request], bytes], policy: str
) -> None:
    clock = Clock()
    plugin, chain = cache(f"cache {{\nserve_stale 1h verify\n{policy}\n}}", clock), Chain(A)
    packet = question("a.test.")
    await settled(plugin, chain, packet)
    clock.seconds += 300

    async def next_(request: Request) -> Reply:
        return reply(request)

    assert ttls(await ask(plugin, packet, next_)) == {0}


# Room


def bounded(capacity: int) -> Cache:
    options = Options((".",), success=LimitOptions(capacity=capacity))
    return Cache(options, Store(options, left()), Clock())


async def test_octets_are_bounded_too() -> None:
    plugin = bounded(4)  # 4,096 octets
    small = Chain(A)
    for name in ("a.", "b.", "c."):
        await ask(plugin, question(name), small)
    large = Chain(*(f'@ 300 TXT "{number:0200}"' for number in range(19)))  # of about 215 each
    await ask(plugin, question("large.", "TXT"), large)
    assert plugin.store.success._octets <= 4096
    assert b"\x05large\x00" in kept(plugin)
    assert b"\x01a\x00" not in kept(plugin), "the oldest made room"
    found = samples(plugin.collect())
    labels = ("dns://:53", "success", ".", "")
    assert found["coredns_cache_entries", *labels] == len(kept(plugin)) < 4
    assert found["coredns_cache_evictions_total", *labels] == 4 - len(kept(plugin))


def kept(plugin: Cache) -> set[bytes]:
    return {key[0] for key in plugin.store.success._items}


async def test_room_is_free_again_after_what_is_taken_out() -> None:
    plugin, chain = bounded(2), Chain(A)
    for _ in range(3):
        for name in ("a.", "b.", "c."):
            await ask(plugin, question(name), chain)
    await plugin.store.close()
    assert plugin.store.success._octets == 0
    await ask(plugin, question(), chain)
    plugin.store.success.remove(next(iter(plugin.store.success._items)))
    assert plugin.store.success._octets == 0
