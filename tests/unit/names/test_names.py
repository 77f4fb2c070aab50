"""What each kind of object is called, in zone-file text."""

from __future__ import annotations

from hashlib import sha256

import pytest

from podname.dns import names
from podname.names.endpoints import entries, srv_weight
from tests.unit.names.cluster import Cluster, Namespace, endpoint_slice, options, pod, service

DEFAULT = Namespace("default")
D = "default.svc.cluster.local."


def test_a_cluster_ip_service_has_its_addresses_under_its_name_and_its_ports() -> None:
    cluster = Cluster(options()).load(DEFAULT, service("web", "10.43.0.1", "fd00::1"))
    assert cluster.records(f"web.{D}") == [
        f"+web.{D} A 10.43.0.1",
        f"+web.{D} AAAA fd00::1",
        "A 10.43.0.1",
        "AAAA fd00::1",
        f"SRV 0 50 80 web.{D}",  # CoreDNS shares the weight before it merges equal targets
    ]
    assert cluster.records(f"_http._tcp.web.{D}") == cluster.records(f"web.{D}")


def test_a_headless_service_has_every_ready_endpoint() -> None:
    cluster = Cluster(options()).load(
        DEFAULT,
        service("db"),
        endpoint_slice("db-1", "db", "10.0.0.1 hostname=db-0", "10.0.0.2 pod=db-x"),
    )
    assert cluster.records(f"db.{D}") == [
        f"+10-0-0-2.db.{D} A 10.0.0.2",
        f"+db-0.db.{D} A 10.0.0.1",
        "A 10.0.0.1",
        "A 10.0.0.2",
        f"SRV 0 50 80 10-0-0-2.db.{D}",
        f"SRV 0 50 80 db-0.db.{D}",
    ]
    assert cluster.records(f"db-0.db.{D}") == ["A 10.0.0.1"]
    assert cluster.records(f"10-0-0-2.db.{D}") == ["A 10.0.0.2"]
    assert cluster.records(f"10-0-0-1.db.{D}") == []  # the hostname is the one name


def test_a_headless_service_without_ready_endpoints_has_no_name() -> None:
    cluster = Cluster(options()).load(DEFAULT, service("db"), endpoint_slice("db-1", "db"))
    assert not cluster.table.exists(names.from_text(f"db.{D}"))


def test_endpoint_pod_names_take_the_pods_name_and_leave_the_hostname_first() -> None:
    cluster = Cluster(options(endpoint_pod_names=True)).load(
        DEFAULT,
        service("db", "10.43.0.2"),
        endpoint_slice(
            "db-1", "db", "10.0.0.1 hostname=x pod=a", "10.0.0.2 pod=b", f"10.0.0.3 pod={'p' * 64}"
        ),
    )
    found = {
        name: cluster.records(f"{name}.db.{D}") for name in ("x", "a", "b", "10-0-0-2", "10-0-0-3")
    }
    assert found == {
        "x": ["A 10.0.0.1"],
        "a": [],
        "b": ["A 10.0.0.2"],
        "10-0-0-2": [],
        "10-0-0-3": ["A 10.0.0.3"],
    }


def test_pod_names_let_every_spelling_find_an_endpoint() -> None:
    cluster = Cluster(options(pod_names=True)).load(
        DEFAULT, service("db"), endpoint_slice("db-1", "db", "10.0.0.1 hostname=x pod=a")
    )
    for name in ("x", "a", "10-0-0-1"):
        assert cluster.records(f"{name}.db.{D}") == ["A 10.0.0.1"], name
    assert [r for r in cluster.records(f"db.{D}") if r.startswith("SRV")] == [
        f"SRV 0 100 80 x.db.{D}"
    ]


def test_an_alias_never_changes_the_answer_of_a_primary_name() -> None:
    cluster = Cluster(options(pod_names=True)).load(
        DEFAULT,
        service("db"),
        endpoint_slice("db-1", "db", "10.0.0.1 hostname=a", "10.0.0.2 hostname=b pod=a"),
    )
    assert cluster.records(f"a.db.{D}") == ["A 10.0.0.1"]


def test_an_external_name_is_an_alias_unless_it_is_an_address() -> None:
    cluster = Cluster(options()).load(
        DEFAULT,
        service("ext", "", type="ExternalName", external="db.example.com"),
        service("addr", "", type="ExternalName", external="10.0.0.1"),
        service("addr6", "", type="ExternalName", external="fd00::1"),
        service("none", "", type="ExternalName", external=""),
    )
    assert cluster.records(f"ext.{D}") == ["CNAME db.example.com."]
    assert not cluster.table.exists(names.from_text(f"addr.{D}"))
    assert not cluster.table.exists(names.from_text(f"addr6.{D}"))
    assert cluster.records(f"none.{D}") == []
    assert cluster.held(f"none.{D}")


def test_a_portless_service_has_addresses_and_no_srv() -> None:
    cluster = Cluster(options()).load(DEFAULT, service("web", "10.43.0.1", ports=""))
    assert cluster.records(f"web.{D}") == ["A 10.43.0.1"]


def test_a_port_that_means_all_has_a_name_and_no_srv() -> None:
    cluster = Cluster(options()).load(
        DEFAULT, service("db"), endpoint_slice("db-1", "db", "10.0.0.1", ports="all/TCP/-1")
    )
    assert cluster.records(f"db.{D}") == ["A 10.0.0.1"]
    assert cluster.records(f"_all._tcp.db.{D}") == ["A 10.0.0.1"]


def test_ignore_empty_service_denies_a_cluster_ip_until_an_endpoint_is_ready() -> None:
    cluster = Cluster(options(ignore_empty_service=True)).load(DEFAULT, service("web", "10.43.0.1"))
    assert not cluster.table.exists(names.from_text(f"web.{D}"))
    cluster.put(endpoint_slice("web-1", "web", "10.0.0.1"))
    assert "A 10.43.0.1" in cluster.records(f"web.{D}")
    cluster.put(endpoint_slice("web-1", "web"))
    assert not cluster.table.exists(names.from_text(f"web.{D}"))


def test_pod_names_name_every_pod_that_has_an_address() -> None:
    cluster = Cluster(options(pod_names=True)).load(
        DEFAULT, pod("app-1", "10.0.0.1", "fd00::1"), pod("new")
    )
    name = "app-1.default.pod.cluster.local."
    assert cluster.records(name) == ["A 10.0.0.1", "AAAA fd00::1"]
    assert cluster.records("1.0.0.10.in-addr.arpa.") == [f"PTR {name}"]
    assert not cluster.table.exists(names.from_text("new.default.pod.cluster.local."))
    cluster.remove(pod("app-1"))
    assert cluster.records(name) == []
    assert cluster.records("1.0.0.10.in-addr.arpa.") == []


def test_pods_verified_spell_the_address_as_the_api_server_does() -> None:
    cluster = Cluster(options(pods="verified")).load(
        DEFAULT,
        pod("a", "10.0.0.1", "fd00::"),
        pod("b", "10.0.0.1"),
        pod("c", "10.0.0.9", phase="Unknown"),
    )
    assert cluster.records("10-0-0-1.default.pod.cluster.local.") == ["A 10.0.0.1"]
    assert cluster.records("fd00--.default.pod.cluster.local.") == ["AAAA fd00::"]
    assert cluster.records("10-0-0-9.default.pod.cluster.local.") == []
    cluster.remove(pod("a"))
    assert cluster.records("10-0-0-1.default.pod.cluster.local.") == ["A 10.0.0.1"]
    cluster.remove(pod("b"))
    assert cluster.records("10-0-0-1.default.pod.cluster.local.") == []


def test_a_pod_named_like_an_address_yields_to_the_address() -> None:
    mine = pod("10-0-0-7", "10.0.0.8")
    name = "10-0-0-7.default.pod.cluster.local."
    assert Cluster(options(pod_names=True, pods="insecure")).load(DEFAULT, mine).records(name) == []
    assert Cluster(options(pod_names=True)).load(DEFAULT, mine).records(name) == ["A 10.0.0.8"]


def test_a_pods_name_may_have_dots() -> None:
    cluster = Cluster(options(pod_names=True)).load(
        DEFAULT,
        pod("a.b", "10.0.0.1"),
        service("db", ports="http/TCP/80"),
        endpoint_slice("db-1", "db", "10.0.0.1 pod=a.b", "10.0.0.2 pod=http.tcp"),
    )
    assert cluster.records("a.b.default.pod.cluster.local.") == ["A 10.0.0.1"]
    assert cluster.records(f"a.b.db.{D}") == ["A 10.0.0.1"]
    assert cluster.records(f"http.tcp.db.{D}") == []  # the port's name wins


def test_a_pods_name_of_more_than_63_characters_has_its_hostname_and_a_unique_alias() -> None:
    long = "p" * 60 + "-suffix"
    other = "p" * 60 + "-suffiy"
    cluster = Cluster(options(pod_names=True)).load(
        DEFAULT, pod(long, "10.0.0.1"), pod(other, "10.0.0.2")
    )
    cut = f"{long[:63]}.default.pod.cluster.local."
    assert cluster.records(cut) == ["A 10.0.0.1", "A 10.0.0.2"]
    assert cluster.records("1.0.0.10.in-addr.arpa.") == [f"PTR {cut}"]  # as it calls itself
    digits = sha256(long.encode()).hexdigest()[:8]
    alias = f"{long[:54]}-{digits}.default.pod.cluster.local."
    assert len(alias.split(".", maxsplit=1)[0]) == 63
    assert cluster.records(alias) == ["A 10.0.0.1"]
    cluster.remove(pod(other))
    assert cluster.records(cut) == ["A 10.0.0.1"]
    cluster.remove(pod(long))
    assert cluster.records(cut) == []


def test_an_address_points_to_its_service_first_then_endpoints_then_pods() -> None:
    web = service("web", "10.0.0.1")
    part = endpoint_slice("db-1", "db", "10.0.0.1 hostname=x")
    mine = pod("a", "10.0.0.1")
    cluster = Cluster(options(pod_names=True)).load(DEFAULT, web, part, mine)
    reverse = "1.0.0.10.in-addr.arpa."
    assert cluster.records(reverse) == [f"PTR web.{D}"]
    cluster.remove(web)
    assert cluster.records(reverse) == [f"PTR x.db.{D}"]
    cluster.remove(part)
    assert cluster.records(reverse) == ["PTR a.default.pod.cluster.local."]
    cluster.put(part)
    assert cluster.records(reverse) == [f"PTR x.db.{D}"]


def test_a_namespace_shows_and_hides_what_is_in_it() -> None:
    cluster = Cluster(options(pods="insecure", pod_names=True)).load(
        service("web", "10.43.0.1"), pod("a", "10.0.0.1")
    )
    empty = cluster.everything()
    assert cluster.records(f"web.{D}") == []
    cluster.put(DEFAULT)
    assert "A 10.43.0.1" in cluster.records(f"web.{D}")
    assert cluster.records("a.default.pod.cluster.local.") == ["A 10.0.0.1"]
    assert cluster.records("1.0.0.10.in-addr.arpa.") == ["PTR a.default.pod.cluster.local."]
    assert cluster.held(D)
    assert cluster.table.dashed == {names.from_text("default.pod.cluster.local."): True}
    cluster.remove(DEFAULT)
    assert cluster.everything() == empty
    assert cluster.table.dashed == {}


def test_namespaces_let_only_those_through() -> None:
    cluster = Cluster(options(namespaces=frozenset({"default"}))).load(
        DEFAULT,
        Namespace("other"),
        service("web", "10.43.0.1"),
        service("web", "10.43.0.2", ns="other"),
    )
    assert "A 10.43.0.1" in cluster.records(f"web.{D}")
    assert cluster.records("web.other.svc.cluster.local.") == []
    assert not cluster.held("other.svc.cluster.local.")
    assert cluster.records("2.0.43.10.in-addr.arpa.") == []


def test_the_apex_has_the_version_and_the_name_servers() -> None:
    own = options(local_addresses=(bytes((10, 0, 0, 53)),))
    cluster = Cluster(own).load(DEFAULT)
    for zone in ("cluster.local.", "in-addr.arpa."):  # CoreDNS has them in each of its zones
        assert cluster.records(f"dns-version.{zone}") == ['TXT "1.1.0"']
        assert cluster.records(f"ns.dns.{zone}") == ["A 10.0.0.53"]
    assert cluster.records("cluster.local.") == [
        "+ns.dns.cluster.local. A 10.0.0.53",
        "NS ns.dns.cluster.local.",
    ]
    assert cluster.records("ns.dns.cluster.local.") == ["A 10.0.0.53"]
    cluster.put(service("kube-dns", "10.43.0.10"))
    cluster.put(endpoint_slice("kube-dns-1", "kube-dns", "10.0.0.53"))
    assert cluster.records("cluster.local.") == [f"+kube-dns.{D} A 10.43.0.10", f"NS kube-dns.{D}"]
    assert cluster.records("ns.dns.cluster.local.") == ["A 10.43.0.10"]


def test_the_name_servers_follow_the_other_endpoints_of_this_servers_slice() -> None:
    own = options(local_addresses=(bytes((10, 0, 0, 53)),))
    cluster = Cluster(own).load(DEFAULT, service("dns"))
    cluster.put(endpoint_slice("dns-1", "dns", "10.0.0.53", "10.0.0.54 hostname=a"))
    assert f"NS a.dns.{D}" in cluster.records("cluster.local.")
    cluster.put(endpoint_slice("dns-1", "dns", "10.0.0.53", "10.0.0.54 hostname=b"))
    assert f"NS b.dns.{D}" in cluster.records("cluster.local.")
    assert f"NS a.dns.{D}" not in cluster.records("cluster.local.")


@pytest.mark.parametrize(
    ("count", "weight"), [(1, 100), (2, 50), (3, 33), (6, 16), (100, 1), (101, 1)]
)
def test_srv_weights_are_coredns_floors(count: int, weight: int) -> None:
    assert srv_weight(count) == weight


def test_hostile_text_costs_only_itself() -> None:
    cluster = Cluster(options(pod_names=True)).load(
        DEFAULT,
        service("x" * 64, "10.43.0.9"),
        service("ok", "nonsense", "10.43.0.1"),
        service("ext", "", type="ExternalName", external="a..b"),
        endpoint_slice("s", "ok", f"10.0.0.1 hostname={'h' * 64}", "999.1.1.1 hostname=no"),
        pod("a..b", "10.0.0.2"),
        pod("\ud800", "10.0.0.3"),
    )
    assert "A 10.43.0.1" in cluster.records(f"ok.{D}")
    assert cluster.records(f"10-0-0-1.ok.{D}") == ["A 10.0.0.1"]
    assert cluster.held(f"ext.{D}")


def test_srv_at_an_endpoint_is_of_that_endpoint_alone() -> None:
    own = options(endpoint_pod_names=True)
    cluster = Cluster(own).load(
        DEFAULT,
        service("db"),
        endpoint_slice("db-1", "db", "10.0.0.1"),
        endpoint_slice("db-2", "db", "10.0.0.1 pod=q", ports="x/TCP/8"),
    )
    slices = cluster.compiler.services.slices_of("default/db")
    assert [entry.port.number for entry in entries(slices, own, only=b"\x01q")] == [8]
    assert [entry.port.number for entry in entries(slices, own, only=b"\x0810-0-0-1")] == [80]
