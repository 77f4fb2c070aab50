"""Responses, read by dnspython."""

from __future__ import annotations

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import pytest

from podname.dns import constants as c
from podname.dns import names, reply
from podname.dns.message import rcode_of
from podname.dns.query import Query, parse
from podname.dns.records import answer, record, soa_rdata

ZONE = names.from_text("cluster.local")
SOA = record(ZONE, c.SOA, 5, soa_rdata(ZONE, ZONE, (1, 2, 3, 4, 5)))


def query(**settings: object) -> Query:
    made = dns.message.make_query("Web.Cluster.Local.", "A", **settings)  # type: ignore[arg-type]
    found = parse(made.to_wire())
    assert isinstance(found, Query)
    return found


def read(octets: bytes) -> dns.message.Message:
    return dns.message.from_wire(octets)


def test_an_answer() -> None:
    asked = query(flags=dns.flags.RD | dns.flags.CD | dns.flags.AD)
    message = read(reply.respond(asked, answer(c.A, 5, [bytes(4)])))
    assert message.id == asked.message_id
    assert dns.flags.to_text(message.flags) == "QR AA RD CD"
    assert message.answer[0].to_text() == "Web.Cluster.Local. 5 IN A 0.0.0.0"


@pytest.mark.parametrize("rcode", [c.NOERROR, c.NXDOMAIN, c.SERVFAIL, c.REFUSED])
def test_a_denial(rcode: int) -> None:
    message = read(reply.deny(query(), rcode, SOA, flags=c.AA))
    assert message.rcode() == rcode
    assert dns.flags.to_text(message.flags) == "QR AA RD"
    assert message.authority[0].to_text().startswith("cluster.local. 5 IN SOA")
    bare = reply.deny(query(), rcode)
    assert read(bare).authority == []
    assert rcode_of(bare) == rcode


@pytest.mark.parametrize("size", [0, 100, 512, 1232, 65535])
@pytest.mark.parametrize("do", [True, False])
def test_the_size_of_the_client_comes_back_and_do(size: int, do: bool) -> None:
    asked = query(use_edns=0, payload=size, want_dnssec=do)
    asked.packet  # noqa: B018
    message = read(reply.finish(asked, reply.deny(asked, c.NXDOMAIN, SOA), 512))
    assert message.edns == 0
    assert message.payload == size
    assert bool(message.ednsflags & dns.flags.DO) == do
    assert message.options == ()


def test_options_do_not_come_back() -> None:
    cookie = dns.edns.GenericOption(dns.edns.COOKIE, bytes(8))
    asked = query(use_edns=0, options=[cookie, dns.edns.GenericOption(dns.edns.NSID, b"")])
    assert read(reply.finish(asked, reply.deny(asked, c.NXDOMAIN), 512)).options == ()


def test_without_edns_there_is_none() -> None:
    asked = query(use_edns=False)
    assert read(reply.finish(asked, reply.deny(asked, c.NXDOMAIN), 512)).edns == -1


def test_the_opt_record_is_kept_when_others_are_dropped() -> None:
    asked = query(use_edns=0, payload=1000)
    whole = reply.respond(asked, answer(c.A, 5, [bytes((10, 0, 0, n)) for n in range(100)]))
    message = read(reply.finish(asked, whole, asked.udp_octets))
    assert message.edns == 0
    assert message.flags & dns.flags.TC
    assert len(message.answer[0]) == (1000 - 12 - 19 - 4 - 11) // 16


def test_badvers_promises_nothing() -> None:
    message = read(reply.bad_version(query(use_edns=0, payload=1232, want_dnssec=True)))
    assert message.rcode() == dns.rcode.BADVERS
    assert (message.edns, message.payload, message.ednsflags & dns.flags.DO) == (0, 0, 0)


@pytest.mark.parametrize("limit", [512, 65])
def test_options_of_an_opt_record_at_the_end_are_the_clients(limit: int) -> None:
    asked = query(use_edns=0, payload=1400, ednsflags=dns.flags.DO)
    own = b"\x00" + bytes((0, c.OPT, 0, 0, 0, 0, 0, 0, 0, 6)) + b"\xfd\xe9\x00\x02hi"
    response = reply.build(asked, answer=[record(asked.name, c.A, 5, bytes(4))], additional=[own])
    message = read(reply.finish(asked, response, limit))
    assert (message.payload, message.ednsflags) == (1400, dns.flags.DO)
    assert [option.to_wire() for option in message.options] == [b"hi"]
    assert len(message.answer) == (limit == 512)
    assert read(reply.finish(query(), response, limit)).edns == -1, "who sent no OPT gets none"


@pytest.mark.parametrize("edns", [True, False])
def test_an_extended_error_is_for_clients_with_edns(edns: bool) -> None:
    asked = query(use_edns=edns)
    response = reply.finish(asked, reply.deny(asked, c.SERVFAIL, extended_error=23), 512)
    said = dns.message.from_wire(response)
    assert said.rcode() == c.SERVFAIL
    assert [int(each.otype) for each in said.options] == ([15] if edns else [])
