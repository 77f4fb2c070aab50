"""`k8s_external` in a whole server: the addresses that Services have outside the cluster."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.reversename
import pytest
from tests.support import objects
from tests.support.apiserver import ApiServer
from tests.support.server import addresses, port_of, serving, udp

from podname.errors import CorefileError

pytestmark = pytest.mark.usefixtures("engine")  # runs over both

ZONE, CLUSTER = "ext.example.", "cluster.local."
HTTP, HTTPS = objects.port(80, "http"), objects.port(443, "https")


def balanced(name: str, *ingress: dict[str, str], **spec: Any) -> objects.Obj:
    made = objects.service(name, "10.43.0.9", ports=(HTTP, HTTPS), **spec)
    return made | {"status": {"loadBalancer": {"ingress": list(ingress)}}}


def corefile(api: ApiServer, *lines: str, zones: str = f"{ZONE} in-addr.arpa ip6.arpa") -> str:
    block, hosts = "\n".join(lines), "192.0.2.80 lb.example.net\nfallthrough"
    return (
        ".:0 {\nbind 127.0.0.1\nerrors\n"
        f"kubernetes {CLUSTER} {{\nendpoint {api.url}\nttl 30\n}}\n"
        f"k8s_external {zones} {{\n{block}\n}}\nhosts {{\n{hosts}\n}}\nwhoami\n}}"
    )


@pytest.fixture
async def api() -> AsyncIterator[ApiServer]:
    async with ApiServer() as server:
        server.put("namespaces", objects.namespace("default"))
        server.put("services", balanced("web", {"ip": "192.0.2.1"}, externalIPs=["2001:db8::1"]))
        server.put("services", balanced("elb", {"hostname": "lb.example.net"}))
        server.put("services", balanced("odd", {}, {"ip": "1 2"}, externalIPs=["a b", "192.0.2.7"]))
        server.put("services", objects.service("inner", "10.43.0.2", ports=(HTTP,)))
        server.put("services", objects.service("db", "None", ports=(HTTP,)))
        for name in ("db", "inner"):
            backend = objects.endpoint("10.0.0.1", hostname="one")
            made = objects.endpoint_slice(f"{name}-1", name, backend, ports=(HTTP,))
            server.put("endpointslices", made)
        yield server


def lines(reply: dns.message.Message) -> list[str]:
    """Return the answers with their TTL, or the RCODE and what the authority says."""
    found = [
        f"{rrset.ttl} {dns.rdatatype.to_text(rrset.rdtype)} {rdata}"
        for rrset in reply.answer
        for rdata in rrset
    ]
    if not found:
        assert [rrset.rdtype for rrset in reply.authority] == [dns.rdatatype.SOA]
        found = [dns.rcode.to_text(reply.rcode())]
    assert reply.flags & dns.flags.AA
    return sorted(found)


TABLE = [
    ("web.default", "A", ["5 A 192.0.2.1"]),
    ("web.default", "AAAA", ["5 AAAA 2001:db8::1"]),
    ("any.web.default", "A", ["5 A 192.0.2.1"]),
    ("http.tcp.web.default", "A", ["5 A 192.0.2.1"]),
    ("_http._udp.web.default", "A", ["NXDOMAIN"]),
    ("a.b.c.web.default", "A", ["NXDOMAIN"]),
    ("_https._tcp.web.default", "SRV", ["30 SRV 0 50 443 web.default.ext.example."]),
    ("web.default", "MX", ["NOERROR"]),
    ("default", "A", ["NOERROR"]),
    ("default", "SRV", ["NOERROR"]),
    ("other", "A", ["NXDOMAIN"]),
    ("inner.default", "A", ["NXDOMAIN"]),
    ("db.default", "A", ["NXDOMAIN"]),
    ("odd.default", "A", ["5 A 192.0.2.7"]),
    ("elb.default", "A", ["30 CNAME lb.example.net.", "3600 A 192.0.2.80"]),
    ("elb.default", "AAAA", ["30 CNAME lb.example.net."]),
    ("_http._tcp.elb.default", "SRV", ["30 SRV 0 100 80 lb.example.net."]),
    ("ns1.dns", "A", ["NOERROR"]),  # it listens on loopback alone
    ("dns", "A", ["NOERROR"]),
    ("ns2.dns", "A", ["NXDOMAIN"]),
    ("x.ns1.dns", "A", ["NXDOMAIN"]),
]


@pytest.mark.parametrize(("name", "rtype", "expected"), TABLE)
async def test_names(
    api: ApiServer, tmp_path: Path, name: str, rtype: str, expected: list[str]
) -> None:
    async with serving(tmp_path, corefile(api)) as server:
        assert lines(await udp(port_of(server), f"{name}.{ZONE}", rtype)) == expected


async def test_the_apex(api: ApiServer, tmp_path: Path) -> None:
    async with serving(tmp_path, corefile(api, "apex a.b", "ttl 7")) as server:
        port = port_of(server)
        assert lines(await udp(port, ZONE, "NS")) == ["7 NS ns1.a.b.ext.example."]
        (soa,) = lines(await udp(port, ZONE, "SOA"))
        assert soa.startswith("7 SOA ns1.a.b.ext.example. hostmaster.a.b.ext.example. ")
        assert soa.endswith(" 7200 1800 86400 7")


async def test_headless_services_and_endpoints(api: ApiServer, tmp_path: Path) -> None:
    async with serving(tmp_path, corefile(api, "headless")) as server:
        port = port_of(server)
        for name in ("db.default", "one.db.default", "one.inner.default"):
            assert lines(await udp(port, f"{name}.{ZONE}")) == ["5 A 10.0.0.1"], name
        for name in ("two.db.default", "inner.default"):
            assert lines(await udp(port, f"{name}.{ZONE}")) == ["NXDOMAIN"], name
        expected = ["30 SRV 0 100 80 one.db.default.ext.example."]
        reply = await udp(port, f"db.default.{ZONE}", "SRV")
        assert lines(reply) == expected
        assert [str(rrset) for rrset in reply.additional] == [
            "one.db.default.ext.example. 5 IN A 10.0.0.1"
        ]


async def test_addresses_have_their_service(api: ApiServer, tmp_path: Path) -> None:
    v6 = dns.reversename.from_address("2001:db8::1").to_text()
    async with serving(tmp_path, corefile(api)) as server:
        port = port_of(server)
        for name in ("1.2.0.192.in-addr.arpa.", v6):
            assert lines(await udp(port, name, "PTR")) == ["5 PTR web.default.ext.example."]
            assert lines(await udp(port, name, "A")) == ["NOERROR"]
        assert lines(await udp(port, "9.2.0.192.in-addr.arpa.", "PTR")) == ["NXDOMAIN"]


async def test_it_follows_the_cluster(api: ApiServer, tmp_path: Path) -> None:
    async with serving(tmp_path, corefile(api)) as server:
        port = port_of(server)
        api.put("services", balanced("web", {"ip": "192.0.2.5"}))
        async with asyncio.timeout(10):
            while await addresses(port, f"web.default.{ZONE}") != ["192.0.2.5"]:
                pass
        assert lines(await udp(port, "5.2.0.192.in-addr.arpa.", "PTR")) != ["NXDOMAIN"]
        assert lines(await udp(port, "1.2.0.192.in-addr.arpa.", "PTR")) == ["NXDOMAIN"]


async def test_what_is_not_there_falls_through(api: ApiServer, tmp_path: Path) -> None:
    async with serving(tmp_path, corefile(api, "fallthrough a.ext.example")) as server:
        port = port_of(server)
        reply = await udp(port, f"none.default.a.{ZONE}")
        assert reply.rcode() == dns.rcode.NOERROR
        assert reply.additional, "whoami's"
        assert lines(await udp(port, f"none.default.{ZONE}")) == ["NXDOMAIN"]


async def test_before_the_first_sync_nothing_is_denied(api: ApiServer, tmp_path: Path) -> None:
    api.faults.forbidden.add("services")
    text = corefile(api, "fallthrough").replace("ttl 30", "startup_timeout 10ms")
    async with serving(tmp_path, text) as server:
        for name in (f"web.default.{ZONE}", "1.2.0.192.in-addr.arpa.", ZONE):
            assert (await udp(port_of(server), name)).rcode() == dns.rcode.SERVFAIL, name


async def test_it_needs_the_cluster_in_its_block(tmp_path: Path) -> None:
    text = f".:0 {{\nbind 127.0.0.1\nk8s_external {ZONE}\n}}"
    with pytest.raises(
        CorefileError, match=r"Corefile:3:1.*needs 'kubernetes' in its server block"
    ):
        async with serving(tmp_path, text):
            pass
