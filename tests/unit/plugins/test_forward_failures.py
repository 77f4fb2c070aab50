"""The texts of what goes wrong with an upstream: CoreDNS's, for `errors` and the patterns of `consolidate`.

Each expected text is what CoreDNS 1.15.0 logged in the same situation.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import re
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import uvloop
from tests.support.plugin import ask, context, directives, question
from tests.support.upstream import free_port, scripted

from podname.errors import ServeError
from podname.plugins.errors.setup import setup as set_up_errors
from podname.plugins.forward.address import Address, sockaddr
from podname.plugins.forward.failures import UpstreamError, endpoint, failure
from podname.plugins.forward.setup import setup

SOMEWHERE = r"127\.0\.0\.1:\d+"


async def logged(forward: str, block: str = "") -> str:
    """Forward one question and return the error."""
    house = context()
    text = f".:53 {{\nforward . {forward} {{\nmax_fails 0\nmax_connect_attempts 1\n{block}\n}}\n}}"
    plugin = setup(directives(text, "forward"), house)
    try:
        with pytest.raises(ServeError) as caught:
            await ask(plugin, question())
    finally:
        for resource in house.resources.all():
            await resource.close()
    return str(caught.value)


Ending = Callable[[asyncio.StreamWriter], None]


@asynccontextmanager
async def ending(end: Ending) -> AsyncIterator[int]:
    """Listen over TCP; whoever asks is treated by `end`."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(512)
        end(writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def closes(writer: asyncio.StreamWriter) -> None:
    writer.close()


def closes_in_the_length(writer: asyncio.StreamWriter) -> None:
    writer.write(b"\0")
    writer.close()


def closes_in_the_message(writer: asyncio.StreamWriter) -> None:
    writer.write(b"\0\x30abcd")
    writer.close()


def resets(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def test_silence_over_udp() -> None:
    async with scripted(lambda _: []) as upstream:
        text = await logged(upstream.at, "read_timeout 1ms")
    assert re.fullmatch(rf"read udp {SOMEWHERE}->{upstream.at}: i/o timeout", text)


async def test_silence_over_tcp() -> None:
    async with scripted(lambda _: []) as upstream:
        text = await logged(upstream.at, "force_tcp\nread_timeout 20ms")
    assert re.fullmatch(rf"read tcp {SOMEWHERE}->{upstream.at}: i/o timeout", text)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
async def test_nobody_there_over_udp(host: str) -> None:
    at = f"{host}:{free_port()}"
    local = rf"{re.escape(host)}:\d+"
    pattern = rf"read udp {local}->{re.escape(at)}: read: connection refused"
    assert re.fullmatch(pattern, await logged(at))


async def test_nobody_there_over_tcp() -> None:
    at = f"127.0.0.1:{free_port()}"
    assert await logged(at, "force_tcp") == f"dial tcp {at}: connect: connection refused"


async def test_an_upstream_with_a_zone_that_is_not_link_local() -> None:
    """Bug: glibc takes a zone for link-local addresses alone, and `::1%lo` was never asked."""
    port = free_port()
    text = await logged(f"[::1%lo]:{port}")
    assert re.fullmatch(rf"read udp \[::1\]:\d+->\[::1%lo\]:{port}: read: connection refused", text)
    text = await logged(f"[::1%lo]:{port}", "force_tcp")
    assert text == f"dial tcp [::1%lo]:{port}: connect: connection refused"


@pytest.mark.parametrize("network", ["udp", "tcp"])
async def test_a_source_address_that_is_not_ours(network: str) -> None:
    text = await logged(
        "127.0.0.1:1053", "source_address 203.0.113.9" + "\nforce_tcp" * (network == "tcp")
    )
    path = f"{network} 203.0.113.9:0->127.0.0.1:1053"
    assert text == f"dial {path}: bind: cannot assign requested address"


async def test_an_interface_that_is_not_there_is_named() -> None:
    text = await logged("fe80::99%nosuch")
    assert text == "dial udp [fe80::99%nosuch]:53: no interface with this name"


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        (closes, "EOF"),
        (closes_in_the_length, "unexpected EOF"),
        (closes_in_the_message, "unexpected EOF"),
        (resets, rf"read tcp {SOMEWHERE}->{SOMEWHERE}: read: connection reset by peer"),
    ],
)
async def test_a_connection_that_ends_early(end: Ending, expected: str) -> None:
    async with ending(end) as port:
        assert re.fullmatch(expected, await logged(f"127.0.0.1:{port}", "force_tcp"))


# Seen with CoreDNS in a network namespace of its own, with routes that are made for it.
@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.EHOSTUNREACH, "dial udp 10.79.0.9:53: connect: no route to host"),
        (errno.ENETUNREACH, "dial udp 10.79.0.9:53: connect: network is unreachable"),
        (errno.EACCES, "dial udp 10.79.0.9:53: connect: permission denied"),
    ],
)
def test_errors_of_routes(number: int, expected: str) -> None:
    error = OSError(number, os.strerror(number))
    assert str(failure("dial", "udp 10.79.0.9:53", error, "connect")) == expected


def test_a_time_limit_of_the_kernel_is_its_own_text() -> None:
    error = OSError(errno.ETIMEDOUT, "x")
    assert str(failure("dial", "tcp a", error, "connect")) == (
        "dial tcp a: connect: connection timed out"
    )


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (("127.0.0.1", 53), "127.0.0.1:53"),
        (("::1", 53, 0, 0), "[::1]:53"),
        (("fe80::1", 53, 0, socket.if_nametoindex("lo")), "[fe80::1%lo]:53"),
        (("fe80::1", 53, 0, 99999), "[fe80::1%99999]:53"),
    ],
)
def test_endpoints(where: tuple[object, ...], expected: str) -> None:
    assert endpoint(where) == expected


def test_a_zone_may_be_a_number() -> None:
    assert sockaddr("fe80::1%7", 53) == ("fe80::1", 53, 0, 7)


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_zone_reaches_the_kernel_by_either_event_loop(
    new_loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    async def dial() -> str:
        with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:
            port = server.getsockname()[1]
            with await Address("::1%lo", port).dialled(1) as dialled:
                return str(dialled.getpeername()[0])

    async def refused() -> None:
        with pytest.raises(UpstreamError, match="connect: connection refused"):
            await Address("::1%lo", free_port()).dialled(1)

    with asyncio.Runner(loop_factory=new_loop) as runner:
        assert runner.run(dial()) == "::1"
        runner.run(refused())


async def test_the_patterns_that_coredns_recommends_match(caplog: pytest.LogCaptureFixture) -> None:
    """Bug: `consolidate` of CoreDNS's own page matched nothing that podname logged."""
    block = (
        'consolidate 1h ".* i/o timeout$" warning\nconsolidate 1h ".* connection refused$" warning'
    )
    text = f".:53 {{\nerrors {{\n{block}\n}}\n}}"
    plugin = set_up_errors(directives(text, "errors"), context())
    async with scripted(lambda _: []) as upstream:
        silent = await logged(upstream.at, "read_timeout 1ms")
    refused = await logged(f"127.0.0.1:{free_port()}")
    refused_tcp = await logged(f"127.0.0.1:{free_port()}", "force_tcp")

    for message in (silent, refused, refused_tcp, refused_tcp):

        async def fail(_: object, message: str = message) -> bytes:
            raise ServeError(2, message)

        with pytest.raises(ServeError):
            await ask(plugin, question(), fail)
    assert not caplog.records
    with caplog.at_level(logging.WARNING):
        await plugin.stop()
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "1 errors like '.* i/o timeout$' occurred in last 1h0m0s"),
        ("WARNING", "3 errors like '.* connection refused$' occurred in last 1h0m0s"),
    ]


@pytest.mark.parametrize(
    ("host", "level", "option"),
    [("127.0.0.1", socket.IPPROTO_IP, 11), ("::1", socket.IPPROTO_IPV6, 25)],
)
def test_sockets_hear_that_a_host_cannot_be_reached(host: str, level: int, option: int) -> None:
    """Only with IP_RECVERR does Linux tell a UDP socket of a network or host that is unreachable."""
    with Address(host, 53).connected() as udp:
        assert udp.getsockopt(level, option) == 1
