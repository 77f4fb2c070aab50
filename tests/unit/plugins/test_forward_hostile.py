"""`forward` and upstreams that mean no good, or know no better: no reply raises, none is taken for another's."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import dns.flags
import dns.message
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.plugin import CLIENT, TCP_CLIENT, ask, context, directives, question, until
from tests.support.upstream import Script, ScriptedUpstream, response, scripted

from podname.dns import constants as c
from podname.dns.compression import expand, skip_name
from podname.dns.query import Query, parse
from podname.dns.records import walk
from podname.dns.relayed import BadReply, relay
from podname.engine.base import Client
from podname.errors import ServeError
from podname.plugins.forward.handler import Forward
from podname.plugins.forward.setup import setup


@asynccontextmanager
async def forwarding_to(script: Script) -> AsyncIterator[tuple[Forward, ScriptedUpstream]]:
    async with scripted(script) as upstream:
        house = context()
        options = "read_timeout 20ms\nmax_fails 0"
        text = f". {{\nforward . {upstream.at} {{\n{options}\n}}\n}}"
        try:
            yield setup(directives(text, "forward"), house), upstream
        finally:
            for resource in house.resources.all():
                await resource.close()


def good(packet: bytes) -> bytes:
    return response(packet, "@ 30 A 192.0.2.1")


def other_id(packet: bytes) -> bytes:
    return bytes((packet[0] ^ 0xFF, packet[1])) + packet[2:]


async def test_what_has_another_id_or_no_header_is_not_heard() -> None:
    def script(packet: bytes) -> Sequence[bytes]:
        forged = response(other_id(packet), "@ 30 A 203.0.113.66")
        return [b"", b"\x00" * 11, forged, packet[:2], good(packet)]

    async with forwarding_to(script) as (plugin, _):
        for client in (TCP_CLIENT,):
            reply = await ask(plugin, question(), client=client)
            assert reply is not None
            assert b"\xcb\x00\x71\x42" not in reply
        reply = await ask(plugin, question())
        assert reply is not None
        assert reply.endswith(b"\xc0\x00\x02\x01")


async def test_only_the_upstream_is_heard() -> None:
    """Somebody else who knows the port and the id sends first."""
    gate = asyncio.Event()

    async def script(packet: bytes) -> Sequence[bytes]:
        await gate.wait()
        return [good(packet)]

    async with forwarding_to(script) as (plugin, upstream):
        asking = asyncio.ensure_future(ask(plugin, question()))
        await until(lambda: len(upstream.asked) == 1)
        asked = upstream.asked[0]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as forger, suppress(ConnectionError):
            forger.sendto(response(asked.packet, "@ 30 A 203.0.113.66"), ("127.0.0.1", asked.port))
        gate.set()
        reply = await asking
        assert reply is not None
        assert reply.endswith(b"\xc0\x00\x02\x01")


@pytest.mark.parametrize(
    "mangle",
    [
        lambda packet: response(packet[:2] + question("example.net.")[2:]),
        lambda packet: response(packet[:2] + question(rtype="AAAA")[2:]),
        lambda packet: packet,  # a query is no response
        lambda packet: packet[:2] + b"\x81\x80" + b"\x00" * 8,
        lambda packet: packet[:2] + b"\x81\x80\x00\x02" + good(packet)[6:],
        lambda packet: packet[:2] + b"\x81\x80\x00\x01" + b"\x00" * 6,
    ],
    ids=["name", "type", "query", "no question", "two questions", "cut question"],
)
async def test_an_answer_to_another_question_is_formerr(mangle: Script) -> None:
    async with forwarding_to(lambda packet: [mangle(packet)]) as (plugin, _):  # type: ignore[list-item]
        reply = await ask(plugin, question())
        assert reply is not None
        message = dns.message.from_wire(reply)
        assert (message.rcode(), message.answer) == (c.FORMERR, [])
        assert str(message.question[0]) == "example.org. IN A"


@pytest.mark.parametrize(
    ("octets", "payload", "truncated"),
    [
        (400, 0, False),
        (600, 0, True),
        (1100, 1232, False),
        (1300, 1232, True),
    ],
)
async def test_more_than_the_client_can_take_is_tc_alone(
    octets: int, payload: int, truncated: bool
) -> None:
    def giant(packet: bytes) -> Sequence[bytes]:
        return [response(packet, "@ 30 TXT " + " ".join(["x" * 99] * (octets // 100)))]

    async with forwarding_to(giant) as (plugin, _):
        reply = await ask(
            plugin, question(rtype="TXT", use_edns=0 if payload else -1, payload=payload or 512)
        )
        assert reply is not None
        message = dns.message.from_wire(reply)
        assert bool(message.flags & dns.flags.TC) is truncated
        assert bool(message.answer) is not truncated


async def test_a_giant_over_tcp_is_taken_whole() -> None:
    def giant(packet: bytes) -> Sequence[bytes]:
        return [response(packet, *[f"@ 30 TXT {'x' * 250}-{n}" for n in range(220)])]

    async with forwarding_to(giant) as (plugin, _):
        reply = await ask(plugin, question(rtype="TXT"), client=TCP_CLIENT)
        assert reply is not None
        assert len(dns.message.from_wire(reply).answer[0]) == 220


@pytest.mark.parametrize("tcp", [False, True])
async def test_a_message_that_ends_in_a_record(tcp: bool) -> None:
    async with forwarding_to(lambda packet: [good(packet)[:-2]]) as (plugin, _):
        if not tcp:
            reply = await ask(plugin, question())
            assert reply is not None
            message = dns.message.from_wire(reply)
            assert message.flags & dns.flags.TC
            assert not message.answer
            return
        with pytest.raises(ServeError, match="ends in the middle of a record") as caught:
            await ask(plugin, question(), client=TCP_CLIENT)
        assert caught.value.rcode == c.SERVFAIL


def pointing(at: int, octets: bytes) -> Script:
    """Make a script whose record has these octets, which point to themselves, so far behind its beginning."""

    def script(packet: bytes) -> Sequence[bytes]:
        record = b"\xc0\x0c\x00\x05\x00\x01\x00\x00\x00\x1e\x00\x02\xc0\x0c"
        broken = record[:at] + octets + record[at + 2 :]
        end = len(question())
        return [packet[:2] + b"\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00" + packet[12:end] + broken]

    return script


@pytest.mark.parametrize("at", [0, 12])
@pytest.mark.parametrize("further", [0, 1, 0x2000])
@pytest.mark.parametrize("client", [TCP_CLIENT, CLIENT], ids=["tcp", "udp"])
async def test_a_name_that_points_to_itself_is_broken(
    at: int, further: int, client: Client
) -> None:
    target = 0xC000 | len(question()) + at + further
    async with forwarding_to(pointing(at, target.to_bytes(2, "big"))) as (plugin, _):
        with pytest.raises(ServeError, match="does not point back") as caught:
            await ask(plugin, question(), client=client)
        assert caught.value.rcode == c.SERVFAIL


async def test_an_rcode_of_edns_is_no_success() -> None:
    def badvers(packet: bytes) -> Sequence[bytes]:
        return [response(packet, rcode=16)]

    async with forwarding_to(badvers) as (plugin, _):
        with pytest.raises(ServeError, match="an RCODE of EDNS") as caught:
            await ask(plugin, question(use_edns=0))
        assert caught.value.rcode == c.SERVFAIL


PACKET = question("ExAmple.org.", "A", use_edns=0)
_PARSED = parse(PACKET)
assert isinstance(_PARSED, Query)
QUERY: Query = _PARSED
REPLY = response(
    PACKET,
    "@ 30 CNAME a.example.net.",
    "a.example.net. 9 A 192.0.2.1",
    "authority:net. 5 NS ns.net.",
)


@st.composite
def mangled(draw: st.DrawFn) -> bytes:
    """Return a reply with some octets changed, and perhaps cut or longer; or noise behind its question."""
    octets = bytearray(REPLY)
    for at, value in draw(
        st.lists(st.tuples(st.integers(2, len(REPLY) - 1), st.integers(0, 255)), max_size=5)
    ):
        octets[at] = value
    if draw(st.booleans()):
        octets = octets[: QUERY.end] + draw(st.binary(max_size=60))
    cut = draw(st.integers(12, len(octets)))
    return bytes(octets[:cut]) + draw(st.binary(max_size=4))


@given(mangled(), st.booleans())
def test_any_reply_becomes_a_message_that_can_be_walked(octets: bytes, tcp: bool) -> None:
    try:
        message = relay(QUERY, octets, 1232, tcp=tcp)
    except BadReply:
        return
    assert message[:2] == PACKET[:2]
    assert message[4:6] == b"\x00\x01"
    assert message[c.HEADER_OCTETS : QUERY.end] == QUERY.question
    assert skip_name(message, c.HEADER_OCTETS) + 4 == QUERY.end
    counts = [int.from_bytes(message[at : at + 2], "big") for at in (6, 8, 10)]
    records = list(walk(message, QUERY.end, sum(counts)))
    assert (records[-1].end if records else QUERY.end) == len(message)
    assert all(rr.rtype != c.OPT for rr in records[counts[0] + counts[1] :])
    assert all(expand(message, rr.start) for rr in records)
