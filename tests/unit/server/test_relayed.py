"""Forwarded questions over a whole server: the native engine asks upstreams by itself, and nobody can tell."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import dns.edns
import dns.flags
import dns.message
import pytest
from tests.support import engines
from tests.support.plugin import until
from tests.support.server import exchange, plugin_of, port_of, serving, started
from tests.support.upstream import Replies, Script, answering, free_port, response, scripted

from podname.plugins.forward.handler import Forward
from podname.server.lifecycle import Server

needs_native = pytest.mark.skipif(
    "native" not in engines.KINDS, reason="the native engine was not built"
)
RECORD = "@ 300 A 192.0.2.1"
SOA = "authority:example.org. 60 SOA ns.example.org. admin.example.org. 1 7200 1800 86400 30"


def corefile(upstreams: str, options: str = "", more: str = "") -> str:
    return f".:0 {{\nbind 127.0.0.1\nerrors\nforward . {upstreams} {{\n{options}\n}}\n{more}\n}}\n"


def query(name: str = "www.example.org.", rtype: str = "A", **more: object) -> bytes:
    packet: bytes = dns.message.make_query(name, rtype, **more).to_wire()  # type: ignore[arg-type]
    return packet


def relays(server: Server) -> bool:
    """Return whether the engine asks upstreams by itself."""
    return server.engine.name == "native"


async def test_questions_under_way_at_once_are_asked_once(tmp_path: Path) -> None:
    gate = asyncio.Event()

    async def late(packet: bytes) -> Sequence[bytes]:
        await gate.wait()
        return [response(packet, RECORD)]

    async with scripted(late) as upstream, serving(tmp_path, corefile(upstream.at)) as server:
        packets = [
            query("wWw.example.org."),
            query("www.EXAMPLE.org."),
            query("other.example.org."),
        ]
        asking = [asyncio.ensure_future(exchange(port_of(server), each)) for each in packets]
        await until(lambda: len(upstream.asked) == (2 if relays(server) else 3))
        gate.set()
        for packet, reply in zip(packets, await asyncio.gather(*asking), strict=True):
            assert reply[:2] == packet[:2]
            assert reply[12 : len(packet)] == packet[12:]  # each in its own case
            assert reply.endswith(b"\xc0\x00\x02\x01")


@needs_native
@pytest.mark.parametrize("engine", ["native"], indirect=True)
async def test_a_forged_reply_is_ignored_and_the_true_one_awaited(tmp_path: Path) -> None:
    def script(packet: bytes) -> Replies:
        forged = response(packet, "@ 300 A 203.0.113.66")
        other_id = bytes([packet[0] ^ 0x55]) + forged[1:]
        other_name = forged.replace(b"\x03www", b"\x03wwx")
        other_type = forged.replace(b"\x03org\x00\x00\x01", b"\x03org\x00\x00\x1c", 1)
        no_response = forged[:2] + bytes([forged[2] & 0x7F]) + forged[3:]
        two_questions = forged[:4] + b"\x00\x02" + forged[6:]
        wrong = [forged[:11], other_id, other_name, other_type, no_response, two_questions]
        return [*wrong, response(packet, RECORD)]

    async with scripted(script) as upstream, serving(tmp_path, corefile(upstream.at)) as server:
        assert (await exchange(port_of(server), query())).endswith(b"\xc0\x00\x02\x01")
        assert len(upstream.asked) == 1
        forward = plugin_of(server, "forward")
        assert isinstance(forward, Forward)
        relay = forward.forwarders[0].relay
        assert relay is not None
        assert relay.foreign() == 6
        assert relay.under_way() == 0


async def test_ids_and_ports_change_with_the_question(tmp_path: Path) -> None:
    async with (
        scripted(answering(RECORD)) as upstream,
        serving(tmp_path, corefile(upstream.at)) as server,
    ):
        for number in range(64):
            await exchange(port_of(server), query(f"n{number}.example.org."))
        ids = [asked.packet[:2] for asked in upstream.asked]
        assert len(set(ids)) > 60
        if relays(server):
            assert len({asked.port for asked in upstream.asked}) > 16


async def test_a_dead_upstream_costs_no_question(tmp_path: Path) -> None:
    text = "policy sequential\nread_timeout 100ms"
    async with scripted(answering(RECORD)) as upstream:
        both = f"127.0.0.1:{free_port()} {upstream.at}"
        async with serving(tmp_path, corefile(both, text)) as server:
            for number in range(30):
                reply = await exchange(port_of(server), query(f"n{number}.example.org."))
                assert reply.endswith(b"\xc0\x00\x02\x01")


async def test_a_silent_upstream_is_left_until_it_is_back(tmp_path: Path) -> None:
    is_silent = True

    def script(packet: bytes) -> Replies:
        return [] if is_silent else [response(packet, "@ 300 A 192.0.2.2")]

    options = "policy sequential\nread_timeout 50ms\nmax_fails 1\nhealth_check 100ms"
    async with scripted(script) as first, scripted(answering(RECORD)) as second:
        text = corefile(f"{first.at} {second.at}", options)
        async with serving(tmp_path, text) as server:
            port = port_of(server)
            assert (await exchange(port, query("a.example.org."))).endswith(b"\xc0\x00\x02\x01")
            forward = plugin_of(server, "forward")
            assert isinstance(forward, Forward)
            health = forward.forwarders[0].upstreams[0].health
            await until(lambda: health.fails > 1)
            before = len(first.asked)
            assert (await exchange(port, query("b.example.org."))).endswith(b"\xc0\x00\x02\x01")
            named = [asked.packet for asked in first.asked[before:]]
            assert not any(b"example" in packet for packet in named)
            is_silent = False
            await until(lambda: health.fails == 0)
            assert (await exchange(port, query("c.example.org."))).endswith(b"\xc0\x00\x02\x02")


async def test_when_nobody_answers_it_is_servfail_and_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    upstream = f"127.0.0.1:{free_port()}"
    async with serving(tmp_path, corefile(upstream, "read_timeout 50ms")) as server:
        reply = dns.message.from_wire(await exchange(port_of(server), query()))
    assert reply.rcode() == 2
    assert "connection refused" in caplog.text


@pytest.mark.parametrize(
    ("options", "first", "wanted"),
    [
        ("failover SERVFAIL\npolicy sequential", {"rcode": 2}, b"\xc0\x00\x02\x01"),
        ("failover NXDOMAIN\npolicy sequential", {"rcode": 3}, b"\xc0\x00\x02\x01"),
        ("prefer_udp\npolicy sequential", {"flags": dns.flags.TC}, b"\x00\x00\x00\x00\x00\x00"),
    ],
)
async def test_what_another_may_mend_is_left_to_code(
    tmp_path: Path, options: str, first: dict[str, int], wanted: bytes
) -> None:
    async with scripted(answering(**first)) as one, scripted(answering(RECORD)) as other:
        async with serving(tmp_path, corefile(f"{one.at} {other.at}", options)) as server:
            reply = await exchange(port_of(server), query())
            assert reply.endswith(wanted) or (reply[2] & 2 and not options.startswith("failover"))
        over_tcp = [asked for asked in one.asked if asked.protocol == "tcp"]
        assert bool(over_tcp) == options.startswith("prefer_udp")


async def test_more_than_max_concurrent_are_refused(tmp_path: Path) -> None:
    gate = asyncio.Event()

    async def late(packet: bytes) -> Sequence[bytes]:
        await gate.wait()
        return [response(packet, RECORD)]

    text = "max_concurrent 2"
    async with scripted(late) as upstream, serving(tmp_path, corefile(upstream.at, text)) as server:
        port = port_of(server)
        first = [
            asyncio.ensure_future(exchange(port, query(f"n{n}.example.org."))) for n in range(2)
        ]
        await until(lambda: len(upstream.asked) == 2)
        refused = dns.message.from_wire(await exchange(port, query("more.example.org.")))
        assert refused.rcode() == 5
        gate.set()
        for reply in await asyncio.gather(*first):
            assert reply.endswith(b"\xc0\x00\x02\x01")
        assert (await exchange(port, query("more.example.org."))).endswith(b"\xc0\x00\x02\x01")


async def test_options_for_the_next_server_alone_go_no_further(tmp_path: Path) -> None:
    cookie = dns.edns.GenericOption(10, b"12345678")  # type: ignore[arg-type]
    padding = dns.edns.GenericOption(12, b"\0" * 20)  # type: ignore[arg-type]
    nsid = dns.edns.GenericOption(3, b"")  # type: ignore[arg-type]
    async with (
        scripted(answering(RECORD)) as upstream,
        serving(tmp_path, corefile(upstream.at)) as server,
    ):
        await exchange(port_of(server), query(use_edns=0, options=[cookie, nsid, padding]))
        asked = dns.message.from_wire(upstream.asked[0].packet)
        assert [option.otype for option in asked.options] == [3]
        assert asked.payload == 1232


async def test_an_answer_for_one_subnet_is_for_nobody_else(tmp_path: Path) -> None:
    subnet = dns.edns.ECSOption("192.0.2.0", 24)
    async with (
        scripted(answering(RECORD)) as upstream,
        serving(tmp_path, corefile(upstream.at, more="cache 30")) as server,
    ):
        port = port_of(server)
        await exchange(port, query(use_edns=0, options=[subnet]))
        await exchange(port, query(use_edns=0))
        await exchange(port, query(use_edns=0))
        assert len(upstream.asked) == 2


async def test_transfers_and_signed_questions_go_to_the_chain(tmp_path: Path) -> None:
    import dns.tsig  # noqa: PLC0415 - only here

    signed = dns.message.make_query("www.example.org.", "A")
    signed.use_tsig(
        {dns.name.from_text("key."): b"0123456789abcdef"}, algorithm=dns.tsig.HMAC_SHA256
    )
    signed_packet: bytes = signed.to_wire()

    def script(packet: bytes) -> Replies:
        return [response(packet[:2] + query()[2:], RECORD)]

    async with scripted(script) as upstream, serving(tmp_path, corefile(upstream.at)) as server:
        await exchange(port_of(server), signed_packet)
        assert b"\x03key\x00" in upstream.asked[0].packet  # as it came
        await exchange(port_of(server), query(rtype="AXFR"))
        assert server.engine.stats.misses == 2


async def test_the_oldest_answer_makes_room(tmp_path: Path) -> None:
    cache = "cache {\nsuccess 1024\n}"
    async with (
        scripted(answering(RECORD)) as upstream,
        serving(tmp_path, corefile(upstream.at, more=cache)) as server,
    ):
        port = port_of(server)
        for first in range(0, 1120, 40):  # the first batches make room, in whatever order they came
            batch = [query(f"n{number}.example.org.") for number in range(first, first + 40)]
            await asyncio.gather(*(exchange(port, packet) for packet in batch))
        before = len(upstream.asked)
        await exchange(port, query("n1119.example.org."))
        assert len(upstream.asked) == before
        await exchange(port, query("n0.example.org."))
        assert len(upstream.asked) == before + 1


async def test_a_server_that_ends_answers_what_is_under_way(tmp_path: Path) -> None:
    gate = asyncio.Event()

    async def late(packet: bytes) -> Sequence[bytes]:
        await gate.wait()
        return [response(packet, RECORD)]

    async with scripted(late) as upstream:
        server = await started(tmp_path, corefile(upstream.at))
        asking = asyncio.ensure_future(exchange(port_of(server), query()))
        await until(lambda: len(upstream.asked) == 1)
        stopping = asyncio.ensure_future(server.stop(5))
        gate.set()
        assert (await asking).endswith(b"\xc0\x00\x02\x01")
        await stopping


# ------------------------------------------------------------------ equal

ALIAS = ("@ 300 CNAME a.example.net.", "a.example.net. 20 CNAME b.example.net.")
SIGNATURE = "A 8 3 300 20200101000000 20190101000000 1 example.org. AAAA"
SAID: dict[str, Script] = {
    "one": answering(RECORD),
    "several": answering(RECORD, "@ 7 A 192.0.2.2", "@ 900 A 192.0.2.3"),
    "alias": answering(*ALIAS, "b.example.net. 10 A 192.0.2.9"),
    "alias to nowhere": answering(*ALIAS),
    "alias to nowhere, bounded": answering(*ALIAS, SOA),
    "alias in a circle": answering("@ 9 CNAME b.test.", "b.test. 9 CNAME www.example.org."),
    "two targets": answering("@ 9 CNAME b.test.", "@ 9 CNAME c.test.", "b.test. 9 A 192.0.2.1"),
    "another's": answering("other.example. 9 A 192.0.2.1"),
    "no data": answering(SOA),
    "nothing": answering(),
    "delegation": answering("authority:example.org. 60 NS ns.example.org."),
    "no name": answering(SOA, rcode=3),
    "no name, not bounded": answering(rcode=3),
    "no name with an alias": answering(*ALIAS, SOA, rcode=3),
    "servfail": answering(rcode=2),
    "refused": answering(rcode=5),
    "not implemented": answering(rcode=4),
    "truncated": answering(RECORD, flags=dns.flags.TC),
    "authoritative, authenticated": answering(RECORD, flags=dns.flags.AA | dns.flags.AD),
    "TTL 0": answering("@ 0 A 192.0.2.1"),
    "long TTL": answering("@ 2147483647 A 192.0.2.1"),
    "expired signature": answering(RECORD, f"@ 300 RRSIG {SIGNATURE}"),
    "large": answering("@ 300 TXT " + " ".join(["x" * 99] * 9)),
    "mail": answering("@ 300 MX 10 mx1.example.org.", "@ 300 MX 10 mx2.example.org."),
    "services": answering("@ 300 SRV 0 0 80 a.example.org.", "@ 300 SRV 0 0 80 b.example.org."),
    "garbage behind": lambda packet: [response(packet, RECORD) + b"more"],
    "cut": lambda packet: [response(packet, RECORD)[:-2]],
    "cut in a name": lambda packet: [response(packet, "@ 9 CNAME b.test.")[:-3]],
    "a loop of pointers": lambda packet: [
        response(packet, RECORD).replace(b"\xc0\x0c\x00\x01\x00\x01", b"\xc0\x1d\x00\x01\x00\x01")
    ],
    "an EDNS error": lambda packet: [with_opt(response(packet, RECORD), b"\x01\x00\x00\x00")],
    "OPT of its own": lambda packet: [with_opt(response(packet, RECORD), b"\x00\x00\x80\x00")],
    "OPT in front": lambda packet: [with_opt(response(packet), b"\x00\x00\x00\x00", RECORD)],
}
ASKED: dict[str, Callable[[], bytes]] = {
    "plain": query,
    "odd case": lambda: query("wWw.Example.ORG."),
    "EDNS": lambda: query(use_edns=0, payload=1232),
    "DO": lambda: query(use_edns=0, want_dnssec=True, payload=4096),
    "AD": lambda: with_flags(query(), dns.flags.AD),
    "CD, no RD": lambda: with_flags(query(), dns.flags.CD, ~dns.flags.RD),
    "another type": lambda: query(rtype="AAAA"),
    "ANY": lambda: query(rtype="ANY"),
    "CNAME": lambda: query(rtype="CNAME"),
    "class CH": lambda: query(rdclass="CH"),
}


def with_flags(packet: bytes, set_: int = 0, keep: int = ~0) -> bytes:
    flags = (int.from_bytes(packet[2:4], "big") | set_) & keep & 0xFFFF
    return packet[:2] + flags.to_bytes(2, "big") + packet[4:]


def with_opt(message: bytes, ttl: bytes, *behind: str) -> bytes:
    """Append an OPT record, in place of one that is there, and behind it glue."""
    bare = dns.message.from_wire(message)
    bare.use_edns(False)
    wire = bare.to_wire(max_size=65535)
    glue = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x09\x00\x04\xc0\x00\x02\x07" * len(behind)
    count = (1 + len(behind)).to_bytes(2, "big")
    return wire[:10] + count + wire[12:] + b"\x00\x00\x29\x04\xd0" + ttl + b"\x00\x00" + glue


async def told(
    folder: Path, script: Script, more: str, packets: Iterable[bytes]
) -> list[tuple[bytes, ...]]:
    """Ask each question twice of a server with the current engine; return what it says, without ids."""
    out = []
    async with scripted(script) as upstream:
        text = corefile(upstream.at, "read_timeout 100ms\nmax_connect_attempts 1", more)
        async with serving(folder, text) as server:
            for packet in packets:
                replies = [await exchange(port_of(server), packet) for _ in range(2)]
                out.append(tuple(reply[2:] for reply in replies))
    return out


@needs_native
@pytest.mark.parametrize("engine", ["python"], indirect=True)
@pytest.mark.parametrize(
    "more",
    [
        "",
        "cache 30",
        "cache {\nsuccess 100 60 20\ndenial 100 9\nservfail 0\nkeepttl\n}",
        "cache {\nprefetch 9\nserve_stale 1h verify\nserve_stale_policy prefer_positive\n}",
    ],
)
@pytest.mark.parametrize("said", SAID)
async def test_both_engines_say_the_same(said: str, more: str, tmp_path: Path) -> None:
    packets = [make() for make in ASKED.values()]
    found = {}
    for name in engines.KINDS:
        with engines.running(name):
            found[name] = await told(tmp_path, SAID[said], more, packets)
    for label, python, native in zip(ASKED, found["python"], found["native"], strict=True):
        assert native == python, f"{label}: {native} instead of {python}"
