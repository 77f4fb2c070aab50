"""What is listed is what there is: the owners of a table, and what code answers when somebody asks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podname.dns import names
from podname.kube.objects import Pod, Port
from podname.names import schema
from podname.names.listing import Listed, every_name
from podname.names.options import ZoneOptions
from podname.names.schema import Kind
from tests.unit.names.cluster import Cluster, Namespace, endpoint_slice, options, pod, service
from tests.unit.names.test_following import all_options, objects
from tests.unit.names.test_workload_names import ASKED, OBJECTS

ZONE = "cluster.local."
MADE_WHEN_ASKED = frozenset({Kind.SHORT_ENDPOINTS, Kind.EVERY_POD}) | {
    kind
    for kind in Kind
    if "controller" in kind.spelling or kind.before == "_short" or kind.name.startswith("PORT_OF")
}


def listed(cluster: Cluster) -> list[Listed]:
    return list(every_name(cluster.compiler.sources, cluster.options))


@settings(max_examples=150)
@given(all_options, st.lists(objects, max_size=14))
def test_what_a_table_holds_is_listed_and_nothing_else(
    chosen: ZoneOptions, some: list[Any]
) -> None:
    cluster = Cluster(chosen).load(*some)
    found = {each.owner for each in listed(cluster) if each.kind not in MADE_WHEN_ASKED}
    assert found == {owner for owner, _ in cluster.table.content}


@settings(max_examples=50)
@given(all_options, st.lists(objects, max_size=14))
def test_a_listed_name_is_read_as_what_it_is(chosen: ZoneOptions, some: list[Any]) -> None:
    for kind, owner, _ in listed(Cluster(chosen).load(*some)):
        zone = chosen.zone_of(owner)
        assert zone is not None
        (name,) = [each for each in schema.read(owner, zone) if each.kind is kind]
        assert kind.build(zone, **name.parts) == owner


@settings(max_examples=100)
@given(
    st.sampled_from([options(pod_names=True), options(pod_names=True, pods="verified")]),
    st.lists(OBJECTS, max_size=12),
)
def test_what_code_makes_is_listed_and_nothing_else(chosen: ZoneOptions, some: list[Any]) -> None:
    cluster = Cluster(chosen).load(*some)
    known = {each.owner for each in listed(cluster) if each.kind in MADE_WHEN_ASKED}
    for owner in known:
        assert cluster.compiler.workloads.find(owner) is not None, owner
    for text in ASKED:
        owner = names.from_text(f"{text}.{ZONE}")
        if cluster.compiler.workloads.find(owner):
            assert owner in known, text


@settings(max_examples=100)
@given(all_options, st.lists(objects, min_size=4, max_size=14), st.data())
def test_each_object_that_a_name_comes_from_is_enough_for_it(
    chosen: ZoneOptions, some: list[Any], data: st.DataObject
) -> None:
    cluster = Cluster(chosen).load(*some)
    kind, owner, source = data.draw(st.sampled_from(listed(cluster)))
    assert source is not None or "{" not in kind.spelling
    held = [each for store, _ in cluster._kinds() for each in store.objects.values()]
    rest = [each for each in held if type(each) is not type(source) or each == source]
    alone = Cluster(chosen).load(*rest)
    if kind in MADE_WHEN_ASKED:
        assert alone.compiler.workloads.find(owner) is not None
    else:
        assert owner in {owner for owner, _ in alone.table.content}


@pytest.mark.parametrize(
    ("name", "sources"),
    [
        ("default.svc", ["Namespace default"]),
        ("_all.default.pod", ["Namespace default"]),
        ("web.default.svc", ["Service default/web"]),
        ("_short.web.default.svc", ["Service default/web"]),
        ("_http._tcp.web.default.svc", ["Service default/web"]),
        ("alias.default.svc", ["Service default/alias"]),
        ("_short.alias.default.svc", []),
        ("p.web.default.svc", ["EndpointSlice default/web-1"]),  # a hostname, not the pod of that name
        ("q.web.default.svc", [f"EndpointSlice default/web-{number}" for number in (1, 2)]),
        ("p.default.pod", ["Pod default/p"]),  # its own name, not what the other calls itself
        ("shared.default.pod", ["Pod default/r", "Pod default/s"]),
        ("10-0-0-1.default.pod", ["Pod default/p"]),
        ("web.deploy.default.pod", ["Pod default/web.deploy"]),  # which hides the Deployment
        ("_http._tcp.web.deploy.default.pod", []),
        ("web-7b.rs.default.pod", ["Pod default/p", "Pod default/r"]),
        ("_short.web-7b.rs.default.pod", ["Pod default/p", "Pod default/r"]),
        ("_http._tcp.web-7b.rs.default.pod", ["Pod default/r"]),
        ("_http._tcp.shared.default.pod", ["Pod default/r"]),
        ("_http._tcp._all.default.pod", ["Pod default/r"]),
        ("nobody.default.pod", []),
    ],
)  # fmt: skip
def test_the_objects_that_a_name_comes_from(name: str, sources: list[str]) -> None:
    assert come_from(SOME, f"{name}.{ZONE}") == sources


@pytest.mark.parametrize(
    ("name", "sources"),
    [
        ("1.0.0.10", ["EndpointSlice default/web-1", "Pod default/p"]),
        ("7.0.0.10", []),  # a node's address
        ("1.1.0.10", ["Service default/web"]),
    ],
)
def test_who_gives_an_address_a_name(name: str, sources: list[str]) -> None:
    assert come_from(SOME, f"{name}.in-addr.arpa.") == sources


SOME = (
    Namespace("default"),
    service("web", "10.0.1.1"),
    service("alias", type="ExternalName", external="example.com"),
    endpoint_slice("web-1", "web", "10.0.0.1 hostname=p", "10.0.0.8 pod=q"),
    endpoint_slice("web-2", "web", "10.0.0.9 pod=p", "10.0.0.9 pod=q"),
    Pod.of("default", "p", ("10.0.0.1",), "Running", "deploy/web/7b"),
    Pod.of("default", "r", ("10.0.0.2",), "Running", "deploy/web/7b", (Port("http", "TCP", 80),), "shared"),
    pod("s", "10.0.0.3", hostname="shared"),
    pod("t", "10.0.0.4", hostname="p"),
    pod("web.deploy", "10.0.0.5"),
    pod("host", "10.0.0.7", on_host=True),
)  # fmt: skip


def come_from(some: Iterable[Any], name: str) -> list[str]:
    cluster = Cluster(options(pod_names=True, pods="verified")).load(*some)
    found = [each.source for each in listed(cluster) if each.owner == names.from_text(name)]
    return sorted(f"{type(one).__name__} {one.key}" for one in found if one is not None)
