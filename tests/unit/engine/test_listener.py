"""Listeners over real sockets: UDP, TCP, slow and rude clients, an orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from functools import partial

import dns.flags
import dns.message
import dns.rcode
import pytest

from podname.dns import names, reply
from podname.dns.query import Query, parse
from podname.dns.records import answer
from podname.engine import misses, tcp
from podname.engine.base import Client, Code, Plan, StreamLimits
from podname.engine.reference import PythonEngine
from podname.engine.reference.engine import PythonListener
from podname.engine.sockets import Pair
from tests.support import borders, engines
from tests.support.engines import Kind
from tests.support.tables import lines, make_query, plan, table

ZONE = "\n".join(
    [f"big.default.svc A 10.1.{n >> 8}.{n & 255}" for n in range(300)]
    + ["web.default.svc A 10.0.0.1", "web.default.svc AAAA fd00::1"]
)
SLOW = Code((names.from_text("slow.cluster.local"),))
ANSWER = "web.default.svc.cluster.local. 5 IN A 10.0.0.1"


class Chain:
    """A plugin chain whose answers wait until they are let go."""

    def __init__(self) -> None:
        self.clients: list[Client] = []
        self.go = asyncio.Event()
        self.answer: Callable[[Query], bytes | None] = lambda query: reply.deny(query, 5)

    async def __call__(self, query: Query, client: Client) -> bytes | None:
        self.clients.append(client)
        await self.go.wait()
        return self.answer(query)


class Served:
    """A listener with a table, a slow zone, and clients for both."""

    def __init__(
        self, engine: PythonEngine, listener: PythonListener, host: str, limits: StreamLimits
    ) -> None:
        self.engine, self.listener, self.host = engine, listener, host
        self.port = listener.address[1]
        self.chain = Chain()
        self.plan: Plan = replace(plan(SLOW, table(ZONE)), miss=self.chain, streams=limits)
        listener.serve([self.plan])

    def udp(self, host: str | None = None) -> socket.socket:
        host = host or self.host
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_DGRAM)
        sock.setblocking(False)
        sock.connect((host, self.port))
        return sock

    async def ask_udp(
        self, question: str, host: str | None = None, **settings: object
    ) -> list[str]:
        with self.udp(host) as sock:
            sock.send(make_query(question, **settings).to_wire())
            return lines(dns.message.from_wire(await receive(sock)))

    async def tcp(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(self.host, self.port)


async def receive(sock: socket.socket) -> bytes:
    async with asyncio.timeout(5):
        return await asyncio.get_running_loop().sock_recv(sock, 65536)


async def read(reader: asyncio.StreamReader) -> dns.message.Message:
    async with asyncio.timeout(5):
        (length,) = struct.unpack("!H", await reader.readexactly(2))
        return dns.message.from_wire(await reader.readexactly(length))


async def ends(reader: asyncio.StreamReader) -> bytes:
    """Wait for the other side to close; give what it still said."""
    async with asyncio.timeout(5):
        with contextlib.suppress(ConnectionResetError):
            return await reader.read()
        return b""


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110  # what is waited for has no event of its own
            await asyncio.sleep(0)


def framed(*questions: str, **settings: object) -> bytes:
    out = b""
    for number, question in enumerate(questions):
        octets = make_query(question, id=number, **settings).to_wire()
        out += struct.pack("!H", len(octets)) + octets
    return out


@contextlib.asynccontextmanager
async def serving(
    host: str = "127.0.0.1", listen: str | None = None, **limits: float
) -> AsyncIterator[Served]:
    engine = engines.current().engine()
    listener = await engine.listen(host if listen is None else listen, 0, "dns://:53", [])
    served = Served(engine, listener, host, StreamLimits()._replace(**limits))  # type: ignore[arg-type]
    try:
        yield served
    finally:
        served.chain.go.set()
        await listener.close(1)


# ------------------------------------------------------------------ UDP


async def test_udp() -> None:
    async with serving() as served:
        assert await served.ask_udp("web.default.svc A") == ["NOERROR", ANSWER]
        assert (await served.ask_udp("nobody A"))[0] == "NXDOMAIN"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1"])
async def test_a_wildcard_answers_from_the_address_that_was_asked(host: str) -> None:
    async with serving(listen="") as served:
        served.chain.go.set()
        assert served.listener.address == ("::", served.port)
        assert await served.ask_udp("web.default.svc A", host) == ["NOERROR", ANSWER]
        assert await served.ask_udp("x.slow A", host) == ["REFUSED"]
        assert await served.ask_udp("big.default.svc A", host, use_edns=0, payload=8192)
        assert served.chain.clients[0].address == ("::1" if ":" in host else "127.0.0.1")


async def test_many_packets_at_once_silence_and_misses_among_them() -> None:
    async with serving() as served:
        served.chain.go.set()
        with served.udp() as sock:
            expected = set()
            for number in range(200):
                kind = number % 5
                question = ("web.default.svc A", "x.slow A", "nobody A")[min(kind, 2)]
                octets = make_query(question, id=number).to_wire()
                if kind == 3:
                    octets = octets[:11]
                elif kind == 4:
                    octets = octets[:2] + b"\x80" + octets[3:]
                else:
                    expected.add((number, (0, 5, 3)[kind]))
                sock.send(octets)
            found = set[tuple[int, int]]()
            while len(found) < len(expected):
                message = dns.message.from_wire(await receive(sock))
                found.add((message.id, int(message.rcode())))
            assert found == expected


async def test_large_answers() -> None:
    async with serving() as served:
        found = await served.ask_udp("big.default.svc A", use_edns=0, payload=8192)
        assert len(found) == 301


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_what_no_datagram_holds_is_cut(host: str) -> None:
    async with serving(host) as served:
        served.chain.go.set()
        for octets in borders.BORDER:
            served.chain.answer = partial(borders.filled, octets=octets)
            with served.udp() as sock:
                sock.send(make_query("x.slow NULL", use_edns=0, payload=65535).to_wire())
                received = await receive(sock)
            borders.check(received, octets)
        assert served.engine.stats.unsent == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_what_no_datagram_holds_is_cut_of_a_table_s_answers_too(host: str) -> None:
    async with serving(host) as served:
        held, queries = table(ZONE), {}
        for octets in borders.BORDER:
            queries[octets] = make_query(f"n{octets} NULL", use_edns=0, payload=65535).to_wire()
            query = parse(queries[octets])
            assert isinstance(query, Query)
            ready = borders.ready_answer(query.end, octets)
            held.update([(query.folded, borders.NULL, ready)])
        served.listener.serve([replace(served.plan, layers=(held,))])
        for octets, packet in queries.items():
            with served.udp() as sock:
                sock.send(packet)
                borders.check(await receive(sock), octets)
        assert served.engine.stats.unsent == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root forges datagrams")
@pytest.mark.parametrize("question", ["web.default.svc A", "x.slow A"])
async def test_an_answer_that_cannot_be_sent_is_counted(
    question: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving() as served:
        served.chain.go.set()
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP) as sock:
            octets = make_query(question).to_wire()
            header = struct.pack("!4H", 0, served.port, 8 + len(octets), 0)  # from port 0
            for _ in range(2):
                sock.sendto(header + octets, (served.host, served.port))
        await until(lambda: served.engine.stats.unsent == 2)
    said = [text for text in caplog.messages if "could not be sent" in text]
    assert len(said) == 1
    assert "podname_engine_unsent_total counts them" in said[0]


async def test_a_query_that_is_too_long_is_cut_and_malformed() -> None:
    async with serving() as served:
        with served.udp() as sock:
            sock.send(make_query("web.default.svc A").to_wire() + bytes(5000))
            assert dns.message.from_wire(await receive(sock)).rcode() == 0
            sock.send(make_query("web.default.svc A", use_edns=0, pad=5000).to_wire(max_size=65535))
            assert dns.message.from_wire(await receive(sock)).rcode() == dns.rcode.FORMERR


async def test_several_listeners() -> None:
    async with serving() as one, serving() as two:
        assert one.port != two.port
        two.listener.serve([])
        assert await one.ask_udp("web.default.svc A") == ["NOERROR", ANSWER]
        assert await two.ask_udp("web.default.svc A") == ["REFUSED"]
        assert one.engine.dropped.families().counts["requests_total"] == {}
        assert sum(two.engine.dropped.families().counts["requests_total"].values()) == 1


async def test_an_address_in_use_is_an_oserror() -> None:
    async with serving() as served:
        with pytest.raises(OSError, match=r"[Aa]ddress"):
            await engines.current().engine().listen("127.0.0.1", served.port, "dns://:53", [])


async def test_no_address_is_an_oserror() -> None:
    with pytest.raises(OSError, match=r"known|address|resolution"):
        await engines.current().engine().listen("no address", 0, "dns://:53", [])


# ---------------------------------------------------------------- start


class EarlyClient:
    """Asks at the earliest moments: over UDP once a socket is bound, over TCP once it is listened on."""

    def __init__(self, patch: pytest.MonkeyPatch, engine: PythonEngine) -> None:
        self.datagrams = list[socket.socket]()
        self.over_tcp = list[int]()
        module = sys.modules[type(engine).__module__]
        bind, accept = module.bind, tcp.Tcp.accept

        def bind_and_ask(*args: object, **settings: object) -> list[Pair]:
            pairs: list[Pair] = bind(*args, **settings)
            for bound, _ in pairs:
                self._send(bound.getsockname()[:2])
            return pairs

        async def accept_and_ask(self_: tcp.Tcp, bound: socket.socket, *args: object) -> None:
            await accept(self_, bound, *args)  # type: ignore[arg-type]
            reader, writer = await asyncio.open_connection(*bound.getsockname()[:2])
            writer.write(framed("web.default.svc A"))
            self.over_tcp.append((await read(reader)).rcode())
            writer.close()
            await writer.wait_closed()

        patch.setattr(module, "bind", bind_and_ask)
        patch.setattr(tcp.Tcp, "accept", accept_and_ask)

    def _send(self, address: tuple[str, int]) -> None:
        for _ in range(64):  # from many ports: the kernel spreads them over the threads
            sock = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET, 2)
            sock.setblocking(False)
            sock.connect(address)
            sock.send(make_query("web.default.svc A").to_wire())
            self.datagrams.append(sock)

    async def over_udp(self) -> list[int]:
        """Return the RCODEs of the answers to all datagrams."""
        found = []
        for sock in self.datagrams:
            with sock:
                found.append(int(dns.message.from_wire(await receive(sock)).rcode()))
        return found


@pytest.mark.parametrize("host", ["127.0.0.1", ""])
async def test_nothing_is_answered_before_the_plan(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = engines.current().engine()
    early = EarlyClient(monkeypatch, engine)
    listener = await engine.listen(host, 0, "dns://:53", [plan(table(ZONE))])
    try:
        assert set(await early.over_udp()) == {0}
        assert set(early.over_tcp) == {0}
        assert engine.dropped.families().counts["requests_total"] == {}
    finally:
        await listener.close(1)


# --------------------------------------------------------------- misses


async def test_a_miss_is_made_fit_to_send() -> None:
    async with serving() as served:
        addresses = [bytes((10, 0, n >> 8, n & 255)) for n in range(100)]
        served.chain.answer = lambda query: reply.respond(query, answer(1, 5, addresses), flags=0)
        served.chain.go.set()
        with served.udp() as sock:
            sock.send(make_query("x.slow A", use_edns=0, payload=1000).to_wire())
            octets = await receive(sock)
        message = dns.message.from_wire(octets)
        assert len(octets) <= 1000
        assert message.flags & dns.flags.TC
        assert message.payload == 1000


@pytest.mark.parametrize("octets", [b"", b"\x01" * 11, b"\xff" * 600, None])
async def test_a_chain_that_fails_costs_its_question_servfail(
    octets: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(query: Query) -> bytes:
        if octets is None:
            raise RuntimeError("a fault")
        return octets

    async with serving() as served:
        served.chain.answer = fail
        served.chain.go.set()
        for _ in range(3):
            assert await served.ask_udp("x.slow A", use_edns=False) == ["SERVFAIL"]
        assert await served.ask_udp("web.default.svc A") == ["NOERROR", ANSWER]
    assert len(caplog.records) == 1


async def test_a_fault_of_an_observer_costs_at_most_one_answer(
    engine: Kind, caplog: pytest.LogCaptureFixture
) -> None:
    def observe(*_: object) -> None:
        raise RuntimeError("a fault")

    async with serving() as served:
        served.listener.serve([replace(served.plan, observers=(observe,))])
        # Native answers over UDP are seen when they are sent already.
        expected = ["NOERROR", ANSWER] if engine.name == "native" else ["SERVFAIL"]
        assert await served.ask_udp("web.default.svc A") == expected
        reader, writer = await served.tcp()
        writer.write(framed("web.default.svc A"))
        assert (await read(reader)).rcode() == dns.rcode.SERVFAIL
        writer.close()
    assert len(caplog.records) == 1


async def test_silence_of_the_chain_is_silence() -> None:
    async with serving() as served:
        served.chain.answer = lambda query: None
        served.chain.go.set()
        with served.udp() as sock:
            sock.send(make_query("x.slow A", id=1).to_wire())
            await until(lambda: served.chain.clients)
            sock.send(make_query("web.default.svc A", id=2).to_wire())
            assert dns.message.from_wire(await receive(sock)).id == 2


async def test_misses_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(misses, "MISSES_MAX", 3)
    async with serving() as served:
        with served.udp() as sock:
            for number in range(5):
                sock.send(make_query("x.slow A", id=number).to_wire())
            refused = [dns.message.from_wire(await receive(sock)) for _ in range(2)]
            assert {message.rcode() for message in refused} == {dns.rcode.SERVFAIL}
            served.chain.go.set()
            rest = [dns.message.from_wire(await receive(sock)) for _ in range(3)]
            assert {message.rcode() for message in rest} == {dns.rcode.REFUSED}
        dropped = served.engine.dropped.families().counts["responses_total"]
        assert dropped == {("dns://:53", "dropped", "", "SERVFAIL", ""): 2}


# ------------------------------------------------------------------ TCP


async def test_tcp_answers_in_a_row_and_as_they_are_ready() -> None:
    async with serving() as served:
        reader, writer = await served.tcp()
        writer.write(framed("web.default.svc A", "x.slow A", "big.default.svc A"))
        assert [(await read(reader)).id for _ in range(2)] == [0, 2]
        served.chain.go.set()
        assert (await read(reader)).id == 1
        assert served.chain.clients[0].protocol == "tcp"
        assert served.chain.clients[0].address == "127.0.0.1"
        writer.write(framed("nobody A"))
        assert (await read(reader)).rcode() == dns.rcode.NXDOMAIN
        writer.close()


async def test_tcp_in_single_octets() -> None:
    async with serving() as served:
        reader, writer = await served.tcp()
        transport = writer.transport
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for octet in framed("web.default.svc A"):
            writer.write(bytes((octet,)))
            await asyncio.sleep(0)
        assert (await read(reader)).rcode() == 0
        writer.close()


async def test_hundreds_of_queries_in_one_write() -> None:
    async with serving() as served:
        reader, writer = await served.tcp()
        writer.write(framed(*["web.default.svc A"] * 1000))
        assert [(await read(reader)).id for _ in range(1000)] == list(range(1000))
        writer.close()


async def test_a_half_closed_connection_gets_its_answers() -> None:
    async with serving() as served:
        reader, writer = await served.tcp()
        writer.write(framed("x.slow A", "web.default.svc A"))
        writer.write_eof()
        assert (await read(reader)).id == 1
        served.chain.go.set()
        assert (await read(reader)).id == 0
        assert await ends(reader) == b""
        writer.close()


@pytest.mark.parametrize(
    "garbage",
    [b"\x00\x00" * 5, b"\x00\x01x", b"\x00\x0c" + bytes(2) + b"\x80" + bytes(9)],
    ids=["lengths of zero", "an octet", "a response"],
)
async def test_garbage_on_tcp_is_ignored(garbage: bytes) -> None:
    async with serving() as served:
        reader, writer = await served.tcp()
        writer.write(garbage + framed("web.default.svc A"))
        assert (await read(reader)).rcode() == 0
        writer.close()


async def test_a_length_that_promises_too_much_ends_with_the_read_timeout() -> None:
    async with serving(first_read_seconds=0.05) as served:
        reader, writer = await served.tcp()
        writer.write(b"\xff\xff" + framed("web.default.svc A"))
        assert await ends(reader) == b""
        assert not served.listener._tcp.connections
        writer.close()


async def test_dripping_octets_do_not_keep_a_connection() -> None:
    async with serving(first_read_seconds=0.05) as served:
        reader, writer = await served.tcp()
        # What is written after the end is answered by a reset, which is an end, too.
        async with asyncio.timeout(5):
            with contextlib.suppress(ConnectionResetError):
                while not reader.at_eof():
                    writer.write(b"\x01")
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(reader.read(1), 0.01)
        writer.close()


async def test_an_idle_connection_ends_and_a_busy_one_does_not() -> None:
    async with serving(first_read_seconds=0.05, idle_seconds=0.05) as served:
        idle_reader, idle_writer = await served.tcp()
        busy_reader, busy_writer = await served.tcp()
        busy_writer.write(framed("x.slow A"))
        idle_writer.write(framed("web.default.svc A"))
        assert (await read(idle_reader)).rcode() == 0
        assert await ends(idle_reader) == b""
        await until(lambda: len(served.listener._tcp.connections) == 1)
        served.chain.go.set()
        assert (await read(busy_reader)).rcode() == dns.rcode.REFUSED
        assert await ends(busy_reader) == b""
        idle_writer.close()
        busy_writer.close()


async def test_a_client_that_takes_no_answers_is_given_up() -> None:
    async with serving(write_seconds=0.05) as served:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(sock, ("127.0.0.1", served.port))
        queries = framed(*["big.default.svc A"] * 100)

        async def send_on() -> None:
            async with asyncio.timeout(5):
                while True:
                    await loop.sock_sendall(sock, queries)

        with pytest.raises(OSError, match=r"reset|pipe"):
            await send_on()
        await until(lambda: not served.listener._tcp.connections)
        sock.close()


async def test_one_connection_can_have_so_many_misses_and_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tcp, "UNDER_WAY_MAX", 3)
    async with serving() as served:
        reader, writer = await served.tcp()
        writer.write(framed(*["x.slow A"] * 10, "web.default.svc A"))
        await until(lambda: len(served.chain.clients) == 3)
        (connection,) = served.listener._tcp.connections
        assert not connection._transport.is_reading()
        served.chain.go.set()
        assert {(await read(reader)).id for _ in range(11)} == set(range(11))
        assert connection._transport.is_reading()
        writer.close()


async def test_connections_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp, "CONNECTIONS_MAX", 2)
    async with serving() as served:
        kept = [await served.tcp() for _ in range(2)]
        for number, (_, writer) in enumerate(kept, 1):
            writer.write(framed("x.slow A"))
            await until(lambda number=number: len(served.chain.clients) == number)  # type: ignore[misc]
        reader, writer = await served.tcp()
        assert await ends(reader) == b""
        writer.close()
        served.chain.go.set()
        for reader, writer in kept:
            assert (await read(reader)).rcode() == 5
            writer.write(framed("web.default.svc A"))
            assert (await read(reader)).rcode() == 0
            writer.close()


async def test_the_connection_that_is_idle_for_longest_makes_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tcp, "CONNECTIONS_MAX", 3)
    async with serving() as served:
        first, second, third = [await served.tcp() for _ in range(3)]
        for reader, writer in (first, third, second):  # the third is idle for longest, but for
            writer.write(framed("web.default.svc A"))
            assert (await read(reader)).rcode() == 0
        first[1].write(framed("x.slow A"))  # the first, which waits for an answer
        await until(lambda: served.chain.clients)
        reader, writer = await served.tcp()
        writer.write(framed("web.default.svc A"))
        assert (await read(reader)).rcode() == 0
        assert await ends(third[0]) == b""
        served.chain.go.set()
        assert (await read(first[0])).rcode() == 5
        second[1].write(framed("web.default.svc A"))
        assert (await read(second[0])).rcode() == 0
        writer.close()
        for _, writer in (first, second, third):
            writer.close()


# ------------------------------------------------------------------ end


async def closed(close: Awaitable[None]) -> None:
    async with asyncio.timeout(5):
        await close


async def test_closing_answers_what_has_arrived_and_what_is_under_way() -> None:
    async with serving() as served:
        reader, writer = await served.tcp()
        writer.write(framed("x.slow A"))
        await until(lambda: served.chain.clients)
        with served.udp() as sock:
            for number in range(50):
                sock.send(make_query("web.default.svc A", id=number).to_wire())
            asyncio.get_running_loop().call_soon(served.chain.go.set)
            await closed(served.listener.close(5))
            assert {dns.message.from_wire(await receive(sock)).id for _ in range(50)} == {
                *range(50)
            }
        assert (await read(reader)).rcode() == dns.rcode.REFUSED
        assert await ends(reader) == b""
        writer.close()
        with pytest.raises(OSError, match=r"refused|failed"):
            await served.tcp()


async def test_closing_waits_no_longer_than_its_grace() -> None:
    async with serving() as served:
        reader, writer = await served.tcp()
        writer.write(framed("x.slow A"))
        await until(lambda: served.chain.clients)
        await closed(served.listener.close(0.01))
        assert await ends(reader) == b""
        writer.close()


async def test_a_connection_is_closed_after_as_many_questions_as_it_may_ask() -> None:
    async with serving(queries_most=2) as served:
        reader, writer = await served.tcp()
        writer.write(framed(*["web.default.svc A"] * 3))
        for _ in range(2):
            assert (await read(reader)).rcode() == 0
        assert await ends(reader) == b""
        writer.close()


async def test_the_last_question_of_a_connection_is_answered_when_it_takes_its_time() -> None:
    async with serving(queries_most=1) as served:
        reader, writer = await served.tcp()
        writer.write(framed("x.slow A", "web.default.svc A"))
        served.chain.go.set()
        assert (await read(reader)).rcode() == dns.rcode.REFUSED
        assert await ends(reader) == b""
        writer.close()
