"""What `cache` leaves with the engine is what it would answer itself, as long as it would."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import dns.flags
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support import engines
from tests.support.engines import Kind
from tests.support.plugin import ask, context, directives, question, samples, until
from tests.support.tables import plan
from tests.unit.plugins.test_cache import SOA, A, Chain, Clock, read

from podname.dns import constants as c
from podname.dns import names
from podname.engine.base import Client, Code, Plan
from podname.engine.counters import Counters
from podname.errors import ServeError
from podname.plugins.base import Draft
from podname.plugins.cache.handler import Cache
from podname.plugins.cache.setup import setup
from podname.plugins.cache.store import Store

NS = 1_000_000_000


@pytest.fixture(autouse=True)
def _over_both(engine: Kind) -> None:
    """Run over the engine under test."""


class Somebody:
    def client(self) -> Client:
        return Client("127.0.0.1", 1, "udp", "dns://:53")


class Both:
    """A `cache`, and an engine that serves what it leaves, by the same clock."""

    def __init__(self, text: str = "cache", capacity: int | None = None) -> None:
        self.clock = Clock()
        made = setup(
            directives(f".:53 {{\n{text}\n}}", "cache"), context(engine=engines.current().engine())
        )
        self.plugin: Cache = made
        if capacity is not None:
            old = made.options
            success, denial = (
                replace(shelf, capacity=capacity) for shelf in (old.success, old.denial)
            )
            options = replace(old, success=success, denial=denial)
            self.plugin = Cache(options, Store(options, made.store.left))
        self.plugin.clock = self.plugin._refresher._clock = self.clock
        draft = Draft()
        self.plugin.plan(draft)
        self.responder: Any = engines.current().responder("dns://:53", "udp", 1, Counters())
        self.responder.serve([plan(Code((names.ROOT,)), cache=draft.cache)])

    def engine(self, packet: bytes) -> bytes | None:
        """Return what the engine answers, if it does."""
        now_ns = int(self.clock.seconds * NS)
        if hasattr(self.responder, "core"):
            self.responder.core.fix_now(now_ns)
        self.responder.now_ns = lambda: now_ns
        said = self.responder.respond(packet, Somebody())
        return None if isinstance(said, Plan) else said


async def test_the_second_question_never_comes_here() -> None:
    both, chain = Both(), Chain(A)
    packet = question()
    assert both.engine(packet) is None
    await ask(both.plugin, packet, chain)
    both.clock.seconds += 100.5
    here = await ask(both.plugin, packet, chain)
    assert both.engine(packet) == here
    assert read(here).answer[0].ttl == 200
    both.clock.seconds += 200
    assert both.engine(packet) is None
    assert len(chain.asked) == 1


async def test_a_fresh_answer_takes_the_place_of_the_expired_one() -> None:
    both, chain = Both(), Chain(A)
    packet = question()
    await ask(both.plugin, packet, chain)
    both.clock.seconds += 400
    await ask(both.plugin, packet, chain)
    assert both.engine(packet) is not None


@pytest.mark.parametrize(
    ("text", "records", "left"),
    [
        ("cache", [A], True),
        ("cache 30", [A], True),
        ("cache example.org", [A], True),
        ("cache test.", [A], False),
        ("cache {\nprefetch 2\n}", [A], False),
        ("cache {\nserve_stale\n}", [A], True),
        ("cache {\nkeepttl\n}", [A], True),
        ("cache {\ndisable success\n}", [A], False),
        ("cache", ["@ 300 MX 1 a.test."], True),
        ("cache", ["@ 300 MX 1 a.test.", "@ 300 MX 1 b.test."], False),
        ("cache", [f"@ 300 TXT {'x' * 250}"] * 17, False),
    ],
)
async def test_what_is_left(text: str, records: list[str], left: bool) -> None:
    both, chain = Both(text), Chain()
    kind = records[0].split()[2]
    packet = question(rtype=kind, use_edns=0, payload=4096)
    chain.records = tuple(r.replace("xx", f"{n:02}", 1) for n, r in enumerate(records))
    await ask(both.plugin, packet, chain)
    assert (both.engine(packet) is not None) == left


async def test_a_plugin_in_front_that_must_see_everything_keeps_the_engine_out() -> None:
    both = Both()
    draft = Draft(is_whole=False)
    both.plugin.plan(draft)
    assert draft.cache is None


async def test_a_failure_does_not_stand_before_a_stale_answer() -> None:
    both, chain = Both("cache {\nserve_stale 1h\nservfail 30s\n}"), Chain(A)
    packet = question()
    await ask(both.plugin, packet, chain)
    both.clock.seconds += 301
    assert both.engine(packet) is None
    chain.error = ServeError(c.SERVFAIL, "away")
    assert read(await ask(both.plugin, packet, chain)).answer[0].ttl == 0
    await until(lambda: not both.plugin._refresher._tasks)
    assert both.engine(packet) is None


async def test_what_makes_room_is_taken_out() -> None:
    both = Both(capacity=2)
    packets = [question(f"{name}.test.") for name in "abc"]
    for packet in packets:
        await ask(both.plugin, packet, Chain(A))
    assert [both.engine(packet) is not None for packet in packets] == [False, True, True]
    assert len(both.plugin.store.left.cache) == 2


async def test_closing_takes_all_out() -> None:
    both = Both()
    await ask(both.plugin, question(), Chain(A))
    await both.plugin.store.close()
    assert both.engine(question()) is None


async def test_what_the_engine_answers_is_counted() -> None:
    both = Both()
    denied = question("nobody.test.")
    await ask(both.plugin, question(), Chain(A))
    await ask(both.plugin, question(), Chain(A))
    await ask(both.plugin, denied, Chain(SOA, rcode=3))
    for _ in range(3):
        both.engine(question())
    both.engine(denied)
    found = samples(both.plugin.collect())
    assert found["coredns_cache_requests_total", "dns://:53", ".", ""] == 7
    assert found["coredns_cache_hits_total", "dns://:53", "success", ".", ""] == 4
    assert found["coredns_cache_hits_total", "dns://:53", "denial", ".", ""] == 1
    assert found["coredns_cache_misses_total", "dns://:53", ".", ""] == 2


RECORDS = {
    "success": ([A], 0),
    "several": (["@ 60 CNAME b.test.", "b.test. 20 A 192.0.2.1", "b.test. 20 A 192.0.2.2"], 0),
    "denial": ([SOA], 3),
    "nodata": ([SOA], 0),
    "failure": ([], 2),
}
TEXTS = (
    "cache",
    "cache 7",
    "cache {\nserve_stale 100s\n}",
    "cache {\nserve_stale 100s verify\n}",
    "cache {\nkeepttl\nservfail 20s\n}",
    "cache {\ndisable denial a.test.\n}",
)


@settings(max_examples=60)
@given(st.integers(0, 1 << 40))
async def test_the_engine_says_what_the_plugin_would(seed: int) -> None:
    chance = random.Random(seed)
    both = Both(chance.choice(TEXTS), chance.choice((None, 2)))
    chain = Chain()
    for _ in range(30):
        both.clock.seconds += chance.choice((0, 0.25, 1, 4, 21, 150))
        name = chance.choice(("a.test.", "A.test.", "b.test."))
        header = dns.flags.RD | chance.choice((0, dns.flags.AD, dns.flags.CD))
        packet = question(name, want_dnssec=chance.random() < 0.3, flags=header)
        records, chain.rcode = RECORDS[chance.choice(list(RECORDS))]
        chain.records = tuple(records)
        chain.flags = chance.choice((0, dns.flags.AD, dns.flags.AA))
        by_engine, asked = both.engine(packet), len(chain.asked)
        said = await ask(both.plugin, packet, chain)
        if by_engine is not None:
            assert without_opt(by_engine) == said
            assert len(chain.asked) == asked
        await until(lambda: not both.plugin._refresher._tasks)


def without_opt(message: bytes) -> bytes:
    """Take the OPT record of 11 octets off."""
    if not message[11] or message[-11:-8] != b"\x00\x00\x29":
        return message
    return message[:10] + bytes((0, message[11] - 1)) + message[12:-11]
