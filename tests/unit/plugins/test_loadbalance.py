"""`loadbalance` on the answers of the plugin chain: what may move and what may not."""

from __future__ import annotations

from collections import Counter

import dns.message
import dns.name
import dns.rcode
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.plugin import ask, question

from podname.dns.query import Query, parse
from podname.plugins.base import Draft, Reply, Request
from podname.plugins.loadbalance.handler import LoadBalance, shuffle

ADDRESSES = ["192.0.2.1", "192.0.2.2", "192.0.2.3"]


def reply_to(packet: bytes, *answer: dns.rrset.RRset, rcode: str = "NOERROR") -> bytes:
    message = dns.message.make_response(dns.message.from_wire(packet))
    message.answer.extend(answer)
    message.set_rcode(dns.rcode.from_text(rcode))
    return message.to_wire()


async def balanced(packet: bytes, reply: Reply) -> Reply:
    async def next_(_: Request) -> Reply:
        return reply

    return await ask(LoadBalance(), packet, next_)


def rrset(owner: str, rtype: str, *rdatas: str) -> dns.rrset.RRset:
    return dns.rrset.from_text(owner, 30, "IN", rtype, *rdatas)


def in_order(reply: Reply) -> list[str]:
    assert reply is not None
    return [str(rdata) for rr in dns.message.from_wire(reply).answer for rdata in rr]


async def test_every_address_comes_first_about_equally_often() -> None:
    packet = question("a.example.")
    reply = reply_to(packet, rrset("a.example.", "A", *ADDRESSES))
    seen = [in_order(await balanced(packet, reply)) for _ in range(600)]
    assert all(sorted(addresses) == ADDRESSES for addresses in seen)
    first = Counter(addresses[0] for addresses in seen)
    assert all(first[address] > 100 for address in ADDRESSES)


async def test_aliases_stay_in_front_and_names_stay_true() -> None:
    packet = question("www.example.", "AAAA")
    alias = rrset("www.example.", "CNAME", "a.very.long.name.example.")
    v6 = rrset("a.very.long.name.example.", "AAAA", "2001:db8::1", "2001:db8::2")
    reply = reply_to(packet, alias, v6)
    seen = [await balanced(packet, reply) for _ in range(40)]
    for one in seen:
        assert one is not None
        assert dns.message.from_wire(one).answer == [alias, v6], "as sets they are equal"
    assert len(set(seen)) == 2


async def test_mail_exchangers_take_turns() -> None:
    packet = question("example.", "MX")
    exchangers = ["10 a.example.", "10 b.example.", "20 c.example."]
    reply = reply_to(packet, rrset("example.", "MX", *exchangers))
    seen = [in_order(await balanced(packet, reply)) for _ in range(100)]
    assert all(sorted(one) == exchangers for one in seen)
    assert len({tuple(one) for one in seen}) == 6


@pytest.mark.parametrize(
    ("rtype", "rcode"), [("A", "SERVFAIL"), ("A", "NXDOMAIN"), ("AXFR", "NOERROR")]
)
async def test_what_stays_as_it_is(rtype: str, rcode: str) -> None:
    packet = question("a.example.", rtype)
    reply = reply_to(packet, rrset("a.example.", "A", *ADDRESSES), rcode=rcode)
    assert all([await balanced(packet, reply) == reply for _ in range(20)])


async def test_silence_stays_silence() -> None:
    assert await balanced(question(), None) is None


def test_the_engine_rotates_what_it_answers() -> None:
    draft = Draft()
    LoadBalance().plan(draft)
    assert draft.rotate


@given(st.binary(max_size=80), st.integers(0, 3), st.integers(0, 3))
def test_a_malformed_reply_stays_as_it_is_or_keeps_its_octets(
    octets: bytes, answers: int, additionals: int
) -> None:
    query = parse(question("a."))
    assert isinstance(query, Query)
    head = query.packet[:6] + bytes((0, answers, 0, 0, 0, additionals))
    reply = head + query.question + octets
    assert Counter(shuffle(reply, query.end)) == Counter(reply)
