"""Questions taken apart: what CoreDNS accepts is accepted, all else is an RCODE or silence."""

from __future__ import annotations

import struct

import dns.edns
import dns.exception
import dns.message
import dns.rdatatype
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from podname.dns import constants as c
from podname.dns import names, reply
from podname.dns.query import Edns, Malformed, Query, parse

NAME = names.from_text("web.default.svc.cluster.local")
QUESTION = NAME + b"\x00\x01\x00\x01"


def packet(
    question: bytes = QUESTION, behind: bytes = b"", flags: int = 0x0100, counts: str = "1000"
) -> bytes:
    return struct.pack("!6H", 77, flags, *map(int, counts)) + question + behind


def opt(octets: int = 1232, ttl: int = 0, options: bytes = b"", owner: bytes = b"\x00") -> bytes:
    return owner + struct.pack("!HHIH", c.OPT, octets, ttl, len(options)) + options


def option(code: int, data: bytes) -> bytes:
    return struct.pack("!HH", code, len(data)) + data


def accepted(octets: bytes) -> Query:
    found = parse(octets)
    assert isinstance(found, Query), found
    return found


def test_a_plain_question() -> None:
    found = accepted(packet(NAME.upper() + b"\x00\x1c\x00\x01"))
    assert (found.message_id, found.qtype, found.qclass) == (77, c.AAAA, c.IN)
    assert (found.name, found.folded) == (NAME.upper(), NAME)
    assert found.question == NAME.upper() + b"\x00\x1c\x00\x01"
    assert found.edns is None
    assert found.udp_octets == 512


def test_edns() -> None:
    found = accepted(packet(behind=opt(4096, 0x00018001), counts="1001"))
    assert found.edns == Edns(udp_octets=4096, version=1, dnssec_ok=True)
    assert found.udp_octets == 4096
    assert accepted(packet(behind=opt(100), counts="1001")).udp_octets == 512


ADDRESS = b"\x00" + struct.pack("!HHIH", c.A, c.IN, 0, 4) + bytes(4)


@pytest.mark.parametrize(
    ("behind", "counts", "has_edns"),
    [
        (ADDRESS + opt(), "1002", True),
        (opt() + ADDRESS, "1002", True),
        (ADDRESS + ADDRESS, "1110", False),
        (opt(), "1100", False),  # an OPT record in another section is none
        (b"", "1102", False),  # announced and not there: forgiven
        (opt(), "1002", True),
        (opt(options=option(10, bytes(8)) + option(3, b"")), "1001", True),  # COOKIE, NSID
        (opt(options=option(8, b"\x00\x01\x18\x00\x0a\x00\x00")), "1001", True),
        (opt(options=option(8, b"\x00\x00\x00\x00")), "1001", True),
        (opt(options=option(9, b"") + option(11, b"") + option(11, bytes(2))), "1001", True),
        (opt(options=option(65001, bytes(300))), "1001", True),
        (opt() + b"garbage behind the message", "1001", True),
    ],
)
def test_what_may_stand_behind_a_question(behind: bytes, counts: str, has_edns: bool) -> None:
    assert bool(accepted(packet(behind=behind, counts=counts)).edns) == has_edns


@pytest.mark.parametrize(
    "octets",
    [b"", b"\x00" * 11, packet(flags=0x8100), packet(flags=0xA000)],
    ids=["nothing", "11 octets", "a response", "a response with another opcode"],
)
def test_silence(octets: bytes) -> None:
    assert parse(octets) == Malformed(None)
    assert reply.malformed(octets, Malformed(None)) is None


@pytest.mark.parametrize("opcode", [o for o in range(16) if o not in {0, 4}])
def test_other_opcodes_are_not_implemented(opcode: int) -> None:
    octets = packet(flags=opcode << 11 | 0x0110)
    assert parse(octets) == Malformed(c.NOTIMP)
    assert reply.malformed(octets, Malformed(c.NOTIMP)) == struct.pack(
        "!6H", 77, 0x8000 | opcode << 11 | 0x0114, 0, 0, 0, 0
    )


def test_notify_is_a_question_like_any_other() -> None:
    found = accepted(packet(flags=4 << 11 | 0x0110))
    assert reply.flags_of(found.flags) == 0x8000 | 4 << 11  # RD and CD come back for QUERY alone


@pytest.mark.parametrize("counts", ["0000", "2000", "1200", "1020", "1003"])
def test_too_many_or_too_few_records(counts: str) -> None:
    octets = packet(counts=counts)
    assert parse(octets) == Malformed(c.FORMERR)
    assert reply.malformed(octets, Malformed(c.FORMERR)) == struct.pack(
        "!6H", 77, 0x8101, 0, 0, 0, 0
    )


@pytest.mark.parametrize(
    "question",
    [
        b"\x03www",
        b"\x03www\x00",
        b"\x03www\x00\x00\x01\x00",
        b"\xc0\x0c\x00\x01\x00\x01",
        b"\x03www\xc0\x0c\x00\x01\x00\x01",
        b"\x80\x00\x00\x01\x00\x01",
        (b"\x3f" + b"a" * 63) * 4 + b"\x00\x00\x01\x00\x01",
    ],
)
def test_a_question_that_cannot_be_read_does_not_come_back(question: bytes) -> None:
    octets = packet(question)
    assert parse(octets) == Malformed(c.FORMERR)
    assert reply.malformed(octets, Malformed(c.FORMERR)) == struct.pack(
        "!6H", 77, 0x8101, 0, 0, 0, 0
    )


@pytest.mark.parametrize(
    ("behind", "counts"),
    [
        (opt() + opt(), "1002"),
        (opt(owner=b"\x01a\x00"), "1001"),
        (opt()[:-1], "1001"),
        (opt(options=b"\x00"), "1001"),
        (opt(options=b"\x00\x03\x00\x01"), "1001"),
        (opt(options=option(8, b"\x00\x01\x21\x00")), "1001"),
        (opt(options=option(8, b"\x00\x03\x00\x00")), "1001"),
        (opt(options=option(8, b"\x00\x00\x01\x00")), "1001"),
        (opt(options=option(8, b"\x00")), "1001"),
        (opt(options=option(11, b"\x00")), "1001"),
        (opt(options=option(9, b"\x00")), "1001"),
        (opt(options=option(15, b"\x00")), "1001"),
        (opt(options=option(2, b"\x00")), "1001"),
        (opt(options=option(1, bytes(17))), "1001"),
        (ADDRESS[:-1], "1001"),
        (b"\xc0", "1100"),
    ],
)
def test_a_malformed_record_is_formerr_with_the_question(behind: bytes, counts: str) -> None:
    octets = packet(behind=behind, counts=counts)
    found = parse(octets)
    assert found == Malformed(c.FORMERR, 12 + len(QUESTION))
    assert reply.malformed(octets, found) == struct.pack("!6H", 77, 0x8101, 1, 0, 0, 0) + QUESTION


def test_a_header_alone_is_servfail() -> None:
    octets = packet(b"", flags=0x0130)
    found = parse(octets)
    assert found == Malformed(c.SERVFAIL)
    assert reply.malformed(octets, found) == struct.pack("!6H", 77, 0x8112, 0, 0, 0, 0)


@given(
    st.lists(st.binary(min_size=1, max_size=20), max_size=6),
    st.integers(0, 0xFFFF),
    st.integers(0, 0xFFFF),
    st.one_of(st.none(), st.tuples(st.integers(0, 0xFFFF), st.booleans())),
)
def test_what_dnspython_writes_is_read_back(
    labels: list[bytes], qtype: int, qclass: int, edns: tuple[int, bool] | None
) -> None:
    name = dns.name.Name([*labels, b""])
    query = dns.message.make_query(name, f"TYPE{qtype}", f"CLASS{qclass}")
    if edns is not None:
        query.use_edns(0, dns.flags.DO if edns[1] else 0, edns[0])
    found = accepted(query.to_wire())
    assert found.name == name.to_wire()
    assert (found.qtype, found.qclass) == (qtype, qclass)
    assert found.edns == (edns and Edns(edns[0], 0, edns[1]))


@given(st.binary(max_size=60))
@example(b"\x00" * 12)
def test_no_octets_raise(octets: bytes) -> None:
    for whole in (octets, packet(octets), packet(behind=octets, counts="1112")):
        found = parse(whole)
        if isinstance(found, Malformed):
            response = reply.malformed(whole, found)
            assert response is None or response[:2] == whole[:2]
            if response is not None:
                dns.message.from_wire(response, one_rr_per_rrset=True)
        else:
            assert names.starts_of(found.name)
