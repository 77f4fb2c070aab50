"""Answers that the plugin chain left: repeated as long as they live, to whoever asks for just them."""

from __future__ import annotations

from dataclasses import replace
from time import monotonic_ns
from typing import Any

import dns.flags
import dns.message
import dns.opcode
import pytest

from podname.dns import constants as c
from podname.dns import names
from podname.engine.base import Code, Plan
from podname.engine.caching import CACHED_OCTETS_MAX, CACHED_PER_NAME_MAX, CacheHits
from podname.engine.counters import Counters
from tests.support import engines
from tests.support.cached import NS, answered, key
from tests.support.tables import Asker, Somebody, make_query, plan, responder, table

NAME = "www.example.org."
A = f"{NAME} A 192.0.2.1"
LATER = 2_000_000 * NS + 7


class Cached:
    """A cache in a plan whose layers leave everything to it, at a time of the test's."""

    def __init__(self, protocol: str = "udp", **settings: Any) -> None:
        self.cache = engines.current().cache("cache")
        layers = (table("x A 10.0.0.1"), Code((names.ROOT,)))
        self.plan = plan(*layers, cache=self.cache, **settings)
        self.ask = Asker(responder(self.plan, protocol=protocol))
        self.at(LATER)

    def at(self, now_ns: int) -> None:
        """Let it be this time."""
        one: Any = self.ask.responder
        if hasattr(one, "core"):
            one.core.fix_now(now_ns)
        one.now_ns = lambda: now_ns

    def leave(
        self, *records: str, name: str = NAME, age_seconds: float = 0, **settings: Any
    ) -> None:
        """Leave an answer that is so old."""
        stored_ns = LATER - int(age_seconds * NS)
        self.cache.put(key(name), answered(name, *records, stored_ns=stored_ns, **settings))

    def read(self, question: str = f"{NAME} A", **settings: object) -> dns.message.Message:
        found = self.ask.message(question, **settings)
        assert not isinstance(found, str), found
        return found


def test_what_is_left_is_repeated() -> None:
    cached = Cached()
    assert cached.ask(f"{NAME} A") == ["MISS"]
    cached.leave(A)
    for number in (1, 65535):
        assert cached.ask(f"{NAME} A", id=number) == ["NOERROR", f"{NAME} 30 IN A 192.0.2.1"]


@pytest.mark.parametrize(
    ("age_seconds", "keeps_ttl", "ttl"),
    [
        (0, False, 30), (0.999, False, 30), (1, False, 29), (29.999, False, 1),
        (30, False, None), (31, False, None), (1e6, False, None),
        (12, True, 30), (29.999, True, 30), (30, True, None), (-5, False, 30),
    ],
)  # fmt: skip
def test_ttls_are_counted_down_until_nothing_is_left(
    age_seconds: float, keeps_ttl: bool, ttl: int | None
) -> None:
    cached = Cached()
    records = (f"{NAME} CNAME b.example.org.", "b.example.org. A 192.0.2.1")
    cached.leave(*records, age_seconds=max(age_seconds, 0), keeps_ttl=keeps_ttl)
    if age_seconds < 0:
        cached.at(LATER + int(age_seconds * NS))  # the packet was there before the answer
    said = cached.ask.message(f"{NAME} A")
    found = None if isinstance(said, str) else {rrset.ttl for rrset in said.answer}
    assert found == (None if ttl is None else {ttl})


def test_without_a_time_of_the_tests_it_is_now() -> None:
    cache = engines.current().cache("cache")
    ask = Asker(responder(plan(cache=cache)))
    cache.put(key(NAME), answered(NAME, A, stored_ns=monotonic_ns()))
    assert len(ask(f"{NAME} A")) == 2
    cache.put(key(NAME), answered(NAME, A, stored_ns=monotonic_ns() - 30 * NS))
    assert ask(f"{NAME} A") == ["MISS"]


MISSES: list[tuple[str, dict[str, object]]] = [
    (f"{NAME} AAAA", {}),
    (f"{NAME} A CH", {}),
    (f"{NAME} A", {"want_dnssec": True}),
    (f"{NAME} A", {"flags": dns.flags.RD | dns.flags.CD}),
    ("example.org. A", {}),
    ("a.www.example.org. A", {}),
]


@pytest.mark.parametrize(("question", "settings"), MISSES)
def test_another_question_is_a_miss(question: str, settings: dict[str, object]) -> None:
    cached = Cached(classes=frozenset({255}))
    cached.leave(A)
    assert cached.ask(question, **settings) == ["MISS"]


def test_every_key_has_an_answer_of_its_own() -> None:
    cached = Cached()
    for number, flags in enumerate(((False, False), (False, True), (True, False), (True, True))):
        do, cd = flags
        record = f"{NAME} A 192.0.2.{number}"
        cached.cache.put(key(NAME, do=do, cd=cd), answered(NAME, record, stored_ns=LATER))
    for number in range(4):
        header = dns.flags.RD | (dns.flags.CD if number & 1 else 0)
        said = cached.ask(f"{NAME} A", want_dnssec=bool(number & 2), flags=header)
        assert said == ["NOERROR", f"{NAME} 30 IN A 192.0.2.{number}"]
    assert len(cached.cache) == 4


def test_a_notification_is_a_miss() -> None:
    cached = Cached()
    cached.leave(A)
    query = make_query(f"{NAME} A")
    query.set_opcode(dns.opcode.NOTIFY)
    assert isinstance(cached.ask.responder.respond(query.to_wire(), Somebody()), Plan)


@pytest.mark.parametrize("asked", [0, dns.flags.RD, dns.flags.AD, dns.flags.RD | dns.flags.AD])
@pytest.mark.parametrize("kept", [0, c.AA, c.RA | c.AD, c.AA | c.RA | c.AD])
def test_flags(asked: int, kept: int) -> None:
    cached = Cached()
    cached.leave(A, flags=kept)
    expected = c.QR | asked & c.RD | kept & ~(0 if asked & c.AD else c.AD)
    assert cached.read(flags=asked).flags == expected


def test_a_denial_has_its_rcode_and_its_soa() -> None:
    cached = Cached()
    soa = "authority:example.org. SOA ns. root. 1 2 3 4 60"
    cached.leave(soa, flags=c.RA | c.NXDOMAIN, is_denial=True, age_seconds=10)
    found = cached.ask(f"{NAME} A")
    assert found == ["NXDOMAIN", "example.org. 20 IN SOA ns. root. 1 2 3 4 60"]


def test_the_question_comes_back_as_it_was_spelled() -> None:
    cached = Cached()
    cached.leave(A)
    found = cached.read("wWw.eXample.ORG. A")
    assert found.question[0].name.to_text() == "wWw.eXample.ORG."
    assert found.answer[0].name.to_text() == "wWw.eXample.ORG."  # it points to the question


def test_what_does_not_fit_is_cut() -> None:
    records = [f"{NAME} TXT {'x' * 200}"] * 2 + [f"{NAME} TXT {'y' * 60}"]
    for protocol, payload, fits in (
        ("udp", None, False), ("udp", 512, False), ("udp", 521, False), ("udp", 1232, True), ("tcp", None, True),
    ):  # fmt: skip
        cached = Cached(protocol)
        cached.leave(*(f"{record}{n}" for n, record in enumerate(records)))
        settings = {} if payload is None else {"use_edns": 0, "payload": payload}
        found = cached.read(f"{NAME} A", **settings)
        assert bool(found.flags & dns.flags.TC) != fits, (protocol, payload)
        assert bool(sum(len(rrset) for rrset in found.answer) == 3) == fits


@pytest.mark.parametrize("room", [-1, 0, 1])
def test_it_fits_to_the_octet_with_and_without_edns(room: int) -> None:
    for opt_octets, settings in ((0, {}), (11, {"use_edns": 0, "payload": 512})):
        cached = Cached()
        size = 512 - opt_octets - room - c.HEADER_OCTETS - len(names.from_text(NAME)) - 4
        cached.leave(*(f"{NAME} TXT {'x' * octets}" for octets in (200, size - 200 - 2 * 13)))
        found = cached.read(f"{NAME} A", **settings)
        assert bool(found.flags & dns.flags.TC) == (room < 0)


def test_edns_is_answered() -> None:
    cached = Cached()
    cached.leave(A)
    found = cached.read(use_edns=0, payload=1400)
    assert (found.edns, found.payload, found.ednsflags) == (0, 1400, 0)
    assert cached.read().edns == -1


def test_addresses_take_turns_if_the_plan_says_so() -> None:
    records = [
        f"{NAME} CNAME b.test.",
        *(f"b.test. A 192.0.2.{n}" for n in range(5)),
        f"{NAME} TXT a",
    ]
    for rotate in (True, False):
        cached = Cached(rotate=rotate)
        cached.leave(*records)
        orders = {tuple(r.to_text() for r in cached.read().answer[1]) for _ in range(100)}
        assert len(orders) == (5 if rotate else 1)
        assert {frozenset(order) for order in orders} == {frozenset(orders.pop())}


def test_a_table_answers_before() -> None:
    cached = Cached()
    cached.leave("x.cluster.local. A 192.0.2.9", name="x.cluster.local.")
    assert cached.ask("x A")[1].endswith("10.0.0.1")


def test_it_is_counted_as_the_chain_counts_it() -> None:
    counters = Counters()
    cached = Cached(counters=counters)
    cached.leave(A)
    cached.ask(f"{NAME} A", use_edns=0)
    cached.leave(name="b.example.org.", flags=c.SERVFAIL, is_denial=True)
    cached.ask("b.example.org. A", want_dnssec=False)
    families = counters.families()
    server = ("dns://:53", ".", "")
    assert dict(families.counts["responses_total"]) == {
        (*server, "NOERROR", "cache"): 1,
        (*server, "SERVFAIL", "cache"): 1,
    }
    assert families.counts["requests_total"][*server, "udp", "1", "A"] == 2
    sizes = families.histograms["response_size_bytes"][*server, "udp"]
    uncompressed = [
        12 + len(names.from_text(NAME)) + 4 + len(names.from_text(NAME)) + 14,
        12 + len(names.from_text("b.example.org")) + 4,
    ]
    assert sizes.sum == sum(uncompressed)  # and without OPT
    assert cached.cache.hits() == {"dns://:53": CacheHits(1, 1)}


@pytest.mark.parametrize("engine", ["python"], indirect=True)  # natively the packet loop shows it
def test_it_is_shown_to_the_observers() -> None:
    seen: list[tuple[Any, ...]] = []
    cached = Cached(observers=(lambda *answer: seen.append(answer),))
    cached.leave(A)
    cached.ask(f"{NAME} A")
    assert seen[0][3] == "cache"
    assert dns.message.from_wire(seen[0][1]).answer[0].to_text() == f"{NAME} 30 IN A 192.0.2.1"


def test_taken_out_and_cleared() -> None:
    cached = Cached()
    cached.leave(A)
    cached.cache.remove(key("other.example.org."))
    cached.cache.remove(key(NAME, c.AAAA))
    assert len(cached.cache) == 1
    cached.cache.remove(key(NAME))
    assert cached.ask(f"{NAME} A") == ["MISS"]
    cached.leave(A)
    cached.cache.clear()
    assert cached.ask(f"{NAME} A") == ["MISS"]
    assert len(cached.cache) == 0


def test_new_plans_keep_it_and_its_counts() -> None:
    cached = Cached()
    cached.leave(A)
    cached.ask(f"{NAME} A")
    cached.ask.responder.serve([replace(cached.plan)])
    assert cached.ask(f"{NAME} A")[0] == "NOERROR"
    cached.ask.responder.serve([plan()])
    assert cached.ask(f"{NAME} A") == ["MISS"]
    assert cached.cache.hits() == {"dns://:53": CacheHits(2, 0)}


def test_answers_for_one_name_are_bounded() -> None:
    cached = Cached()
    for number in range(CACHED_PER_NAME_MAX + 3):
        cached.cache.put(key(NAME, 1000 + number), answered(NAME, A, stored_ns=LATER))
    assert len(cached.cache) == CACHED_PER_NAME_MAX
    there = [cached.ask(f"{NAME} TYPE{1000 + number}") != ["MISS"] for number in range(19)]
    assert there == [False] * 3 + [True] * 16


def test_a_large_answer_is_not_left_and_takes_the_old_one_out() -> None:
    cached = Cached("tcp")
    cached.leave(A)
    cached.leave(*(f"{NAME} TXT {'x' * 240}{number}" for number in range(17)))
    assert cached.ask(f"{NAME} A") == ["MISS"]
    texts = [f"{number:0>250}" for number in range(15)]
    for room in (0, -1):
        octets = CACHED_OCTETS_MAX - len(texts) * (12 + 251) - (12 + 1) - room
        cached.leave(*(f"{NAME} TXT {text}" for text in (*texts, "y" * octets)))
        assert (cached.ask(f"{NAME} A") != ["MISS"]) == (room == 0)


def test_a_cache_of_another_engine_is_refused() -> None:
    class Alien:
        plugin = "cache"

    with pytest.raises(TypeError, match="a Alien is no cache of this engine"):
        responder(plan(cache=Alien()))
