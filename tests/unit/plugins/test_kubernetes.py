"""The directive `kubernetes` in a whole server, against an API server that fails when told to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import dns.flags
import dns.rcode
import pytest
from tests.support import objects
from tests.support.apiserver import ApiServer
from tests.support.server import addresses, plugin_of, port_of, serving, udp, write

from podname.errors import KubeError, PodnameError
from podname.plugins.kubernetes.handler import Kubernetes
from podname.server.lifecycle import Server

pytestmark = pytest.mark.usefixtures("engine")  # runs over both

ZONE = "cluster.local."


def corefile(server: ApiServer, *lines: str, after: str = "") -> str:
    block = "\n".join((f"endpoint {server.url}", *lines))
    return (
        ".:0 {\nbind 127.0.0.1\nerrors\n"
        f"kubernetes {ZONE} in-addr.arpa ip6.arpa {{\n{block}\n}}\n{after}\n}}"
    )


@pytest.fixture
async def api() -> AsyncIterator[ApiServer]:
    async with ApiServer() as server:
        server.put("namespaces", objects.namespace("default"))
        http, pg = objects.port(80, "http"), objects.port(5432, "pg")
        server.put("services", objects.service("web", "10.43.0.1", ports=(http,)))
        server.put("services", objects.service("db", "None", ports=(pg,)))
        backend = objects.endpoint("10.0.0.1", pod="db-x")
        server.put("endpointslices", objects.endpoint_slice("db-1", "db", backend, ports=(pg,)))
        server.put("pods", objects.pod("db-x", "10.0.0.1"))
        yield server


async def until(server: Server, name: str, expected: list[str], rtype: str = "A") -> None:
    """Ask until the answer is as expected."""
    async with asyncio.timeout(10):
        while await addresses(port_of(server), name, rtype) != expected:
            pass


async def test_it_answers_and_follows_the_cluster(api: ApiServer, tmp_path: Path) -> None:
    async with serving(tmp_path, corefile(api, "pod_names")) as server:
        port = port_of(server)
        assert await addresses(port, f"web.default.svc.{ZONE}") == ["10.43.0.1"]
        assert await addresses(port, f"db-x.default.pod.{ZONE}") == ["10.0.0.1"]
        api.put("pods", objects.pod("new", "10.0.0.7"))
        await until(server, f"new.default.pod.{ZONE}", ["10.0.0.7"])
        api.delete("pods", "new", "default")
        await until(server, f"new.default.pod.{ZONE}", ["NXDOMAIN"])


async def test_what_is_made_on_demand_waits_for_a_batch_that_is_under_way(
    api: ApiServer, tmp_path: Path
) -> None:
    """It is made of indexes that are ahead of the table then; what the table holds does not wait."""
    async with serving(tmp_path, corefile(api, "pod_names")) as server:
        port, plugin = port_of(server), plugin_of(server, "kubernetes")
        assert isinstance(plugin, Kubernetes)
        names = plugin.names
        names._is_idle.clear()
        asked = asyncio.create_task(udp(port, f"10-0-0-1.db.default.svc.{ZONE}", "SRV"))
        for _ in range(20):
            assert await addresses(port, f"db-x.db.default.svc.{ZONE}") == ["10.0.0.1"]
        assert not asked.done()
        names._is_idle.set()
        assert len((await asked).answer) == 1


async def test_before_the_first_sync_everything_is_servfail_even_what_falls_through(
    api: ApiServer, tmp_path: Path
) -> None:
    api.faults.forbidden.add("endpointslices")
    text = corefile(api, "startup_timeout 10ms", "fallthrough", after="whoami")
    async with serving(tmp_path, text) as server:
        for name in (f"web.default.svc.{ZONE}", f"nothing.{ZONE}", "1.0.43.10.in-addr.arpa."):
            reply = await udp(port_of(server), name)
            assert reply.rcode() == dns.rcode.SERVFAIL, name
        assert (
            await udp(port_of(server), "elsewhere.example.")
        ).rcode() == dns.rcode.NOERROR  # whoami
        api.faults.forbidden.clear()
        await until(server, f"web.default.svc.{ZONE}", ["10.43.0.1"])


async def test_the_last_known_state_stays_while_the_api_server_is_away(
    api: ApiServer, tmp_path: Path
) -> None:
    async with serving(tmp_path, corefile(api, "pod_names")) as server:
        port = port_of(server)
        await api.down()
        assert await addresses(port, f"db-x.default.pod.{ZONE}") == ["10.0.0.1"]
        assert await addresses(port, f"none.default.pod.{ZONE}") == ["NXDOMAIN"]


@pytest.mark.parametrize(
    ("name", "rtype", "expected"),
    [
        (f"db-x.db.default.svc.{ZONE}", "SRV", [f"0 100 5432 10-0-0-1.db.default.svc.{ZONE}"]),
        (f"10-0-0-1.db.default.svc.{ZONE}", "SRV", [f"0 100 5432 10-0-0-1.db.default.svc.{ZONE}"]),
        (f"db-x.default.pod.{ZONE}", "SRV", [f"0 100 0 db-x.default.pod.{ZONE}"]),
        (f"10-9-9-9.default.pod.{ZONE}", "SRV", [f"0 100 0 10-9-9-9.default.pod.{ZONE}"]),
        (f"web.default.svc.{ZONE}", "TXT", []),
        (f"nothing.default.svc.{ZONE}", "SRV", ["NXDOMAIN"]),
        (f"default.svc.{ZONE}", "SRV", []),
        (ZONE, "AXFR", ["REFUSED"]),
    ],
)
async def test_what_is_made_on_demand(
    api: ApiServer, tmp_path: Path, name: str, rtype: str, expected: list[str]
) -> None:
    async with serving(tmp_path, corefile(api, "pod_names", "pods insecure")) as server:
        assert await addresses(port_of(server), name, rtype) == expected


async def test_what_falls_through_takes_other_types_of_an_address_along(
    api: ApiServer, tmp_path: Path
) -> None:
    text = corefile(api, "fallthrough in-addr.arpa", after="whoami")
    async with serving(tmp_path, text) as server:
        name = "1.0.43.10.in-addr.arpa."
        assert await addresses(port_of(server), name, "PTR") == [f"web.default.svc.{ZONE}"]
        reply = await udp(port_of(server), name, "A")
        assert [rrset.name.to_text() for rrset in reply.additional][:1] == [name]


async def test_weights_count_the_pods_of_one_address(api: ApiServer, tmp_path: Path) -> None:
    for name in ("one", "two"):
        api.put("pods", objects.pod(name, "192.168.1.1"))
    async with serving(tmp_path, corefile(api, "pods verified")) as server:
        name = f"192-168-1-1.default.pod.{ZONE}"
        assert await addresses(port_of(server), name, "SRV") == [f"0 50 0 {name}"]


async def test_srv_on_demand_spells_the_zone_as_the_question_does(
    api: ApiServer, tmp_path: Path
) -> None:
    async with serving(tmp_path, corefile(api, "pod_names")) as server:
        reply = await udp(port_of(server), "Db-X.db.default.svc.ClUsTeR.lOcAl.", "SRV")
    (rrset,) = reply.answer
    assert rrset.name.to_text() == "Db-X.db.default.svc.ClUsTeR.lOcAl."
    assert rrset[0].target.to_text() == "10-0-0-1.db.default.svc.ClUsTeR.lOcAl."


def external(name: str, target: str) -> dict[str, object]:
    spec = {"type": "ExternalName", "externalName": target}
    return {"metadata": {"name": name, "namespace": "default"}, "spec": spec}


async def test_an_alias_is_followed_inside_and_outside(api: ApiServer, tmp_path: Path) -> None:
    api.put("services", external("inside", f"web.default.svc.{ZONE.removesuffix('.')}"))
    api.put("services", external("twice", f"inside.default.svc.{ZONE}"))
    api.put("services", external("outside", "db.example.com"))
    api.put("services", external("port", f"http.tcp.web.default.svc.{ZONE}"))
    api.put("services", external("pod", f"10-9-9-9.default.pod.{ZONE}"))
    api.put("services", external("nowhere", f"none.default.svc.{ZONE}"))
    api.put("services", external("ring", f"ring2.default.svc.{ZONE}"))
    api.put("services", external("ring2", f"ring.default.svc.{ZONE}"))
    hosts = tmp_path / "hosts"
    hosts.write_text("192.0.2.7 db.example.com\n")
    text = corefile(api, "pods insecure", after=f"hosts {hosts} example.com")
    async with serving(tmp_path, text) as server:
        port = port_of(server)
        svc = f"default.svc.{ZONE}"
        assert await addresses(port, f"inside.{svc}") == ["10.43.0.1", f"web.{svc}"]
        assert await addresses(port, f"twice.{svc}") == ["10.43.0.1", f"inside.{svc}", f"web.{svc}"]
        assert await addresses(port, f"port.{svc}") == ["10.43.0.1", f"http.tcp.web.{svc}"]
        assert await addresses(port, f"pod.{svc}") == [
            "10-9-9-9.default.pod.cluster.local.",
            "10.9.9.9",
        ]
        assert await addresses(port, f"outside.{svc}") == ["192.0.2.7", "db.example.com."]
        assert await addresses(port, f"outside.{svc}", "CNAME") == ["db.example.com."]
        assert await addresses(port, f"outside.{svc}", "MX") == []
        mixed = await udp(port, "Twice.default.svc.Cluster.LOCAL.")
        assert [(str(rrset.name), str(rrset[0])) for rrset in mixed.answer] == [
            ("Twice.default.svc.Cluster.LOCAL.", f"inside.{svc}"),
            (f"inside.{svc}", f"web.{svc}"),
            (f"web.{svc}", "10.43.0.1"),
        ]
        for nothing in ("nowhere", "ring"):
            reply = await udp(port, f"{nothing}.{svc}")
            assert (reply.rcode(), reply.answer) == (dns.rcode.NOERROR, [])
            assert [str(rrset.name) for rrset in reply.authority] == [ZONE]
            assert reply.flags & dns.flags.AA


async def test_a_reload_keeps_the_watches_and_the_names(api: ApiServer, tmp_path: Path) -> None:
    async with serving(tmp_path, corefile(api, "pod_names")) as server:
        asked = len(api.requests)
        await api.down()
        write(tmp_path, corefile(api, "pod_names", after="whoami"))
        await server.reload()
        assert await addresses(port_of(server), f"db-x.default.pod.{ZONE}") == ["10.0.0.1"]
        assert len(api.requests) == asked


async def test_a_reload_to_a_cluster_that_cannot_be_read_keeps_the_old_one(
    api: ApiServer, tmp_path: Path
) -> None:
    async with serving(tmp_path, corefile(api, "pod_names")) as server:
        await api.down()
        changed = corefile(api, "pod_names", "labels app=x", "startup_timeout 10ms")
        write(tmp_path, changed)
        with pytest.raises(KubeError, match="could not be read within"):
            await server.reload()
        assert await addresses(port_of(server), f"db-x.default.pod.{ZONE}") == ["10.0.0.1"]


async def test_outside_of_a_cluster_the_error_says_what_to_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(PodnameError, match="not in a cluster"):
        async with serving(tmp_path, f".:0 {{\nbind 127.0.0.1\nkubernetes {ZONE}\n}}"):
            pass


async def test_one_namespace_is_asked_for_alone(api: ApiServer, tmp_path: Path) -> None:
    async with serving(tmp_path, corefile(api, "namespaces default", "pod_names")) as server:
        assert await addresses(port_of(server), f"db-x.default.pod.{ZONE}") == ["10.0.0.1"]
    assert {request.path for request in api.requests} == {
        "/api/v1/namespaces/default/services",
        "/api/v1/namespaces/default/pods",
        "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices",
    }


async def test_cache_shapes_the_ttls_of_answers_that_it_never_holds(
    api: ApiServer, tmp_path: Path
) -> None:
    async with serving(tmp_path, corefile(api, "ttl 600", after="cache 30")) as server:
        port = port_of(server)
        reply = await udp(port, f"web.default.svc.{ZONE}")
        assert [rrset.ttl for rrset in reply.answer] == [30]
        denied = await udp(port, f"none.default.svc.{ZONE}")
        assert [rrset.ttl for rrset in denied.authority] == [30]


async def test_its_metrics_count_requests_and_names(api: ApiServer, tmp_path: Path) -> None:
    async with serving(tmp_path, corefile(api, "pod_names")) as server:
        samples = {
            (sample.name, *sample.labels.values()): sample.value
            for metric in plugin_of(server, "kubernetes").collect()
            for sample in metric.samples
        }
    host = api.url.removeprefix("http://")
    assert samples["coredns_kubernetes_rest_client_requests_total", "200", "GET", host] == 4
    assert samples["podname_kubernetes_synced",] == 1
    assert samples["podname_kubernetes_answers",] > 10
    assert samples["podname_reflector_relists_total", "pods"] == 0
