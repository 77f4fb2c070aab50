"""Messages that do not fit: names compressed, then whole records dropped from the end, as CoreDNS's library does."""

from __future__ import annotations

import contextlib
import random
import struct

import dns.flags
import dns.message
import dns.name
import dns.rdata
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podname.dns import names, reply
from podname.dns.compression import expand
from podname.dns.fitting import fit
from podname.dns.query import Query, parse
from podname.dns.records import answer_with_additional, record, srv_rdata
from tests.support.tables import rrset_lines

RECORDS = (
    "{n} 5 IN A 10.0.0.1",
    "{n} 5 IN AAAA fd00::1",
    "{n} 5 IN NS {m}",
    "{n} 5 IN CNAME {m}",
    "{n} 5 IN PTR {m}",
    "{n} 5 IN MX 10 {m}",
    "{n} 5 IN SRV 0 50 80 {m}",
    "{n} 5 IN TXT {n}",
    "{n} 5 IN SOA {n} {m} 1 2 3 4 5",
)
name = st.lists(
    st.sampled_from(["web", "WEB", "svc", "cluster", "local", "a" * 40]), max_size=4
).map(lambda labels: ".".join(labels) + ".")
a_record = st.builds(lambda row, n, m: row.format(n=n, m=m), st.sampled_from(RECORDS), name, name)
section = st.lists(a_record, max_size=8)


def message(*texts: list[str]) -> bytes:
    """Write a message without any compression."""
    query = dns.message.make_query("web.cluster.local.", "A", use_edns=False).to_wire()
    parts = [octets_of(text) for records in texts for text in records]
    counts = [len(records) for records in texts] + [0] * (3 - len(texts))
    return b"".join((query[:2], struct.pack("!5H", 0x8400, 1, *counts), query[12:], *parts))


def octets_of(text: str) -> bytes:
    owner, ttl, rclass, rtype, rdata = text.split(None, 4)
    made = dns.rdata.from_text(rclass, rtype, rdata)
    octets = dns.name.from_text(owner).to_wire() or b""
    return record(octets, made.rdtype, int(ttl), made.to_wire() or b"")


def read(octets: bytes) -> dns.message.Message:
    return dns.message.from_wire(octets, one_rr_per_rrset=True)


def records_of(octets: bytes) -> list[list[str]]:
    return [rrset_lines(part) for part in read(octets).sections[1:]]


@given(section, section, section)
def test_what_fits_loses_nothing(one: list[str], two: list[str], three: list[str]) -> None:
    whole = message(one, two, three)
    fitted = fit(whole, 65535)
    assert records_of(fitted) == records_of(whole)
    assert fitted[:6] == whole[:6]
    assert len(fitted) <= len(whole)


@settings(max_examples=60)
@given(section, section, section, st.integers(40, 600))
def test_whole_records_are_dropped_from_the_end(
    one: list[str], two: list[str], three: list[str], limit: int
) -> None:
    whole = message(one, two, three)
    fitted = fit(whole, limit)
    kept, there = records_of(fitted), records_of(whole)
    assert len(fitted) <= limit
    if (
        there[0] and kept[:2] == there[:2]
    ):  # additional records beside an answer: all, or none and no TC
        assert kept[2] in (there[2], [])
        assert not read(fitted).flags & dns.flags.TC
        return
    cut = sum(map(len, there)) - sum(map(len, kept))
    assert bool(read(fitted).flags & dns.flags.TC) == bool(cut)
    flat, flat_kept = sum(there, []), sum(kept, [])  # noqa: RUF017  # three short lists
    assert flat[: len(flat_kept)] == flat_kept
    if cut:  # one more record would not have gone in
        assert fit(whole, limit) == fitted
        assert len(fit(whole, len(fitted) + 1)) <= len(fitted) + 1


def test_many_answers_are_kept_up_to_the_octet() -> None:
    texts = [f"web.cluster.local. 5 IN A 10.0.{n >> 8}.{n & 255}" for n in range(200)]
    whole = message(texts)
    question = 12 + 19 + 4
    for limit in (512, 1232, 4096):
        fitted = fit(whole, limit)
        assert len(read(fitted).answer) == min(200, (limit - question) // 16)
        assert bool(fitted[2] & 2) == (limit < question + 200 * 16)


def test_pointers_reach_no_further_than_they_can() -> None:
    targets = [names.from_text(f"pod-{n}.web.default.svc.cluster.local") for n in range(400)]
    owner = names.from_text("_http._tcp.web.default.svc.cluster.local")
    ready = answer_with_additional(
        len(owner),
        33,
        5,
        [(srv_rdata(0, 1, 80, target), 6) for target in targets],
        [(n, 1, bytes(4)) for n in range(400)],
    )
    query = parse(dns.message.make_query(dns.name.from_wire(owner, 0)[0], "SRV").to_wire())
    assert isinstance(query, Query)
    whole = reply.respond(query, ready)
    message = read(whole)
    assert [rrset.name.to_wire() for rrset in message.additional] == targets
    fitted = fit(whole, 65535)
    assert records_of(fitted) == records_of(whole)
    assert len(fitted) == len(whole)


def test_targets_of_srv_are_not_compressed_and_can_be_pointed_to() -> None:
    fitted = fit(
        message(
            ["web.cluster.local. 5 IN SRV 0 0 80 a.cluster.local."],
            [],
            ["a.cluster.local. 5 IN A 10.0.0.1"],
        ),
        65535,
    )
    assert fitted.count(names.from_text("a.cluster.local")) == 1
    assert fitted.count(b"\x07cluster\x05local\x00") == 2


def test_names_in_another_case_are_not_pointed_to() -> None:
    fitted = fit(message(["WEB.CLUSTER.LOCAL. 5 IN A 10.0.0.1"]), 65535)
    assert str(read(fitted).answer[0].name) == "WEB.CLUSTER.LOCAL."


def test_the_message_of_a_question_alone_stays() -> None:
    whole = message()
    assert fit(whole, 12) == whole


@settings(max_examples=60)
@given(section, st.integers(0, 1 << 30), st.integers(20, 600))
def test_malformed_messages_raise_nothing_unexpected(one: list[str], seed: int, limit: int) -> None:
    chance = random.Random(seed)
    octets = bytearray(message(one, one))
    for _ in range(3):
        octets[chance.randrange(len(octets))] = chance.randrange(256)
    with contextlib.suppress(IndexError, ValueError, struct.error):
        fit(bytes(octets[: chance.randrange(12, len(octets) + 1)]), limit)


@pytest.mark.parametrize("octets", [b"\xc0\x00", b"\x01a\xc0\x02", b"\xc0\x05", b"\x80", b"\x01"])
def test_names_that_go_in_circles(octets: bytes) -> None:
    with pytest.raises((IndexError, ValueError)):
        expand(octets, 0)
