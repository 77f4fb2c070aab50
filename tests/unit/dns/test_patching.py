"""Ready answers on their way out: read back by dnspython, behind the question that they are for."""

from __future__ import annotations

import struct

import dns.message
import pytest
from hypothesis import given
from hypothesis import strategies as st

from podname.dns import constants as c
from podname.dns import names
from podname.dns.patching import _move_anew, move, recase, rotate
from podname.dns.records import answer, answer_with_additional, srv_rdata
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
    assert move(srv(3), len(other) - len(OWNER)) == _move_anew(srv(3), len(other) - len(OWNER), 3)
    assert sections(moved)[1:] == sections(read(srv(3)))[1:]
    assert {rrset.name.to_wire() for rrset in moved.answer} == {other}


def far(count: int) -> bytes:
    targets = [names.from_text(f"web-{n}.web.default.svc.cluster.local") for n in range(count)]
    rdatas = [(srv_rdata(0, 1, 80, target), 6) for target in targets]
    return answer_with_additional(
        len(OWNER), c.SRV, 5, rdatas, [(n, c.A, V4[0]) for n in range(count)]
    )


@pytest.mark.parametrize("shift", [0, -2, 60])
def test_targets_out_of_a_pointers_reach_have_addresses_too(shift: int) -> None:
    owner = b"\x3b" + b"a" * 59 + OWNER if shift == 60 else OWNER[1:][: len(OWNER) + shift]
    owner = {0: OWNER, -2: names.from_text("http.tcp.web.default.svc.cluster.local")}.get(
        shift, owner
    )
    ready = far(400)
    moved = read(move(ready, shift), owner)
    assert len(read(ready).additional) == 400
    assert 400 - len(moved.additional) in range(3 if shift > 0 else 1)
    targets = {rrset[0].target for rrset in moved.answer}
    assert {rrset.name for rrset in moved.additional} <= targets
    assert len(ready) < 400 * (12 + 6 + 40 + 12 + 4 + 8)


def test_targets_out_of_reach_that_share_no_parent() -> None:
    targets = [names.from_text(f"a.example{n}") for n in range(700)]
    ready = answer_with_additional(
        len(OWNER),
        c.SRV,
        5,
        [(srv_rdata(0, 1, 80, target), 6) for target in targets],
        [(n, c.A, V4[0]) for n in range(700)],
    )
    for moved in (read(ready), read(move(ready, 0))):
        assert [rrset.name.to_wire() for rrset in moved.additional] == targets


def test_there_are_no_more_records_than_a_message_can_hold() -> None:
    for ready in (answer(c.A, 5, V4[:1] * 70_000), far(20_000)):
        assert 4096 < int.from_bytes(ready[:2], "big") < 6000


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
