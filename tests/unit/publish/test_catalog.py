"""What is known of a Service, whatever the order in which it is told."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from podname.publish.catalog import Catalog
from podname.publish.choosing import Publication
from podname.publish.objects import Pod, Service
from tests.unit.publish.making import Slices, pod, pods, service

NAMES = st.sampled_from(["a", "b", "c"])
SELECTORS = st.sampled_from([None, "app=x", "app=y", "app", "app in x", "!app"])
CHANGES = st.one_of(
    st.tuples(st.just("service"), NAMES, SELECTORS),
    st.tuples(st.just("service"), NAMES, st.just("gone")),
    st.tuples(st.just("pod"), NAMES, st.sampled_from(["x", "y", "z", "gone"])),
)


@given(st.lists(CHANGES, max_size=30))
def test_the_pods_of_a_service_are_those_that_match_now(
    changes: list[tuple[str, str, Any]],
) -> None:
    catalog = Catalog(lambda _: None)
    services: dict[str, Service] = {}
    population: dict[str, Pod] = {}
    for number, (kind, name, value) in enumerate(changes):
        known: Any = services if kind == "service" else population
        old = known.pop(name, None)
        if value != "gone" and kind == "service":
            known[name] = service(value, name=name)
        elif value != "gone":
            known[name] = pod(name, f"10.0.0.{number}", labels={"app": value})
        if old or known.get(name):
            handler: Any = catalog.on_services if kind == "service" else catalog.on_pods
            handler([(old, known.get(name))], False)
    for name in "abc":
        asked = services[name].annotation if name in services else None
        values = {"app=x": "x", "app=y": "y"}.get(asked or "", "xyz")
        if asked in {None, "!app"}:
            values = ""  # `app in x` is no selector: all, for the plan to choose from
        found = catalog.pods_of(f"default/{name}")
        expected = [each for each in population.values() if each.labels["app"] in list(values)]
        assert sorted(map(str, found)) == sorted(map(str, expected))


def test_only_the_services_that_a_change_is_about_are_told() -> None:
    told: list[str] = []
    catalog = Catalog(told.append)
    catalog.on_services([(None, service("app=web"))], False)
    catalog.on_services([(None, service("app=other", name="other"))], False)
    catalog.on_services([(None, service(None, name="silent"))], False)
    told.clear()
    (one,) = pods([1])
    catalog.on_pods([(None, one)], False)
    assert told == ["default/web"]
    away = msgspec.structs.replace(one, labels={"app": "nobody"})
    catalog.on_pods([(one, away)], False)
    assert told == ["default/web", "default/web"]
    catalog.on_pods([(away, None)], False)
    elsewhere = msgspec.structs.replace(one, namespace="elsewhere")
    catalog.on_pods([(None, elsewhere)], False)
    assert len(told) == 2


def test_a_slice_is_about_the_service_it_names_now_and_before() -> None:
    told: list[str] = []
    catalog = Catalog(told.append)
    slices = Slices()
    slices.follow(service(), pods([1]))
    (one,) = slices.all.values()
    catalog.on_slices([(None, one)], False)
    content = msgspec.structs.replace(one.content, service="other")
    moved = msgspec.structs.replace(one, content=content)
    catalog.on_slices([(one, moved)], False)
    assert told == ["default/web", "default/web", "default/other"]
    assert catalog.keys() == {"default/other"}
    catalog.on_slices([(moved, None)], False)
    assert catalog.keys() == set()


def test_a_service_that_changes_elsewhere_keeps_its_pods() -> None:
    catalog = Catalog(lambda _: None)
    before = service()
    catalog.on_services([(None, before)], False)
    (one,) = pods([1])
    catalog.on_pods([(None, one)], False)
    catalog.on_services([(before, service(publishes_not_ready=True))], False)
    choice = catalog.choice("default/web")
    assert isinstance(choice, Publication)
    assert choice.service.publishes_not_ready
    assert catalog.pods_of("default/web") == [one]
