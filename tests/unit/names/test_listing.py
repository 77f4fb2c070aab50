"""What is listed is what there is: the owners of a table, and what code answers when somebody asks."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from podname.dns import names
from podname.names import schema
from podname.names.listing import Listed, every_name
from podname.names.options import ZoneOptions
from podname.names.schema import Kind
from tests.unit.names.cluster import Cluster, options
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
