"""Both engines, given the same answers to keep and the same packets at the same time: octet for octet the same."""

from __future__ import annotations

import itertools
import random
import sys
import time
from typing import Any

import dns.message
import dns.name
import dns.rrset
import pytest
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType
from hypothesis import given, settings
from hypothesis import strategies as st

from podname.dns import constants as c
from podname.dns import names
from podname.engine.base import Code
from podname.engine.caching import AnswerKey, CachedAnswer
from podname.engine.counters import Counters
from tests.support.cached import NS, of_message
from tests.support.engines import KINDS
from tests.support.tables import Somebody, plan
from tests.unit.engine.test_equal import fix_turn, spoken
from tests.unit.engine.test_hostile import mutated

pytestmark = [
    pytest.mark.skipif("native" not in KINDS, reason="the native engine was not built"),
    pytest.mark.parametrize("engine", ["python"], indirect=True),  # each test runs both
]

NAMES = ("www.example.org.", "example.org.", "a.test.", ".", "x" * 63 + ".test.")
TYPES = (c.A, c.AAAA, c.TXT, c.MX, 65, 1234)
TTLS = (1, 2, 30, 300, 1 << 31)


def some_records(chance: random.Random, section: list[dns.rrset.RRset], ttl_seconds: int) -> None:
    """Fill a section: owners that are pointers and some that are not, addresses that take turns."""
    for _ in range(chance.choice((0, 1, 1, 2, 3, 12))):
        rtype, rdata = chance.choice(
            (
                ("A", f"192.0.2.{chance.randrange(256)}"),
                ("A", f"192.0.2.{chance.randrange(256)}"),
                ("AAAA", f"2001:db8::{chance.randrange(9999)}"),
                ("CNAME", chance.choice(NAMES)),
                ("TXT", "t" * chance.randrange(1, 250)),
                ("SOA", "ns.example.org. root.example.org. 1 2 3 4 60"),
            )
        )
        rrset = dns.rrset.from_text(chance.choice(NAMES), ttl_seconds, "IN", rtype, rdata)
        section.append(rrset)


def some_key(chance: random.Random) -> AnswerKey:
    flag = (False, False, True)
    name, qclass = names.from_text(chance.choice(NAMES)), chance.choice((1, 1, 1, 3))
    return name, chance.choice(TYPES), qclass, chance.choice(flag), chance.choice(flag)


def some_answer(chance: random.Random, key: AnswerKey, now_ns: int) -> CachedAnswer:
    name, qtype, qclass = dns.name.from_wire(key[0], 0)[0], RdataType.make(key[1]), key[2]
    query = dns.message.make_query(name, qtype, RdataClass.make(qclass))
    message = dns.message.make_response(query)
    ttl_seconds = chance.choice(TTLS)
    for section in (message.answer, message.authority, message.additional):
        some_records(chance, section, ttl_seconds)
    stored_ns = max(0, now_ns - chance.choice((0, 1, NS - 1, NS, 3 * NS, 400 * NS, -NS)))
    made = of_message(message.to_wire(), ttl_seconds, stored_ns, chance.randrange(65536) & 0x04BF)
    flags = (True, False, False)
    return made._replace(keeps_ttl=chance.choice(flags), is_denial=chance.choice(flags))


def some_packet(chance: random.Random, key: AnswerKey) -> bytes:
    """Ask for what a key says, or nearly so."""
    if chance.random() < 0.05:
        return mutated(chance)
    if chance.random() < 0.1:
        key = some_key(chance)
    spelled = bytes(x & 0xDF if chance.random() < 0.5 and x > 96 else x for x in key[0])
    flags = (c.RD, 0, c.AD, c.RD | c.AD, 4 << 11)[chance.choice((0, 0, 1, 2, 3, 4))]
    flags |= c.CD if key[4] else 0
    edns = key[3] or chance.random() < 0.5
    head = chance.randbytes(2) + flags.to_bytes(2, "big") + bytes((0, 1, 0, 0, 0, 0, 0, edns))
    question = spelled + key[1].to_bytes(2, "big") + key[2].to_bytes(2, "big")
    payload = chance.choice((0, 512, 700, 1232, 4096, 65535)).to_bytes(2, "big")
    opt = b"\x00\x00\x29" + payload + bytes((0, 0, 0x80 if key[3] else 0, 0, 0, 0))
    return head + question + (opt if edns else b"")


class Side:
    """One engine's part of the comparison."""

    def __init__(self, kind: Any, *, rotate: bool, turn: int) -> None:
        self.counters, self.cache = Counters(), kind.cache("cache")
        made = plan(
            Code((names.ROOT,)),
            cache=self.cache,
            rotate=rotate,
            counters=self.counters,
            classes=frozenset({255}),
        )
        self.responders = [
            kind.responder("dns://:53", how, 1, Counters()) for how in ("udp", "tcp")
        ]
        for responder in self.responders:
            responder.serve([made])
            fix_turn(responder, turn)

    def say(self, which: int, packet: bytes, now_ns: int) -> object:
        responder = self.responders[which]
        if hasattr(responder, "core"):
            responder.core.fix_now(now_ns)
        responder.now_ns = lambda: now_ns
        return spoken(responder.respond(packet, Somebody()))

    def counted(self) -> object:
        found = self.counters.families()
        sizes = [found.histograms[f"{what}_size_bytes"] for what in ("request", "response")]
        return len(self.cache), self.cache.hits(), found.counts, sizes


def compare(seed: int, steps: int = 15, questions: int = 12) -> tuple[int, int]:
    """Leave, take out and ask in turns; give how many questions were asked and how many answered."""
    chance = random.Random(seed)
    rotate, turn, now_ns = chance.random() < 0.7, chance.randrange(1 << 15), 1000 * NS
    sides = [Side(KINDS[name], rotate=rotate, turn=turn) for name in ("python", "native")]
    keys, answered = [some_key(chance)], 0
    for _ in range(steps):
        now_ns += chance.randrange(2 * NS)
        for _ in range(chance.randrange(4)):
            keys.append(some_key(chance))
            answer = some_answer(chance, keys[-1], now_ns)
            for side in sides:
                side.cache.put(keys[-1], answer)
        gone, all_gone = chance.choice(keys), chance.random() < 0.02
        for side in sides:
            if all_gone:
                side.cache.clear()
            elif len(keys) % 5 == 0:
                side.cache.remove(gone)
        for _ in range(questions):
            packet, which = some_packet(chance, chance.choice(keys)), chance.randrange(2)
            said = [side.say(which, packet, now_ns) for side in sides]
            assert said[0] == said[1], packet.hex()
            answered += isinstance(said[0], bytes)
    assert sides[0].counted() == sides[1].counted()
    return steps * questions, answered


@settings(max_examples=60)
@given(st.integers(0, 1 << 60))
def test_both_say_the_same(seed: int) -> None:
    compare(seed)


def test_the_comparison_meets_answers() -> None:
    asked, answered = map(sum, zip(*(compare(seed) for seed in range(5)), strict=True))
    assert asked * 0.2 < answered < asked * 0.9


if __name__ == "__main__":
    end, total, first = time.monotonic() + float(sys.argv[1]), 0, int(time.time()) << 20
    for number in itertools.count(first):
        total += compare(number)[0]
        if time.monotonic() > end:
            break
    print(total, "questions, seeds from", first)
