"""Packets that nobody should send: silence or a response, never an exception."""

from __future__ import annotations

import random
import sys
import time

import dns.exception
import dns.message
from hypothesis import example, given, settings
from hypothesis import strategies as st

from podname.dns import constants as c
from podname.dns.query import Malformed, parse
from podname.engine.base import Plan
from podname.engine.responding import Responder
from tests.support.tables import Somebody, make_query, plan, responder, table

ZONE = """
web.default.svc         A     10.0.0.1
web.default.svc         A     10.0.0.2
_http._tcp.web.default.svc SRV 0 50 80 web.default.svc
alias.default.svc       CNAME example.org.
"""
QUESTIONS = (
    *("web.default.svc A", "_http._tcp.web.default.svc SRV", "HTTP.tcp.web.DEFAULT.svc SRV"),
    *("nobody A", "cluster.local. SOA", "alias.default.svc A", "example.org. MX", "@ AXFR"),
)
SEEDS = [
    make_query(question, use_edns=edns, payload=1232).to_wire()
    for question in QUESTIONS
    for edns in (False, 0)
]


def check(asked: Responder, packet: bytes) -> None:
    """Ask, and look at what comes back."""
    response = asked.respond(packet, Somebody())
    if response is None:
        assert len(packet) < 12 or packet[2] & 0x80
        return
    if isinstance(response, Plan):
        assert not isinstance(parse(packet), Malformed)
        return
    assert response[:2] == packet[:2]
    assert response[2] & 0x80
    opcode = 0 if response[3] & 15 == c.FORMERR else packet[2] & 0x78
    assert response[2] & 0x78 == opcode
    dns.message.from_wire(response, ignore_trailing=False)


@settings(max_examples=300)
@given(st.binary(max_size=80))
@example(b"")
@example(bytes(12))
def test_any_octets(packet: bytes) -> None:
    asked = responder(plan(table(ZONE)), plan(zone="org."))
    check(asked, packet)
    check(asked, b"\x00\x01\x01\x00\x00\x01\x00\x00\x00\x00\x00\x01" + packet)


@settings(max_examples=300)
@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=4),
    st.integers(0, 100),
    st.binary(max_size=8),
)
def test_mutated_queries(
    seed: bytes, changed: list[tuple[int, int]], cut: int, more: bytes
) -> None:
    asked = responder(plan(table(ZONE), rotate=True))
    for known in SEEDS:
        asked.respond(known, Somebody())
    octets = bytearray(seed)
    for at, octet in changed:
        octets[at % len(octets)] = octet
    check(asked, bytes(octets[: len(octets) - cut if cut < len(octets) else None]) + more)


def test_a_run_of_random_mutations() -> None:
    """A bounded fuzz; `python -m tests.unit.engine.test_hostile SECONDS` runs it for longer."""
    assert fuzz(seconds=0.5, seed=random.randrange(1 << 30)) > 100


def fuzz(seconds: float, seed: int) -> int:
    """Ask mutated queries for a while; give how many."""
    chance, count = random.Random(seed), 0
    asked = responder(plan(table(ZONE), rotate=True), plan(zone="org."))
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for _ in range(100):
            check(asked, mutated(chance))
        count += 100
    return count


def mutated(chance: random.Random) -> bytes:
    """Take a query and do something to it."""
    octets = bytearray(chance.choice(SEEDS))
    for _ in range(chance.choice((0, 1, 1, 2, 5))):
        at = chance.randrange(len(octets))
        kind = chance.randrange(5)
        if kind == 0:
            octets[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            octets[at] = chance.choice((0, 1, 0x29, 0x3F, 0x40, 0xC0, 0xFF))
        elif kind == 2:
            del octets[at : at + chance.randrange(6)]
        elif kind == 3:
            octets[at:at] = chance.randbytes(chance.randrange(6))
        else:
            other = chance.choice(SEEDS)
            octets[at:] = other[chance.randrange(len(other)) :]
        if not octets:
            break
    return bytes(octets)


if __name__ == "__main__":
    print(fuzz(seconds=float(sys.argv[1]), seed=int(time.time())), "packets")
