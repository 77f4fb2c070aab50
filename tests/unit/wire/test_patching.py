"""Ready answers on their way out: read back by dnspython, behind the question that they are for."""

from __future__ import annotations

import struct

import dns.message
import pytest
from hypothesis import given
from hypothesis import strategies as st

from podname.wire import constants as c
from podname.wire import names
from podname.wire.patching import move, recase, rotate
from podname.wire.records import answer, answer_with_additional, srv_rdata
from tests.support.tables import sections

OWNER = names.from_text("_http._tcp.web.default.svc.cluster.local")
TARGETS = [names.from_text(f"web-{n}.web.default.svc.cluster.local") for n in range(5)]
V4 = [bytes((10, 0, 0, n)) for n in range(5)]
V6 = [bytes((0xFD, *[0] * 14, n)) for n in range(5)]


def srv(count: int) -> bytes:
    rdatas = [(srv_rdata(0, 20, 80, target), 6) for target in TARGETS[:count]]
    addresses = [(n, t, a[n]) for n in range(count) for t, a in ((c.A, V4), (c.AAAA, V6))]
    return answer_with_additional(len(OWNER), c.SRV, 5, rdatas, addresses)


def read(ready: bytes, owner: bytes = OWNER, qtype: int = c.SRV) -> dns.message.Message:
    header = struct.pack("!HHH", 1, 0x8400, 1) + ready[:6]
    return dns.message.from_wire(
        header + owner + struct.pack("!HH", qtype, 1) + ready[6:], one_rr_per_rrset=True
    )


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_addresses_take_turns(count: int) -> None:
    ready = answer(c.A, 5, V4[:count])
    seen = []
    for turn in range(count or 1):
        turned = rotate(ready, turn)
        message = read(turned, qtype=c.A)
        assert len(message.answer) == count
        seen.append([rrset[0].address for rrset in message.answer])
    assert len({tuple(order) for order in seen}) == max(count, 1)
    assert all(sorted(order) == sorted(seen[0]) for order in seen)


def test_targets_stay_and_their_addresses_take_turns() -> None:
    ready = srv(3)
    orders = set()
    for turn in range(6):
        message = read(rotate(ready, turn))
        assert [str(rrset) for rrset in message.answer] == [
            str(rrset) for rrset in read(ready).answer
        ]
        assert sections(message) == sections(read(ready))
        orders.add(tuple(str(rrset) for rrset in message.additional))
    assert len(orders) == 6


def test_other_records_do_not_turn() -> None:
    texts = answer(c.TXT, 5, [b"\x01a", b"\x01b"])
    assert rotate(texts, 1) == texts


@pytest.mark.parametrize("owner", ["http.tcp", "x.y._http._tcp", "_http._tcp"])
def test_an_answer_moves_under_another_owner(owner: str) -> None:
    other = names.from_text(f"{owner}.web.default.svc.cluster.local")
    moved = read(move(srv(3), len(other) - len(OWNER)), other)
    assert sections(moved)[1:] == sections(read(srv(3)))[1:]
    assert {rrset.name.to_wire() for rrset in moved.answer} == {other}


def test_additional_records_out_of_reach_are_left_out_when_moved() -> None:
    many = [(srv_rdata(0, 1, 80, TARGETS[0]), 6)] * 320
    ready = answer_with_additional(
        len(OWNER), c.SRV, 5, many, [(n, c.A, V4[0]) for n in range(320)]
    )
    there = len(read(ready).additional)
    assert there == 320
    moved = read(move(ready, 60), b"\x3b" + b"a" * 59 + OWNER)
    assert 0 < there - len(moved.additional) < 3
    assert {rrset.name for rrset in moved.additional} == {
        rrset.name for rrset in read(ready).additional
    }


@given(st.lists(st.booleans(), min_size=len(OWNER), max_size=len(OWNER)))
def test_targets_are_spelled_as_the_zone_is(capitals: list[bool]) -> None:
    zone = names.from_text("cluster.local")
    owner = bytes(
        o - 32 if up and 97 <= o <= 122 else o for o, up in zip(OWNER, capitals, strict=True)
    )
    message = read(recase(srv(2), zone, owner[-len(zone) :]), owner)
    for rrset, target in zip(message.answer, TARGETS, strict=False):
        assert rrset[0].target.to_wire() == target[: -len(zone)] + owner[-len(zone) :]
    for rrset in message.additional:
        assert (rrset.name.to_wire() or b"")[-len(zone) :] == owner[-len(zone) :]


def test_targets_elsewhere_keep_their_spelling() -> None:
    zone = names.from_text("cluster.local")
    ready = answer(c.NS, 5, [names.from_text("ns.example.org"), b"\x08xcluster\x05local\x00"])
    assert recase(ready, zone, zone.upper()) == ready
