"""The HTTP server: what it says to real clients, and what hostile ones cost."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import shutil
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    ResponseReceived,
    StreamEnded,
    StreamReset,
)

from podname.errors import PodnameError
from podname.runtime.http import connection, http2
from podname.runtime.http import server as server_module
from podname.runtime.http.endpoint import Endpoint
from podname.runtime.http.messages import Handler, Request, Response, plain
from podname.runtime.http.server import HttpServer
from podname.runtime.http.tls import Tls
from tests.support.clock import until
from tests.support.http import get

LARGE = b"x" * 20_000_000
HEAD = b"GET / HTTP/1.1\r\nHost: a\r\n"

needs_curl = pytest.mark.skipif(not shutil.which("curl"), reason="no curl")


async def handle(request: Request) -> Response:
    """Answer as the path says."""
    if request.path == "/large":
        return Response(200, LARGE)
    if request.path == "/wrong":
        raise ValueError("a mistake")
    if request.path == "/é":
        size = "too large" if request.body is None else len(request.body)
        return plain(200, f"{request.method} {request.query} {size} {request.headers.get('x-a')}")
    return plain(200, "OK")


def patient(go: asyncio.Event) -> Handler:
    """Make a handler that answers when it may."""

    async def handler(_: Request) -> Response:
        await go.wait()
        return plain(200, "OK")

    return handler


@asynccontextmanager
async def serving(
    handler: Handler = handle, tls: Tls | None = None
) -> AsyncIterator[tuple[HttpServer, int]]:
    server = HttpServer(handler, tls=tls)
    port = await server.open("127.0.0.1", 0)
    try:
        yield server, port
    finally:
        await server.close()


class Certificates:
    """A CA, and a server that shows what it issues."""

    def __init__(self) -> None:
        self.authority = trustme.CA()
        self.tls = Tls()
        self.renew()

    def renew(self, authority: trustme.CA | None = None) -> None:
        issued = (authority or self.authority).issue_cert("localhost")
        chain = b"".join(pem.bytes() for pem in issued.cert_chain_pems)
        self.tls.show(chain, issued.private_key_pem.bytes())

    def client(self, *versions: str) -> ssl.SSLContext:
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        if versions:
            context.set_alpn_protocols(versions)
        return context


@pytest.fixture(scope="module")
def certificates() -> Certificates:
    return Certificates()


@asynccontextmanager
async def connected(
    port: int, tls: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    name = "localhost" if tls else None
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=tls, server_hostname=name, limit=2**16
    )
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def rest(reader: asyncio.StreamReader) -> bytes:
    """Read until the server closes."""
    async with asyncio.timeout(10):
        with contextlib.suppress(ConnectionError):
            return await reader.read()
    return b""


async def answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Read one answer of HTTP/1."""
    async with asyncio.timeout(10):
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.partition(b"content-length: ")[2].split()[0])
        return int(head.split()[1]), await reader.readexactly(length)


# Real clients


async def curl(*arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *("curl", "--silent", "--show-error", "--max-time", "20", *arguments),
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    return out.decode()


@needs_curl
@pytest.mark.parametrize(("flag", "version"), [("--http1.1", "1.1"), ("--http2", "2")])
async def test_curl_over_tls(
    certificates: Certificates, tmp_path: Path, flag: str, version: str
) -> None:
    certificates.authority.cert_pem.write_to_path(tmp_path / "ca.crt")
    body = tmp_path / "body"
    asked = ("--write-out", " %{http_version} %{http_code} %{num_connects}\\n")
    async with serving(tls=certificates.tls) as (_, port):
        url = f"https://localhost:{port}"
        trusted = (flag, "--cacert", str(tmp_path / "ca.crt"), *asked)
        for size, told in ((10, "10"), (60_000, "60000"), (2_000_000, "too large")):
            body.write_bytes(b"y" * size)
            options = ("-H", "X-A: 1", "-H", "X-A: 2", "--data-binary", f"@{body}")
            said = await curl(*trusted, *options, f"{url}/%C3%A9?q=1")
            assert said == f"POST q=1 {told} 1, 2 {version} 200 1\n"
        two = await curl(*trusted, f"{url}/a", f"{url}/b")
        assert two == f"OK {version} 200 1\nOK {version} 200 0\n", "both on one connection"
        assert f" {version} 200 " in await curl(*trusted, "--head", f"{url}/large")
        large = await curl(*trusted, f"{url}/large")
        assert large == f"{LARGE.decode()} {version} 200 1\n"
        assert f" {version} 500 " in await curl(*trusted, f"{url}/wrong")


@needs_curl
async def test_without_tls_it_speaks_http_1(tmp_path: Path) -> None:
    (tmp_path / "body").write_bytes(b"y" * 50_000)
    asked = ("--write-out", " %{http_version}", "--data-binary", f"@{tmp_path / 'body'}")
    async with serving() as (_, port):
        for flags in (("--http1.0",), ("--http2",), ("--http1.1", "-H", "Expect: 100-continue")):
            said = await curl(*flags, *asked, f"http://localhost:{port}/%C3%A9")
            assert said.startswith("POST  50000 None 1.")


# HTTP/1


async def test_head_and_two_requests_on_one_connection() -> None:
    async with serving() as (_, port), connected(port) as (reader, writer):
        for method, body in ((b"HEAD", b""), (b"GET", b"OK")):
            writer.write(method + b" /health HTTP/1.1\r\nHost: a\r\n\r\n")
            head = await reader.readuntil(b"\r\n\r\n")
            assert b"content-length: 2" in head
            assert await reader.readexactly(len(body)) == body


async def test_many_requests_at_once_are_answered_in_order() -> None:
    async def slowly(request: Request) -> Response:
        await asyncio.sleep(0)
        return plain(200, request.path)

    async with serving(slowly) as (_, port), connected(port) as (reader, writer):
        writer.write(b"".join(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % n for n in range(2000)))
        for number in range(2000):
            assert await answer(reader) == (200, b"/%d" % number)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01" * 50 + b"\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\n\r\n", b"400"),
        (HEAD + b"X: " + b"y" * 40_000, b"431"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", b"501"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"400"),
    ],
)
async def test_nonsense_is_refused(sent: bytes, status: bytes) -> None:
    async with serving() as (server, port), connected(port) as (reader, writer):
        writer.write(sent)
        assert (await rest(reader)).startswith(b"HTTP/1.1 " + status)
        await until(lambda: not server.connections)


async def test_a_client_that_goes_away_is_not_answered() -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    async def forever(_: Request) -> Response:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        raise AssertionError

    async with serving(forever) as (_, port):
        async with connected(port) as (_, writer):
            writer.write(HEAD + b"\r\n")
            await asyncio.wait_for(began.wait(), 10)
        await asyncio.wait_for(ended.wait(), 10)


# Slow clients


@pytest.mark.parametrize(
    "sent",
    [b"", b"GET /hea", HEAD, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf"],
)
async def test_who_opens_a_connection_and_asks_nothing_is_not_kept(
    sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "REQUEST_SECONDS", 0.02)
    async with serving() as (server, port), connected(port) as (reader, writer):
        writer.write(sent)
        assert await rest(reader) == b""
        await until(lambda: not server.connections)


async def test_octets_that_trickle_win_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "REQUEST_SECONDS", 0.2)
    async with serving() as (_, port), connected(port) as (reader, writer):
        writer.write(HEAD + b"\r\n")
        assert (await answer(reader))[0] == 200
        left = asyncio.create_task(rest(reader))
        for octet in itertools.chain(HEAD, itertools.cycle(b"X-Trickle: y\r\n")):
            writer.write(bytes([octet]))
            if (await asyncio.wait({left}, timeout=0.01))[0]:
                break
        assert left.result() == b"", "in time, and without an answer"


@pytest.mark.parametrize("pipelined", [1, 100])
async def test_who_does_not_read_the_answer_is_not_kept(
    pipelined: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "REQUEST_SECONDS", 0.3)
    answered = 0

    async def large(_: Request) -> Response:
        nonlocal answered
        answered += 1
        return Response(200, LARGE)

    async with serving(large) as (server, port), connected(port) as (_, writer):
        writer.write((HEAD + b"\r\n") * pipelined)
        await until(lambda: answered)
        await until(lambda: not server.connections)
    assert answered == 1


async def test_who_comes_when_every_connection_is_busy_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server_module, "CONNECTIONS_MAX", 2)
    go = asyncio.Event()

    async with (
        serving(patient(go)) as (server, port),
        connected(port) as (one, asking),
        connected(port) as (two, also),
    ):
        for writer in (asking, also):
            writer.write(HEAD + b"\r\n")
        await until(lambda: sum(not each.is_waiting for each in server.connections) == 2)
        async with connected(port) as (late, _):
            assert await rest(late) == b""
        go.set()
        assert [await answer(reader) for reader in (one, two)] == [(200, b"OK")] * 2


async def test_a_flood_of_connections_takes_the_place_of_no_request(
    monkeypatch: pytest.MonkeyPatch, certificates: Certificates
) -> None:
    monkeypatch.setattr(server_module, "CONNECTIONS_MAX", 20)
    go = asyncio.Event()

    floods = list[asyncio.StreamWriter]()
    async with (
        serving(patient(go), certificates.tls) as (server, port),
        connected(port, certificates.client()) as (reader, writer),
    ):
        writer.write(HEAD + b"\r\n")
        await until(lambda: any(not each.is_waiting for each in server.connections))
        for number in range(100):
            _, flood = await asyncio.open_connection("127.0.0.1", port)
            flood.write(b"\x16\x03\x01"[: number % 4])
            floods.append(flood)
            assert len(server.connections) <= 20
        async with connected(port, certificates.client()) as (other, asking):
            go.set()
            asking.write(HEAD + b"\r\n")
            assert await answer(other) == (200, b"OK")
        assert await answer(reader) == (200, b"OK")
        for flood in floods:
            flood.transport.abort()


# HTTP/2


class Client:
    """One connection of HTTP/2, by h2."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.state = H2Connection(H2Configuration(header_encoding="utf-8"))
        self.state.initiate_connection()

    def flush(self) -> None:
        self.writer.write(self.state.data_to_send())

    def ask(self, path: str = "/", method: str = "GET", *, end_stream: bool = True) -> int:
        number = self.state.get_next_available_stream_id()
        fields = {":method": method, ":path": path, ":scheme": "https", ":authority": "localhost"}
        self.state.send_headers(number, list(fields.items()), end_stream=end_stream)
        return number

    async def take(self) -> AsyncIterator[Event]:
        """Read once."""
        self.flush()
        async with asyncio.timeout(10):
            octets = await self.reader.read(2**16)
        if not octets:
            raise EOFError
        for event in self.state.receive_data(octets):
            if isinstance(event, DataReceived):
                self.state.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            yield event
        self.flush()

    async def events(self) -> AsyncIterator[Event]:
        """Read until the server closes."""
        with contextlib.suppress(ConnectionError, EOFError):
            while True:
                async for event in self.take():
                    yield event


@pytest.fixture
async def client(certificates: Certificates) -> AsyncIterator[tuple[HttpServer, Client]]:
    async with (
        serving(tls=certificates.tls) as (server, port),
        connected(port, certificates.client("h2")) as (reader, writer),
    ):
        yield server, Client(reader, writer)


async def test_a_hundred_streams_at_once(client: tuple[HttpServer, Client]) -> None:
    _, asking = client
    asked = {asking.ask("/large" if number % 50 == 0 else "/") for number in range(100)}
    octets, ended = 0, set()
    async for event in asking.events():
        if isinstance(event, DataReceived):
            octets += len(event.data)
        if isinstance(event, StreamEnded):
            ended.add(event.stream_id)
            if ended == asked:
                break
    assert octets == 2 * len(LARGE) + 98 * len("OK")


async def test_a_mistake_in_a_frame_ends_the_connection(client: tuple[HttpServer, Client]) -> None:
    server, asking = client
    asking.flush()
    asking.writer.write(b"\x00\x00\x04\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00")  # grows by 0
    events = [event async for event in asking.events()]
    assert isinstance(events[-1], ConnectionTerminated)
    assert events[-1].error_code == ErrorCodes.PROTOCOL_ERROR
    await until(lambda: not server.connections)


async def test_a_head_that_is_too_large_ends_the_connection(
    client: tuple[HttpServer, Client],
) -> None:
    server, asking = client
    fields = {":method": "GET", ":path": "/", ":scheme": "https", ":authority": "a"}
    fields["x"] = "y" * 10_000
    asking.state.send_headers(1, list(fields.items()), end_stream=True)
    events = [event async for event in asking.events()]
    assert [e.error_code for e in events if isinstance(e, ConnectionTerminated)] == [
        ErrorCodes.ENHANCE_YOUR_CALM
    ]
    await until(lambda: not server.connections)


async def test_rapid_reset_is_turned_away(client: tuple[HttpServer, Client]) -> None:
    server, asking = client
    for _ in range(5000):
        asking.state.reset_stream(asking.ask())
    events = [event async for event in asking.events()]
    ends = [event for event in events if isinstance(event, ConnectionTerminated)]
    assert [end.error_code for end in ends] in ([ErrorCodes.ENHANCE_YOUR_CALM], [])
    await until(lambda: not server.connections)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_stream_that_stands_still_is_not_kept(
    client: tuple[HttpServer, Client], method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, asking = client
    monkeypatch.setattr(connection, "REQUEST_SECONDS", 0.2)
    if method == "POST":
        asking.ask(method=method, end_stream=False)
    else:
        asking.ask("/large")
    asking.flush()  # and grants no room for the answer
    await until(lambda: any(not each.is_waiting for each in server.connections) or method == "POST")
    await until(lambda: not server.connections)


async def test_many_small_frames_do_not_hold_the_event_loop(
    client: tuple[HttpServer, Client],
) -> None:
    _, asking = client
    asking.flush()
    ping, count = b"\x00\x00\x08\x06\x00\x00\x00\x00\x00" + b"12345678", 15_000
    asking.writer.write(ping * count)  # a quarter of a MiB
    reading = asyncio.create_task(asking.reader.readexactly(count * len(ping)))
    turns = 0
    while not reading.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > count * len(ping) / http2.Http2.slice_octets


async def test_what_is_under_way_is_answered_before_the_end(certificates: Certificates) -> None:
    go = asyncio.Event()

    async with (
        serving(patient(go), certificates.tls) as (server, port),
        connected(port, certificates.client("h2")) as (reader, writer),
        connected(port, certificates.client()) as (other, asking),
    ):
        client = Client(reader, writer)
        client.ask()
        client.flush()
        asking.write(HEAD + b"\r\n")
        await until(lambda: sum(not each.is_waiting for each in server.connections) == 2)
        closing = asyncio.create_task(server.close())
        await until(lambda: server.is_draining)
        late = client.ask()
        client.flush()
        asyncio.get_running_loop().call_later(0.1, go.set)
        kinds = [
            (type(event), event.stream_id)
            async for event in client.events()
            if isinstance(event, ResponseReceived | StreamReset)
        ]
        assert kinds == [(StreamReset, late), (ResponseReceived, 1)]
        assert await answer(other) == (200, b"OK")
        assert await rest(other) == b""
        await closing


# Certificates


async def test_a_certificate_changes_under_load() -> None:
    certificates, new, stop = Certificates(), Certificates(), asyncio.Event()
    trusts_both = certificates.client("h2", "http/1.1")
    new.authority.configure_trust(trusts_both)
    answered = [0] * 12

    async def kept(place: int) -> None:
        async with connected(port, certificates.client()) as (reader, writer):
            while not stop.is_set():
                writer.write(HEAD + b"\r\n")
                assert (await answer(reader))[0] == 200
                answered[place] += 1

    async def anew(place: int) -> None:
        while not stop.is_set():
            async with connected(port, trusts_both) as (reader, writer):
                client = Client(reader, writer)
                client.ask()
                while not any([isinstance(e, StreamEnded) async for e in client.take()]):
                    pass
            answered[place] += 1

    async def all_go_on() -> None:
        before = list(answered)
        await until(lambda: all(map(int.__lt__, before, answered)) or any(t.done() for t in work))

    async with serving(tls=certificates.tls) as (_, port):
        work = [asyncio.create_task(kept(place)) for place in range(6)]
        work += [asyncio.create_task(anew(place)) for place in range(6, 12)]
        await all_go_on()
        for authority in (new.authority, certificates.authority, new.authority):
            certificates.renew(authority)
            await all_go_on()
        with pytest.raises(ssl.SSLCertVerificationError):
            async with connected(port, certificates.client()):
                pass
        stop.set()
        await asyncio.gather(*work)


async def test_a_bad_certificate_leaves_the_one_before(certificates: Certificates) -> None:
    async with serving(tls=certificates.tls) as (_, port):
        other = trustme.CA().issue_cert("localhost")
        with pytest.raises(OSError, match=r"KEY_VALUES_MISMATCH|PEM"):
            certificates.tls.show(
                other.cert_chain_pems[0].bytes(),
                certificates.authority.issue_cert("localhost").private_key_pem.bytes(),
            )
        with pytest.raises(OSError, match=r"PEM|NO_START_LINE"):
            certificates.tls.show(b"nonsense", b"")
        async with connected(port, certificates.client()) as (reader, writer):
            writer.write(HEAD + b"\r\n")
            assert await answer(reader) == (200, b"OK")


# The socket


async def test_an_endpoint_that_another_process_has_is_an_error() -> None:
    async with serving() as (_, port):
        with pytest.raises(PodnameError, match=rf"cannot listen on http://127\.0\.0\.1:{port}:"):
            await Endpoint("127.0.0.1", port).open()
        assert await get(port, "/") == (200, "OK")


@pytest.mark.parametrize("late", [False, True])
async def test_the_end_waits_for_nobody_for_long(
    late: bool, monkeypatch: pytest.MonkeyPatch, certificates: Certificates
) -> None:
    monkeypatch.setattr(server_module, "CLOSE_SECONDS", 0.1)

    async def forever(_: Request) -> Response:
        await asyncio.Event().wait()
        raise AssertionError

    server = HttpServer(forever, tls=certificates.tls)
    port = await server.open("127.0.0.1", 0)
    async with connected(port, certificates.client("h2" if late else "http/1.1")) as (_, writer):
        if late:
            client = Client(_, writer)
            client.ask()
            client.flush()
        else:
            writer.write(HEAD + b"\r\n")
        _, handshake = await asyncio.open_connection("127.0.0.1", port)
        await until(lambda: any(not each.is_waiting for each in server.connections))
        async with asyncio.timeout(5):
            await server.close()
        assert not server.connections
        handshake.transport.abort()
