"""A table that followed events equals one that was built from the end state; and the work follows the change."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podname.kube.objects import Endpoint, EndpointSlice, Namespace, Pod, Port, Service
from podname.names.options import ZoneOptions
from tests.unit.names.cluster import Cluster, endpoint_slice, options, pod, service

spaces = st.sampled_from(["a", "b"])
addresses = st.sampled_from(["10.0.0.1", "10.0.0.2", "10.0.0.3", "fd00::1", "fd00::", "bad"])
long_names = ["p" * 63 + "1", "p" * 63 + "2", "x.y", "10-0-0-2", "web"]
pod_names = st.sampled_from(["p", "q", *long_names])
ports = st.lists(
    st.sampled_from(
        [Port("http", "TCP", 80), Port("x", "UDP", 53), Port("", "TCP", 1), Port("n", "", -1)]
    ),
    max_size=3,
    unique=True,
).map(tuple)
endpoints = st.builds(
    Endpoint,
    st.lists(addresses, min_size=1, max_size=2).map(tuple),
    st.sampled_from(["", "", "h", "q"]),
    st.one_of(st.just(""), pod_names),
)
objects = st.one_of(
    st.builds(Namespace, spaces),
    st.builds(
        Service,
        spaces,
        st.sampled_from(["s", "t"]),
        st.sampled_from(["ClusterIP", "ClusterIP", "ExternalName"]),
        st.sampled_from([("None",), ("10.0.0.1",), ("10.9.0.1", "fd00::9"), ()]),
        st.sampled_from(["db.example.com", "10.0.0.1", "t.a.svc.cluster.local"]),
        ports,
    ),
    st.builds(
        EndpointSlice.of,
        spaces,
        st.sampled_from(["e1", "e2"]),
        st.sampled_from(["s", "t"]),
        st.sampled_from(["IPv4", "IPv4", "FQDN"]),
        st.lists(endpoints, max_size=4).map(tuple),
        ports,
    ),
    st.builds(
        Pod.of, spaces, pod_names, st.lists(addresses, max_size=2).map(tuple), st.just("Running")
    ),
)
all_options = st.builds(
    lambda pods, epn, pn, empty, ns: options(
        pods=pods,
        endpoint_pod_names=epn,
        pod_names=pn,
        ignore_empty_service=empty,
        namespaces=frozenset(ns),
        local_addresses=(bytes((10, 0, 0, 2)),),
    ),
    st.sampled_from(["disabled", "insecure", "verified"]),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.sampled_from([(), ("a",)]),
)
events = st.lists(st.tuples(st.booleans(), objects), max_size=25)
few_events = st.lists(st.tuples(st.booleans(), objects), max_size=5)


@settings(max_examples=150)
@given(all_options, st.lists(objects, max_size=8), events)
def test_following_events_ends_where_building_anew_begins(
    chosen: ZoneOptions, first: list[Any], later: list[tuple[bool, Any]]
) -> None:
    followed = Cluster(chosen).load(*first)
    for keep, obj in later:
        if keep:
            followed.put(obj)
        else:
            followed.remove(obj)
    built = Cluster(chosen).load(
        *followed.namespaces.objects.values(),
        *followed.services.objects.values(),
        *followed.slices.objects.values(),
        *followed.pods.objects.values(),
    )
    assert followed.everything() == built.everything()
    assert followed.table.dashed == built.table.dashed


@settings(max_examples=50)
@given(all_options, st.lists(objects, max_size=8), events)
def test_events_during_a_build_are_not_lost(
    chosen: ZoneOptions, first: list[Any], later: list[tuple[bool, Any]]
) -> None:
    """The stores change between the steps of a build; what comes out is the end state."""
    built = Cluster(chosen)
    steps: list[None] = []
    built.build = lambda: None  # type: ignore[method-assign]
    built.compiler._on_synced = lambda: None
    built.load(*first)
    pending = iter(later)
    for _ in built.compiler.build():
        steps.append(None)
        keep, obj = next(pending, (False, pod("none")))
        (built.put if keep else built.remove)(obj)
    for keep, obj in pending:
        (built.put if keep else built.remove)(obj)
    anew = Cluster(chosen).load(
        *built.namespaces.objects.values(),
        *built.services.objects.values(),
        *built.slices.objects.values(),
        *built.pods.objects.values(),
    )
    assert built.everything() == anew.everything()


@settings(max_examples=100)
@given(all_options, st.lists(objects, max_size=12), few_events, few_events, few_events)
def test_the_names_of_services_may_be_made_before_pods_are_there(
    chosen: ZoneOptions,
    first: list[Any],
    while_pods_come: list[tuple[bool, Any]],
    before_they_are_read: list[tuple[bool, Any]],
    while_they_are: list[tuple[bool, Any]],
) -> None:
    """Events meet each part of a build in two parts; what comes out is the end state."""

    def follow(told: Iterable[tuple[bool, Any]]) -> None:
        for keep, obj in told:
            (built.put if keep else built.remove)(obj)

    built, announced = Cluster(chosen), list[str]()
    built.compiler._on_services = lambda: announced.append("services")
    built.compiler._on_synced = lambda: announced.append("pods")
    for store, kind in built._kinds():
        if kind is not Pod:
            store.replace([obj for obj in first if isinstance(obj, kind)])
    assert announced[:1] == ["services"]
    steps = built.compiler.build_services()
    next(steps, None)
    follow(event for event in while_pods_come if not isinstance(event[1], Pod))
    for _ in steps:
        pass
    built.pods.replace([obj for obj in first if isinstance(obj, Pod)])
    assert announced == ["services", "pods"]
    follow(before_they_are_read)
    steps = built.compiler.build_pods()
    next(steps, None)
    follow(while_they_are)
    for _ in steps:
        pass
    anew = Cluster(chosen).load(
        *built.namespaces.objects.values(),
        *built.services.objects.values(),
        *built.slices.objects.values(),
        *built.pods.objects.values(),
    )
    assert built.everything() == anew.everything()


def _big(services: int) -> Cluster:
    objects: list[Any] = [Namespace("default")]
    for number in range(services):
        first = f"10.{number >> 8}.{number & 255}"
        objects.append(service(f"s{number}"))
        parts = [f"{first}.{i} pod=s{number}-{i}" for i in range(1, 11)]
        objects.append(endpoint_slice(f"s{number}-x", f"s{number}", *parts))
        objects += [pod(f"s{number}-{i}", f"{first}.{i}") for i in range(1, 11)]
    return Cluster(options(pod_names=True, endpoint_pod_names=True)).load(*objects)


def _work_of_one_rollout_step(cluster: Cluster) -> int:
    before = cluster.table.writes
    cluster.remove(pod("s1-1"))
    cluster.put(pod("s1-new", "10.77.0.1"))
    parts = [f"10.0.1.{i} pod=s1-{i}" for i in range(2, 11)]
    cluster.put(endpoint_slice("s1-x", "s1", *parts, "10.77.0.1 pod=s1-new"))
    return cluster.table.writes - before


@pytest.mark.parametrize("more", [50, 300])
def test_a_change_costs_the_same_in_a_large_cluster(more: int) -> None:
    small, large = _work_of_one_rollout_step(_big(10)), _work_of_one_rollout_step(_big(more))
    assert small == large
    assert small < 200
