"""`cache` at work, with a clock and an upstream of the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import dns.flags
import dns.message
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.plugin import CLIENT, ask, context, directives, question, request, samples, until
from tests.support.upstream import response

from podname.dns import constants as c
from podname.dns import names
from podname.dns.message import Classification, Message, with_ttl
from podname.dns.query import Query, parse
from podname.engine.reference.cache import PythonCache
from podname.errors import ServeError
from podname.plugins.base import Reply, Request
from podname.plugins.cache.handler import Cache
from podname.plugins.cache.left import Left
from podname.plugins.cache.options import LimitOptions, Options
from podname.plugins.cache.response import Examined, examine
from podname.plugins.cache.setup import setup
from podname.plugins.cache.store import Store

SOA = "authority:example.org. 1800 SOA ns. root. 1 2 3 4 60"
A = "@ 300 A 192.0.2.1"


class Clock:
    seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


class Chain:
    """The plugins behind: say what the test wants, and count how often they were asked."""

    def __init__(
        self, *records: str, rcode: int = 0, flags: int = 0, plugin: str = "forward"
    ) -> None:
        self.records, self.rcode, self.flags, self.plugin = records, rcode, flags, plugin
        self.asked: list[Request] = []
        self.packets: list[bytes] = []
        self.gate: asyncio.Event | None = None
        self.error: ServeError | None = None

    async def __call__(self, request: Request) -> Reply:
        self.asked.append(request)
        self.packets.append(request.query.packet)
        if self.gate:
            await self.gate.wait()
        if self.error:
            raise self.error
        request.plugin = self.plugin
        return whole(request.query.packet, *self.records, rcode=self.rcode, flags=self.flags)


def whole(packet: bytes, *records: str, rcode: int = 0, flags: int = 0) -> bytes:
    """Answer as a plugin does: without OPT."""
    message = dns.message.from_wire(response(packet, *records, rcode=rcode, flags=flags))
    message.use_edns(False)
    wire: bytes = message.to_wire()
    return wire


def cache(text: str = "cache", clock: Clock | None = None) -> Cache:
    plugin = setup(directives(f".:53 {{\n{text}\n}}", "cache"), context())
    plugin.clock = plugin._refresher._clock = clock or Clock()
    return plugin


def left() -> Left:
    return Left(PythonCache("cache"), keeps_ttl=False)


def read(reply: Reply) -> dns.message.Message:
    assert reply is not None
    return dns.message.from_wire(reply)


def ttls(reply: Reply) -> set[int]:
    message = read(reply)
    return {rrset.ttl for rrset in (*message.answer, *message.authority, *message.additional)}


# Kept and not kept


@pytest.mark.parametrize(
    ("records", "rcode", "flags", "kept"),
    [
        ([A], 0, 0, True),
        (["@ 300 CNAME b.test.", "b.test. 300 A 192.0.2.1"], 0, 0, True),
        ([SOA], 0, 0, True),
        ([SOA], 3, 0, True),
        ([], 3, 0, False),  # NXDOMAIN that nothing bounds
        ([A, SOA], 3, 0, False),
        ([], 2, 0, True),
        ([], 4, 0, True),
        ([], 5, 0, False),
        ([], 1, 0, False),
        ([A], 0, dns.flags.TC, False),
        (["authority:org. 300 NS ns.org."], 0, 0, True),  # a delegation
        (["@ 300 CNAME b.test."], 0, 0, False),  # an alias that leads nowhere
        (["@ 300 CNAME b.test.", SOA], 0, 0, True),
        (["@ 300 CNAME b.test.", "b.test. 300 CNAME example.org."], 0, 0, False),
        (["other.test. 300 A 192.0.2.1"], 0, 0, False),
        ([], 0, 0, True),
    ],
)
async def test_what_is_kept(records: Sequence[str], rcode: int, flags: int, kept: bool) -> None:
    plugin, chain = cache(), Chain(*records, rcode=rcode, flags=flags)
    first = await ask(plugin, question(), chain)
    again = await ask(plugin, question(), chain)
    assert len(chain.asked) == (1 if kept else 2)
    assert read(first).rcode() == read(again).rcode() == rcode
    assert [str(r) for r in read(first).answer] == [str(r) for r in read(again).answer]


@pytest.mark.parametrize("plugin_name", ["kubernetes", "hosts"])
async def test_what_the_engine_repeats_is_not_kept_but_its_ttl_is_capped(plugin_name: str) -> None:
    plugin, chain = cache("cache 30"), Chain(A, plugin=plugin_name)
    assert ttls(await ask(plugin, question(), chain)) == {30}
    assert ttls(await ask(plugin, question(), chain)) == {30}
    assert len(chain.asked) == 2
    assert len(plugin.store.success) == 0


async def test_an_expired_signature_is_not_kept() -> None:
    sig = "@ 300 RRSIG A 8 2 300 20200101000000 20190101000000 1 org. AAAA"
    for packet, asked in ((question(want_dnssec=True), 2), (question(), 1)):
        plugin, chain = cache(), Chain(A, sig)
        await ask(plugin, packet, chain)
        await ask(plugin, packet, chain)
        assert len(chain.asked) == asked


async def test_names_outside_the_zones_and_notifications_pass() -> None:
    plugin, chain = cache("cache example.net"), Chain(A)
    assert ttls(await ask(plugin, question(), chain)) == {300}
    notify = question("example.net.")
    await ask(plugin, notify[:2] + b"\x20" + notify[3:], chain)
    assert len(chain.asked) == 2
    assert list(plugin.store.tallies) == []


async def test_silence_stays_silent() -> None:
    async def silent(_: Request) -> Reply:
        return None

    assert await ask(cache(), question(), silent) is None


async def test_an_answer_to_another_question_is_dropped() -> None:
    async def wrong(_: Request) -> Reply:
        return whole(question("example.net."), "@ 300 A 192.0.2.1")

    plugin = cache()
    await ask(plugin, question("example.com."), wrong)
    assert samples(plugin.collect())["coredns_cache_drops_total", "dns://:53", ".", ""] == 1
    assert len(plugin.store.success) == 0


async def test_what_cannot_be_read_is_handed_on() -> None:
    async def broken(request: Request) -> Reply:
        return whole(request.query.packet, A)[:-3]

    plugin = cache()
    assert await ask(plugin, question(), broken) is not None
    assert len(plugin.store.success) == 0


# TTLs


@pytest.mark.parametrize(
    ("text", "records", "rcode", "ttl"),
    [
        ("cache", ["@ 300 A 192.0.2.1", "@ 300 A 192.0.2.2"], 0, 300),
        ("cache", ["@ 300 CNAME b.test.", "b.test. 20 A 192.0.2.1"], 0, 20),
        ("cache", ["@ 9000 A 192.0.2.1"], 0, 3600),
        ("cache 30", ["@ 9000 A 192.0.2.1"], 0, 30),
        ("cache", ["@ 1 A 192.0.2.1"], 0, 5),
        ("cache {\nsuccess 5000 60 0\n}", ["@ 1 A 192.0.2.1"], 0, 1),
        ("cache {\nsuccess 5000 60 90\n}", ["@ 1 A 192.0.2.1"], 0, 60),
        ("cache", ["authority:org. 9000 SOA a. b. 1 2 3 4 5"], 3, 1800),
        ("cache", ["authority:org. 9000 SOA a. b. 1 2 3 4 5"], 0, 1800),
        ("cache {\ndenial 5000 60\n}", ["authority:org. 9000 SOA a. b. 1 2 3 4 5"], 3, 60),
        ("cache", ["authority:org. 9000 SOA a. b. 1 2 3 4 5"], 2, 5),
        ("cache {\nservfail 1m\n}", ["authority:org. 9000 SOA a. b. 1 2 3 4 5"], 2, 60),
        ("cache", ["authority:org. 9000 NS a."], 0, 5),
        ("cache", ["authority:org. 9000 SOA a. b. 1 2 3 4 5"], 5, 5),
        ("cache {\ndisable success\n}", ["@ 9000 A 192.0.2.1"], 0, 3600),
    ],
)
async def test_one_ttl_for_the_whole_message(
    text: str, records: Sequence[str], rcode: int, ttl: int
) -> None:
    assert ttls(await ask(cache(text), question(), Chain(*records, rcode=rcode))) == {ttl}


async def test_ttls_age_and_end() -> None:
    clock = Clock()
    plugin, chain = cache(clock=clock), Chain(A)
    assert ttls(await ask(plugin, question(), chain)) == {300}
    for later, ttl in ((0.9, 300), (1.0, 299), (299.9, 1)):
        clock.seconds = 1000.0 + later
        assert ttls(await ask(plugin, question(), chain)) == {ttl}
    clock.seconds = 1300.0
    assert ttls(await ask(plugin, question(), chain)) == {300}
    assert len(chain.asked) == 2


async def test_keepttl_does_not_age() -> None:
    clock = Clock()
    plugin, chain = cache("cache {\nkeepttl\n}", clock), Chain(A)
    await ask(plugin, question(), chain)
    clock.seconds += 299
    assert ttls(await ask(plugin, question(), chain)) == {300}
    clock.seconds += 1
    await ask(plugin, question(), chain)
    assert len(chain.asked) == 2


@pytest.mark.parametrize(
    ("text", "zone", "ttl", "denial", "capped"),
    [
        ("cache 30", "cluster.local.", 60, False, 30),
        ("cache 30", "cluster.local.", 5, False, 5),
        ("cache 30", "cluster.local.", 0, False, 5),
        ("cache {\ndenial 100 10\n}", "cluster.local.", 60, True, 10),
        ("cache {\ndenial 100 10\n}", "cluster.local.", 60, False, 60),
        ("cache 30 example.org", "cluster.local.", 60, False, 60),
        ("cache 30 local", "cluster.local.", 60, False, 30),
        ("cache 30 {\ndisable success cluster.local\n}", "cluster.local.", 60, False, 30),
    ],
)
def test_the_cap_for_answers_that_the_engine_repeats(
    text: str, zone: str, ttl: int, denial: bool, capped: int
) -> None:
    assert cache(text).cap_ttl_seconds(names.from_text(zone), ttl, denial=denial) == capped


# What a hit looks like


async def test_id_case_and_flags_are_those_of_the_query() -> None:
    plugin = cache()
    chain = Chain(A, flags=dns.flags.AA | dns.flags.AD)
    await ask(plugin, question("example.org."), chain)
    packet = question("eXample.ORG.", flags=0)
    reply = read(await ask(plugin, packet, chain))
    assert reply.id == int.from_bytes(packet[:2], "big")
    assert str(reply.question[0].name) == str(reply.answer[0].name) == "eXample.ORG."
    assert int(reply.flags) == dns.flags.QR | dns.flags.AA | dns.flags.RA
    assert len(chain.asked) == 1


@pytest.mark.parametrize("aa", [0, dns.flags.AA])
async def test_aa_is_that_of_the_answer(aa: int) -> None:
    plugin, chain = cache(), Chain(A, flags=aa)
    for _ in range(2):
        assert read(await ask(plugin, question(), chain)).flags & dns.flags.AA == aa


@pytest.mark.parametrize(
    ("flags", "dnssec", "shown"), [(0x100, False, False), (0x120, False, True), (0x100, True, True)]
)
async def test_ad_is_asked_for_and_shown_to_who_wants_it(
    flags: int, dnssec: bool, shown: bool
) -> None:
    plugin, chain = cache(), Chain(A, flags=dns.flags.AD)
    for _ in range(2):
        reply = read(await ask(plugin, question(flags=flags, want_dnssec=dnssec), chain))
        assert bool(reply.flags & dns.flags.AD) is shown
    assert dns.message.from_wire(chain.packets[0]).flags & dns.flags.AD
    assert len(chain.packets) == 1


async def test_the_query_is_the_clients_again_behind_the_cache() -> None:
    plugin, chain = cache(), Chain(A)
    asked = request(question())
    query = asked.query
    await plugin.serve(asked, chain)
    assert asked.query is query


@pytest.mark.parametrize(
    "other",
    [
        question("a.example.org."),
        question(rtype="AAAA"),
        question(rdclass="CH"),
        question(want_dnssec=True),
        question(flags=dns.flags.RD | dns.flags.CD),
    ],
    ids=["name", "type", "class", "DO", "CD"],
)
async def test_what_makes_another_question(other: bytes) -> None:
    plugin, chain = cache(), Chain(A)
    await ask(plugin, question(), chain)
    await ask(plugin, other, chain)
    assert len(chain.asked) == 2


async def test_edns_without_do_makes_none() -> None:
    plugin, chain = cache(), Chain(A)
    await ask(plugin, question(), chain)
    assert read(await ask(plugin, question(use_edns=0), chain)).edns == -1
    assert len(chain.asked) == 1


# SERVFAIL


async def test_a_failure_is_kept_for_five_seconds() -> None:
    clock = Clock()
    plugin, chain = cache(clock=clock), Chain(A)
    chain.error = ServeError(c.SERVFAIL, "nobody is there")
    with pytest.raises(ServeError, match="nobody is there"):
        await ask(plugin, question(), chain)
    assert read(await ask(plugin, question(), chain)).rcode() == c.SERVFAIL
    clock.seconds += 5
    chain.error = None
    assert read(await ask(plugin, question(), chain)).rcode() == c.NOERROR
    assert len(chain.asked) == 2


@pytest.mark.parametrize(
    ("text", "rcode"), [("cache {\nservfail 0s\n}", c.SERVFAIL), ("cache", c.REFUSED)]
)
async def test_failures_that_are_not_kept(text: str, rcode: int) -> None:
    plugin, chain = cache(text), Chain(A)
    chain.error = ServeError(rcode)
    for _ in range(2):
        with pytest.raises(ServeError):
            await ask(plugin, question(), chain)
    assert len(chain.asked) == 2


async def test_a_failure_does_not_stand_before_a_good_answer() -> None:
    clock = Clock()
    plugin, chain = cache("cache {\nserve_stale\nservfail 1m\n}", clock), Chain(rcode=2)
    await ask(plugin, question(), chain)
    chain.rcode, chain.records = 0, (A,)
    query = request(question())
    plugin._keep(query, whole(query.query.packet, A), again=False)
    assert read(await ask(plugin, question(), chain)).rcode() == c.NOERROR


# disable, capacity


@pytest.mark.parametrize(
    ("line", "name", "rcode", "asked"),
    [
        ("disable success cluster.local", "a.cluster.local.", 0, 2),
        ("disable success cluster.local", "A.Cluster.Local.", 0, 2),
        ("disable success cluster.local", "a.example.org.", 0, 1),
        ("disable success cluster.local", "a.cluster.local.", 3, 1),
        ("disable denial cluster.local", "a.cluster.local.", 3, 2),
        ("disable denial", "a.example.org.", 3, 2),
        ("disable denial", "a.example.org.", 2, 2),
        ("disable denial", "a.example.org.", 0, 1),
    ],
)
async def test_disable(line: str, name: str, rcode: int, asked: int) -> None:
    plugin, chain = cache(f"cache {{\n{line}\n}}"), Chain(SOA if rcode else A, rcode=rcode)
    for _ in range(2):
        await ask(plugin, question(name), chain)
    assert len(chain.asked) == asked


async def test_the_oldest_answer_makes_room() -> None:
    plugin = Cache(
        Options((".",), success=LimitOptions(capacity=2)),
        Store(Options((".",), success=LimitOptions(2)), left()),
    )
    chain = Chain(A)
    for name in ("a.", "b.", "c.", "b.", "c.", "a."):
        await ask(plugin, question(name), chain)
    assert len(chain.asked) == 4
    found = samples(plugin.collect())
    assert found["coredns_cache_evictions_total", "dns://:53", "success", ".", ""] == 2
    assert found["coredns_cache_entries", "dns://:53", "success", ".", ""] == 2


async def test_counts() -> None:
    plugin = cache("cache a.test b.test")
    for rcode, records in ((0, A), (3, SOA)):
        name = "a.test." if rcode else "b.test."
        for _ in range(3):
            await ask(plugin, question(name), Chain(records, rcode=rcode))
    found = samples(plugin.collect())
    labels = ("dns://:53", "a.test.,b.test.", "")
    assert found["coredns_cache_requests_total", *labels] == 6
    assert found["coredns_cache_misses_total", *labels] == 2
    assert found["coredns_cache_hits_total", "dns://:53", "success", *labels[1:]] == 2
    assert found["coredns_cache_hits_total", "dns://:53", "denial", *labels[1:]] == 2
    assert found["coredns_cache_entries", "dns://:53", "denial", *labels[1:]] == 1
    assert found["coredns_cache_prefetch_total", *labels] == 0
    assert found["coredns_cache_served_stale_total", *labels] == 0


# Fetching again


async def test_a_popular_answer_is_fetched_before_it_expires() -> None:
    clock = Clock()
    plugin, chain = cache("cache {\nprefetch 2 1m 10%\n}", clock), Chain("@ 100 A 192.0.2.1")
    await ask(plugin, question(), chain)
    await ask(plugin, question(), chain)
    clock.seconds += 50
    await ask(plugin, question(), chain)
    assert len(chain.asked) == 1
    clock.seconds += 40
    chain.gate = asyncio.Event()
    for _ in range(3):
        assert ttls(await ask(plugin, question(), chain)) == {10}
    await until(lambda: len(chain.asked) == 2)
    assert chain.asked[1].client.protocol == "tcp"
    chain.gate.set()
    await until(lambda: not plugin._refresher._tasks)
    assert ttls(await ask(plugin, question(), chain)) == {100}
    assert samples(plugin.collect())["coredns_cache_prefetch_total", "dns://:53", ".", ""] == 1


async def test_an_answer_that_was_fetched_again_stays_popular() -> None:
    clock = Clock()
    plugin, chain = cache("cache {\nprefetch 3 1m 10%\n}", clock), Chain("@ 100 A 192.0.2.1")
    for seconds in (0, 20, 50, 25):  # kept at 0, popular and fetched again at 95
        clock.seconds += seconds
        await ask(plugin, question(), chain)
    await until(lambda: len(chain.asked) == 2 and not plugin._refresher._tasks)
    for seconds in (50, 45):  # its second life brings fewer questions, without a gap
        clock.seconds += seconds
        await ask(plugin, question(), chain)
    await until(lambda: len(chain.asked) == 3 and not plugin._refresher._tasks)


async def test_an_unpopular_answer_is_not_fetched_again() -> None:
    clock = Clock()
    plugin, chain = cache("cache {\nprefetch 3 10s\n}", clock), Chain("@ 100 A 192.0.2.1")
    for seconds in (0, 1, 50, 41):  # the gaps of 50 and 41 seconds begin the count anew
        clock.seconds += seconds
        await ask(plugin, question(), chain)
    assert not plugin._refresher._tasks
    assert len(chain.asked) == 1


async def test_stale_answers_while_a_new_one_is_fetched() -> None:
    clock = Clock()
    plugin, chain = cache("cache {\nserve_stale 1m immediate 7s\n}", clock), Chain(A)
    await ask(plugin, question(), chain)
    clock.seconds += 359
    chain.gate, chain.records = asyncio.Event(), ("@ 300 A 192.0.2.2",)
    for _ in range(2):
        reply = await ask(plugin, question(), chain)
        assert (ttls(reply), read(reply).answer[0][0].to_text()) == ({7}, "192.0.2.1")
    chain.gate.set()
    await until(lambda: not plugin._refresher._tasks)
    assert read(await ask(plugin, question(), chain)).answer[0][0].to_text() == "192.0.2.2"
    assert len(chain.asked) == 2
    assert samples(plugin.collect())["coredns_cache_served_stale_total", "dns://:53", ".", ""] == 2


async def test_what_is_too_stale_is_not_served() -> None:
    clock = Clock()
    plugin, chain = cache("cache {\nserve_stale 1m\n}", clock), Chain(A)
    await ask(plugin, question(), chain)
    clock.seconds += 360
    assert ttls(await ask(plugin, question(), chain)) == {300}


@pytest.mark.parametrize("rcode", [2, 5])
@pytest.mark.parametrize("mode", ["immediate 0s", "verify 0s 0s", "verify 1h 0s"])
async def test_a_failed_renewal_leaves_the_stale_answer(mode: str, rcode: int) -> None:
    clock = Clock()
    plugin, chain = cache(f"cache {{\nserve_stale 1h {mode} 10s\n}}", clock), Chain(A)
    await ask(plugin, question(), chain)
    clock.seconds += 300
    chain.rcode, chain.records = rcode, ()
    for _ in range(3):
        assert ttls(await ask(plugin, question(), chain)) == {0}
        await until(lambda: not plugin._refresher._tasks)
    assert len(chain.asked) == 2  # once more after ten seconds
    clock.seconds += 10
    await ask(plugin, question(), chain)
    await until(lambda: not plugin._refresher._tasks)
    assert len(chain.asked) == 3


async def test_verify_gives_the_fresh_answer() -> None:
    for mode in ("verify", "verify 1h"):
        clock = Clock()
        plugin, chain = cache(f"cache {{\nserve_stale 1h {mode}\n}}", clock), Chain(A)
        await ask(plugin, question(), chain)
        clock.seconds += 300
        chain.records = ("@ 300 A 192.0.2.2",)
        packet = question()
        reply = read(await ask(plugin, packet, chain))
        assert reply.id == int.from_bytes(packet[:2], "big")
        assert reply.answer[0][0].to_text() == "192.0.2.2"


async def test_verify_does_not_wait_for_ever() -> None:
    clock = Clock()
    plugin, chain = cache("cache {\nserve_stale 1h verify 1ms\n}", clock), Chain(A)
    await ask(plugin, question(), chain)
    clock.seconds += 300
    chain.gate = asyncio.Event()
    assert ttls(await ask(plugin, question(), chain)) == {0}
    chain.gate.set()
    await until(lambda: not plugin._refresher._tasks)
    assert ttls(await ask(plugin, question(), chain)) == {300}


async def test_stopping_ends_what_is_fetched() -> None:
    clock = Clock()
    plugin, chain = cache("cache {\nserve_stale\n}", clock), Chain(A)
    await ask(plugin, question(), chain)
    clock.seconds += 300
    chain.gate = asyncio.Event()
    await ask(plugin, question(), chain)
    await plugin.stop()
    assert not plugin._refresher._tasks


# dnspython as the oracle

_LABEL = st.text("abcXYZ019-", min_size=1, max_size=8)
_NAME = st.lists(_LABEL, min_size=1, max_size=4).map(lambda labels: ".".join(labels) + ".")
_RECORD = st.tuples(
    st.sampled_from(["", "authority:"]),
    st.one_of(st.just("@"), _NAME),
    st.integers(0, 2**31 - 1),
    st.one_of(
        st.just("A 192.0.2.1"),
        st.just("TXT some text"),
        _NAME.map("CNAME {}".format),
        _NAME.map("MX 10 {}".format),
        _NAME.map("SRV 1 2 3 {}".format),
        _NAME.map("SOA {} root. 1 2 3 4 5".format),
    ),
).map(lambda parts: f"{parts[0]}{parts[1]} {parts[2]} {parts[3]}")


def without_ttls(wire: bytes) -> list[str]:
    message = dns.message.from_wire(wire)
    for section in message.sections[1:]:
        for rrset in section:
            rrset.ttl = 0
    return message.to_text().splitlines()


@settings(max_examples=50)
@given(st.lists(_RECORD, max_size=6), st.integers(0, 2**31 - 1), st.sampled_from([0, 2, 3, 5]))
def test_only_ttls_differ(records: list[str], ttl: int, rcode: int) -> None:
    packet = question("a.b.")
    query = parse(packet)
    assert isinstance(query, Query)
    message = whole(packet, *records, rcode=rcode)
    changed = with_ttl(message, examine(query, Message(message)).ttl_offsets, ttl)
    assert without_ttls(changed) == without_ttls(message)
    assert not ttls(changed) - {ttl}


@settings(max_examples=50)
@given(st.binary(max_size=80), st.integers(0, 0xFFFF))
def test_no_octets_do_more_than_be_refused(noise: bytes, flags: int) -> None:
    packet = question("a.b.")
    query = parse(packet)
    assert isinstance(query, Query)
    message = packet[:2] + flags.to_bytes(2, "big") + b"\0\1\0\2\0\1\0\0" + query.question + noise
    plugin = cache()
    assert plugin._keep(request(packet), message, again=False)[:2] == packet[:2]


@pytest.mark.parametrize(
    ("records", "rtype", "classification"),
    [
        (["@ 1 CNAME b.", "B. 1 A 192.0.2.1"], "A", Classification.SUCCESS),
        (["@ 1 CNAME b."], "CNAME", Classification.SUCCESS),
        (["@ 1 CNAME b.", SOA], "AAAA", Classification.NODATA),
        (["@ 1 CNAME b.", "c. 1 A 192.0.2.1", SOA], "A", Classification.NODATA),
        (["@ 1 CNAME b.", "b. 1 A 192.0.2.1", SOA], "ANY", Classification.SUCCESS),
        (["b. 1 A 192.0.2.1", SOA], "ANY", Classification.NODATA),
    ],
)
def test_aliases_are_followed(
    records: Sequence[str], rtype: str, classification: Classification
) -> None:
    found = surveyed(question(rtype=rtype), *records)
    assert (found.classification, found.is_keepable) == (classification, True)


def surveyed(packet: bytes, *records: str) -> Examined:
    query = parse(packet)
    assert isinstance(query, Query)
    return examine(query, Message(whole(packet, *records)))


def test_a_listener_has_its_own_counts() -> None:
    plugin = cache()
    assert plugin.store.tally("dns://:53") is not plugin.store.tally("dns://:1053")
    assert plugin.store.tally("dns://:53") is plugin.store.tally(CLIENT.server)
