"""Names that list pods, asked of a whole server over both engines, while the cluster changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import dns.message
import dns.rcode
import dns.rdatatype
import pytest
from tests.support import objects
from tests.support.apiserver import ApiServer
from tests.support.server import addresses, port_of, serving, tcp, udp

from podname.server.lifecycle import Server

pytestmark = pytest.mark.usefixtures("engine")  # runs over both

ZONE = "cluster.local."
POD = f"default.pod.{ZONE}"
WEB = f"web.deploy.{POD}"


def corefile(api: ApiServer, *lines: str, before: str = "", after: str = "") -> str:
    block = "\n".join((f"endpoint {api.url}", *lines))
    return (
        f".:0 {{\nbind 127.0.0.1\nerrors\n{before}\n"
        f"kubernetes {ZONE} in-addr.arpa {{\n{block}\n}}\n{after}\n}}"
    )


def pod(name: str, address: str, digits: str = "7b", **spec: Any) -> dict[str, Any]:
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": f"web-{digits}"}
    made = objects.pod(
        name,
        address,
        ownerReferences=[{**owner, "controller": True}],
        labels={"pod-template-hash": digits},
    )
    return {**made, "spec": spec}


PORTS = [{"ports": [{"name": "app", "containerPort": 9100}]}]


@pytest.fixture
async def api() -> AsyncIterator[ApiServer]:
    async with ApiServer() as server:
        server.put("namespaces", objects.namespace("default"))
        server.put("services", objects.service("db", "None"))
        backend = objects.endpoint("10.0.0.1", pod="web-7b-a")
        server.put("endpointslices", objects.endpoint_slice("db-1", "db", backend))
        server.put("pods", pod("web-7b-a", "10.0.0.1", containers=PORTS))
        server.put("pods", pod("web-7b-b", "10.0.0.2"))
        yield server


@pytest.mark.parametrize(
    ("name", "rtype", "expected"),
    [
        (WEB, "A", ["10.0.0.1", "10.0.0.2"]),
        (WEB, "AAAA", []),
        (WEB, "TXT", []),
        (WEB, "SRV", [f"0 50 0 web-7b-a.{POD}", f"0 50 0 web-7b-b.{POD}"]),
        (f"web-7b.rs.{POD}", "A", ["10.0.0.1", "10.0.0.2"]),
        (f"_short.{WEB}", "SRV", ["0 50 0 web-7b-a.", "0 50 0 web-7b-b."]),
        (f"_short.{WEB}", "A", []),
        (f"_all.{POD}", "SRV", [f"0 50 0 web-7b-a.{POD}", f"0 50 0 web-7b-b.{POD}"]),
        (f"_app._tcp.web-7b-a.{POD}", "SRV", [f"0 100 9100 web-7b-a.{POD}"]),
        (f"_app._tcp.web-7b-a.{POD}", "A", []),
        (f"_tcp.web-7b-a.{POD}", "A", []),
        (f"_app._tcp.web-7b-b.{POD}", "SRV", ["NXDOMAIN"]),
        (f"_app._tcp.{WEB}", "SRV", [f"0 100 9100 web-7b-a.{POD}"]),
        (f"db.default.svc.{ZONE}", "SRV", [f"0 100 0 web-7b-a.{POD}"]),
        (f"_short.db.default.svc.{ZONE}", "SRV", ["0 100 0 web-7b-a."]),
        (f"deploy.{POD}", "A", []),
        (f"_tcp.db.default.svc.{ZONE}", "A", ["NXDOMAIN"]),
        (f"other.deploy.{POD}", "A", ["NXDOMAIN"]),
        (f"other.deploy.{POD}", "TXT", ["NXDOMAIN"]),
        (f"_nothing.{ZONE}", "A", ["NXDOMAIN"]),
        (f"web.deploy.none.pod.{ZONE}", "A", ["NXDOMAIN"]),
        ("_x.in-addr.arpa.", "PTR", ["NXDOMAIN"]),
    ],
)
async def test_what_is_answered_the_first_time_and_again(
    api: ApiServer, tmp_path: Path, name: str, rtype: str, expected: list[str]
) -> None:
    async with serving(tmp_path, corefile(api, "pod_names", "pods insecure")) as server:
        for _ in range(3):
            assert await addresses(port_of(server), name, rtype) == expected


async def test_what_was_asked_before_gives_no_name_without_underscores(
    api: ApiServer, tmp_path: Path
) -> None:
    async with serving(tmp_path, corefile(api, "pod_names")) as server:
        port = port_of(server)
        expected = ["0 50 0 web-7b-a.", "0 50 0 web-7b-b."]
        for _ in range(2):
            assert await addresses(port, f"_short._all.{POD}", "SRV") == expected
            for name in ("_short.all", "short._all", "short.all"):
                assert await addresses(port, f"{name}.{POD}", "SRV") == ["NXDOMAIN"]


async def test_without_pod_names_nothing_is_left_to_code(api: ApiServer, tmp_path: Path) -> None:
    async with serving(tmp_path, corefile(api, "pods verified")) as server:
        for name in (WEB, f"_all.{POD}", f"_short.db.default.svc.{ZONE}"):
            assert await addresses(port_of(server), name) == ["NXDOMAIN"]
        assert await addresses(port_of(server), f"db.default.svc.{ZONE}", "SRV") == []
        assert server.engine.stats.misses == 1  # SRV at a name that exists is made on demand


async def test_the_engine_repeats_what_was_made_until_a_pod_changes(
    api: ApiServer, tmp_path: Path
) -> None:
    async with serving(tmp_path, corefile(api, "pod_names")) as server:
        port = port_of(server)
        for _ in range(20):
            for name in (WEB, f"_short.{WEB}", f"db.default.svc.{ZONE}"):
                await addresses(port, name, "SRV")
            assert await addresses(port, WEB) == ["10.0.0.1", "10.0.0.2"]
            assert await addresses(port, WEB, "AAAA") == []
        # AAAA: SRV alone is lazy, and the name exists by then.
        assert server.engine.stats.misses == 2
        api.put("pods", pod("web-9c-c", "10.0.0.3", "9c"))
        await becomes(server, WEB, ["10.0.0.1", "10.0.0.2", "10.0.0.3"])
        await becomes(server, f"web-9c.rs.{POD}", ["10.0.0.3"])
        api.delete("pods", "web-7b-a", "default")
        api.delete("pods", "web-7b-b", "default")
        await becomes(server, f"web-7b.rs.{POD}", ["NXDOMAIN"])
        await becomes(server, WEB, ["10.0.0.3"])


async def becomes(server: Server, name: str, expected: list[str]) -> None:
    async with asyncio.timeout(10):
        while await addresses(port_of(server), name) != expected:
            pass


async def test_targets_take_the_case_of_the_question_first_and_again(
    api: ApiServer, tmp_path: Path
) -> None:
    asked = "WEB.Deploy.default.pod.Cluster.LOCAL."
    async with serving(tmp_path, corefile(api, "pod_names")) as server:
        for _ in range(2):
            reply = await udp(port_of(server), asked, "SRV")
            (rrset,) = reply.answer
            assert rrset.name.to_text() == asked
            targets = [rdata.target.to_text() for rdata in rrset]
            assert sorted(targets) == [f"web-7b-{x}.default.pod.Cluster.LOCAL." for x in "ab"]


async def test_what_does_not_exist_falls_through_and_what_lists_pods_does_not(
    api: ApiServer, tmp_path: Path
) -> None:
    text = corefile(api, "pod_names", "fallthrough", after="whoami")
    async with serving(tmp_path, text) as server:
        port = port_of(server)
        assert await addresses(port, WEB) == ["10.0.0.1", "10.0.0.2"]
        for name in (f"none.deploy.{POD}", f"_x.{POD}", f"_app._tcp.none.{POD}"):
            reply = await udp(port, name)
            assert [rrset.name.to_text() for rrset in reply.additional][:1] == [name], "whoami"


async def test_before_the_first_sync_it_is_servfail(api: ApiServer, tmp_path: Path) -> None:
    api.faults.forbidden.add("pods")
    async with serving(tmp_path, corefile(api, "pod_names", "startup_timeout 10ms")) as server:
        for name in (WEB, f"_all.{POD}"):
            reply = await udp(port_of(server), name)
            assert reply.rcode() == dns.rcode.SERVFAIL


async def test_nothing_of_it_is_kept_by_cache(api: ApiServer, tmp_path: Path) -> None:
    async with serving(tmp_path, corefile(api, "pod_names", before="cache 30")) as server:
        for name in (f"_app._tcp.web-7b-b.{POD}", f"other.deploy.{POD}"):
            assert await addresses(port_of(server), name, "SRV") == ["NXDOMAIN"]
        api.put("pods", pod("web-7b-b", "10.0.0.2", containers=PORTS))
        async with asyncio.timeout(10):
            name = f"_app._tcp.web-7b-b.{POD}"
            while await addresses(port_of(server), name, "SRV") == ["NXDOMAIN"]:
                pass


async def test_a_listing_past_512_octets_is_cut_and_whole_over_tcp(
    api: ApiServer, tmp_path: Path
) -> None:
    for number in range(60):
        api.put("pods", pod(f"web-7b-{number:03}", f"10.1.0.{number}"))
    async with serving(tmp_path, corefile(api, "pod_names")) as server:
        for _ in range(2):
            cut = await udp(port_of(server), WEB, "SRV")
            assert cut.flags & dns.flags.TC
            assert cut.answer
            assert not cut.additional, "additional records are dropped first"
            whole = await tcp(port_of(server), WEB, "SRV")
            assert not whole.flags & dns.flags.TC
            assert len(whole.answer[0]) == 62
            assert sum(len(rrset) for rrset in whole.additional) == 62
