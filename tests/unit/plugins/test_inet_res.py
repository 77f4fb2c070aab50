"""What Erlang's resolver, and the discovery libraries over it, rely on: octet by octet, over real sockets.

inet_res sends one question without EDNS. It takes an answer for its own only if the id, the question and RD are those
that it sent, asks again over TCP when TC is set, and follows no alias by itself: an alias alone is nxdomain to it.

Sources: OTP lib/kernel/src/inet_res.erl; RFC 1034 §4.3.2; RFC 2181 §9; RFC 7766.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import pytest
from tests.support import objects
from tests.support.apiserver import ApiServer
from tests.support.server import LOOPBACK, port_of, serving

from podname.server.lifecycle import Server

pytestmark = pytest.mark.usefixtures("engine")  # runs over both

ZONE = "cluster.local"
RD = 0x0100
A, CNAME, AAAA, SRV = 1, 5, 28, 33
Transport = Callable[[Server, bytes], Awaitable[bytes]]
#: Names whose answers come from the table, from code, and from nobody.
NAMES = (
    f"web-0.default.pod.{ZONE}",
    f"web.sts.default.pod.{ZONE}",
    f"few.default.svc.{ZONE}",
    f"alias.default.svc.{ZONE}",
    f"nobody.default.pod.{ZONE}",
    f"nobody.sts.default.pod.{ZONE}",
)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with ApiServer() as api:
        api.put("namespaces", objects.namespace("default"))
        owner = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "web", "controller": True}
        for number in range(20):
            pod = objects.pod(f"web-{number}", f"10.0.0.{number}", ownerReferences=[owner])
            api.put("pods", pod)
        http = (objects.port(80, "http"),)
        for service, count in (("few", 3), ("seven", 7), ("many", 20)):
            api.put("services", objects.service(service, "None", ports=http))
            reached = [objects.endpoint(f"10.0.0.{n}", hostname=f"web-{n}") for n in range(count)]
            api.put(
                "endpointslices", objects.endpoint_slice(service, service, *reached, ports=http)
            )
        target = f"web-0.default.pod.{ZONE}"
        api.put("services", objects.service("alias", type="ExternalName", externalName=target))
        block = f"endpoint {api.url}\npod_names"
        text = f".:0 {{\nbind 127.0.0.1\nerrors\nkubernetes {ZONE} {{\n{block}\n}}\n}}"
        async with serving(tmp_path, text) as running:
            yield running


def packet(name: str, rtype: int, *, number: int = 7, flags: int = RD) -> bytes:
    labels = b"".join(bytes((len(x),)) + x.encode() for x in name.split(".")) + b"\x00"
    return struct.pack("!6H", number, flags, 1, 0, 0, 0) + labels + struct.pack("!HH", rtype, 1)


async def over_udp(server: Server, query: bytes) -> bytes:
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.connect((LOOPBACK, port_of(server)))
        await loop.sock_sendall(sock, query)
        async with asyncio.timeout(5):
            return await loop.sock_recv(sock, 65535)


async def over_tcp(server: Server, query: bytes) -> bytes:
    async with asyncio.timeout(5):
        reader, writer = await asyncio.open_connection(LOOPBACK, port_of(server))
        writer.write(struct.pack("!H", len(query)) + query)
        (length,) = struct.unpack("!H", await reader.readexactly(2))
        reply = await reader.readexactly(length)
        writer.close()
        return reply


@pytest.mark.parametrize("rtype", [A, AAAA, SRV])
@pytest.mark.parametrize("transport", [over_udp, over_tcp])
async def test_the_question_comes_back_octet_by_octet_with_its_id_and_rd(
    server: Server, transport: Transport, rtype: int
) -> None:
    for again in range(2):
        for name in NAMES:
            for flags in (RD, 0):
                for spelled in (name, name.upper()):
                    query = packet(spelled, rtype, number=0xAB00 + again, flags=flags)
                    reply = await transport(server, query)
                    assert reply[:2] == query[:2]
                    assert reply[2] & 0x80, "a response"
                    assert reply[2] & 0x79 == flags >> 8, "opcode and RD are the question's"
                    assert reply[4:6] == b"\x00\x01"
                    assert reply[12 : len(query)] == query[12:]


@pytest.mark.parametrize("name", [f"web.sts.default.pod.{ZONE}", f"many.default.svc.{ZONE}"])
async def test_past_512_octets_tc_is_set_and_tcp_has_it_whole(server: Server, name: str) -> None:
    for _ in range(2):
        octets = await over_udp(server, packet(name, SRV))
        cut = dns.message.from_wire(octets)
        assert len(octets) <= 512
        assert cut.flags & dns.flags.TC
        assert 0 < len(cut.answer[0]) < 20
        assert not cut.additional
        whole = dns.message.from_wire(await over_tcp(server, packet(name, SRV)))
        assert not whole.flags & dns.flags.TC
        assert len(whole.answer[0]) == 20
        assert sum(map(len, whole.additional)) == 20


async def test_additional_records_go_before_tc_is_set(server: Server) -> None:
    for service, count, additional in (("few", 3, 3), ("seven", 7, 0)):
        for name in (f"{service}.default.svc.{ZONE}", f"_http._tcp.{service}.default.svc.{ZONE}"):
            octets = await over_udp(server, packet(name, SRV))
            found = dns.message.from_wire(octets)
            assert len(octets) <= 512
            assert not found.flags & dns.flags.TC
            assert len(found.answer[0]) == count
            assert sum(map(len, found.additional)) == additional
        whole = dns.message.from_wire(await over_tcp(server, packet(name, SRV)))
        assert sum(map(len, whole.additional)) == count


async def test_an_alias_brings_the_records_of_its_target_along(server: Server) -> None:
    for transport in (over_udp, over_tcp):
        reply = dns.message.from_wire(await transport(server, packet(NAMES[3], A)))
        found = [(rrset.rdtype, rrset.name.to_text()) for rrset in reply.answer]
        assert found == [(CNAME, f"{NAMES[3]}."), (A, f"{NAMES[0]}.")]


async def test_types_that_a_name_lacks_are_no_error(server: Server) -> None:
    for name in NAMES[:2]:
        reply = dns.message.from_wire(await over_udp(server, packet(name, AAAA)))
        assert reply.rcode() == dns.rcode.NOERROR
        assert not reply.answer
        assert reply.authority
