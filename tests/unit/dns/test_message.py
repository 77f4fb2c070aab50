"""`Message`, compared with what dnspython reads from the same octets, and on octets that are no message."""

from __future__ import annotations

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podname.dns import constants as c
from podname.dns import query as queries
from podname.dns.message import BadMessage, Classification, Message, Section, with_ttl
from podname.dns.names import from_text
from podname.dns.query import Query, parse

NAME = "web.default.svc.cluster.local."
SOA = f"{NAME} 30 IN SOA ns.{NAME} hostmaster.{NAME} 1 2 3 4 5"
NS = f"{NAME} 30 IN NS ns.{NAME}"
RECORDS = (
    f"{NAME} 30 IN A 192.0.2.1",
    f"{NAME} 7 IN CNAME Other.{NAME}",
    f"other.{NAME} 1 IN MX 10 mail.{NAME}",
    f"_http._tcp.{NAME} 1 IN SRV 0 1 80 pod-1.{NAME}",
    SOA,
    NS,
    "1.2.0.192.in-addr.arpa. 9 IN PTR pod-1.web.default.svc.cluster.local.",
    f'{NAME} 3 IN TXT "some text"',
)


def asked(rtype: str = "A") -> dns.message.Message:
    return dns.message.make_query(NAME, rtype)


def rrset_of(text: str) -> dns.rrset.RRset:
    owner, ttl, rclass, rtype, rdata = text.split(" ", 4)
    return dns.rrset.from_text(owner, int(ttl), rclass, rtype, rdata)


def response(
    answer: tuple[str, ...] = (),
    authority: tuple[str, ...] = (),
    additional: tuple[str, ...] = (),
    *,
    rcode: str = "NOERROR",
    rtype: str = "A",
    edns: bool = False,
) -> tuple[Query, dns.message.Message]:
    question = asked(rtype)
    query = parse(question.to_wire())
    assert isinstance(query, Query)
    message = dns.message.make_response(question)
    for section, records in zip(message.sections[1:], (answer, authority, additional), strict=True):
        section.extend(map(rrset_of, records))
    message.set_rcode(dns.rcode.from_text(rcode))
    if edns:
        message.use_edns(0, payload=1232)
    return query, message


_SECTION = st.lists(st.sampled_from(RECORDS), max_size=4, unique=True).map(tuple)


@settings(max_examples=100)
@given(_SECTION, _SECTION, _SECTION, st.booleans())
def test_it_reads_what_dnspython_reads(
    answer: tuple[str, ...], authority: tuple[str, ...], additional: tuple[str, ...], edns: bool
) -> None:
    _, expected = response(answer, authority, additional, edns=edns)
    message = Message(expected.to_wire())
    assert message.flags == expected.flags
    for section, rrsets in zip(Section, expected.sections[1:], strict=True):
        found = [
            (message.name(rr.start).lower(), rr.rtype, rr.ttl_seconds, message.class_of(rr))
            for rr in message.section(section)
            if rr.rtype != c.OPT
        ]
        assert found == [
            (from_text(rrset.name.to_text()), rrset.rdtype, rrset.ttl, rrset.rdclass)
            for rrset in rrsets
        ]


@settings(max_examples=50)
@given(_SECTION, st.booleans())
def test_the_uncompressed_size_is_that_of_its_parts(records: tuple[str, ...], edns: bool) -> None:
    _, expected = response(records, records, edns=edns)
    rrsets = [rrset for section in expected.sections[1:] for rrset in section]
    rdatas = [rdata.to_wire() or b"" for rrset in rrsets for rdata in rrset]
    owners = [len(from_text(rrset.name.to_text())) + 10 for rrset in rrsets for _ in rrset]
    question_octets = len(from_text(NAME)) + 4
    size = Message(expected.to_wire()).uncompressed_octets()
    assert size == 12 + question_octets + sum(map(len, rdatas)) + sum(owners)


@pytest.mark.parametrize(
    ("answer", "authority", "rcode", "rtype", "expected"),
    [
        (RECORDS[:1], (), "NOERROR", "A", Classification.SUCCESS),
        ((), (), "NOERROR", "A", Classification.SUCCESS),
        ((), (SOA,), "NOERROR", "A", Classification.NODATA),
        ((), (NS,), "NOERROR", "A", Classification.DELEGATION),
        ((), (SOA, NS), "NOERROR", "A", Classification.NODATA),
        ((), (SOA,), "NXDOMAIN", "A", Classification.NXDOMAIN),
        ((), (), "NXDOMAIN", "A", Classification.NXDOMAIN),
        (RECORDS[1:2], (SOA,), "NXDOMAIN", "A", Classification.OTHER_ERROR),
        ((), (), "SERVFAIL", "A", Classification.SERVER_ERROR),
        (RECORDS[:1], (), "SERVFAIL", "A", Classification.SERVER_ERROR),
        ((), (), "NOTIMP", "A", Classification.SERVER_ERROR),
        ((), (), "REFUSED", "A", Classification.OTHER_ERROR),
        ((SOA,), (), "NOERROR", "AXFR", Classification.META),
    ],
)
def test_a_response_is_classified_as_coredns_does(
    answer: tuple[str, ...],
    authority: tuple[str, ...],
    rcode: str,
    rtype: str,
    expected: Classification,
) -> None:
    query, message = response(answer, authority, rcode=rcode, rtype=rtype)
    assert Message(message.to_wire()).classify(query) is expected


def test_a_response_belongs_to_its_question_in_any_case() -> None:
    query, message = response(RECORDS[:1])
    octets = message.to_wire()
    assert Message(octets).is_response_to(query)
    assert Message(octets[:12] + octets[12:40].upper() + octets[40:]).is_response_to(query)
    other = parse(queries.make(from_text("other." + NAME), c.A))
    assert isinstance(other, Query)
    assert not Message(octets).is_response_to(other)
    assert not Message(query.packet).is_response_to(query)  # a query is no response


def aged(message: Message, ttl_seconds: int) -> bytes:
    return with_ttl(message.octets, [rr.ttl_at for rr in message.records], ttl_seconds)


def test_flags_and_ttls_change_and_nothing_else() -> None:
    _, before = response(RECORDS[:3], (SOA,))
    octets = Message(before.to_wire()).with_flags(set_=c.AD, clear=c.RD)
    after = dns.message.from_wire(aged(Message(octets), 77))
    assert after.flags == (before.flags | dns.flags.AD) & ~dns.flags.RD
    assert {rrset.ttl for rrset in after.answer + after.authority} == {77}
    for rrset, other in zip(after.answer, before.answer, strict=True):
        assert (rrset.name, list(rrset)) == (other.name, list(other))


@settings(max_examples=300)
@given(st.binary(max_size=200))
def test_octets_that_are_no_message_are_bad_and_nothing_worse(octets: bytes) -> None:
    query, _ = response()
    try:
        message = Message(octets)
        message.classify(query)
        message.uncompressed_octets()
        aged(message, 1)
        assert len(message.records) == sum(message.count(section) for section in Section)
    except BadMessage:
        pass


def test_a_query_of_our_own_is_one_that_we_would_answer() -> None:
    query = parse(queries.make(from_text(NAME), c.SRV, message_id=4711))
    assert isinstance(query, Query)
    assert (query.message_id, query.name, query.qtype) == (4711, from_text(NAME), c.SRV)
    assert query.flags == c.RD
