"""What pods call themselves, the one PTR record of an address, and the TTL of names that list pods."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podname.dns import constants as c
from podname.dns import names
from podname.dns.patching import COUNTS_OCTETS
from podname.dns.records import walk
from podname.kube import types
from podname.kube.flatten import pod_of
from podname.kube.types import ObjectMeta, PodIp, PodSpec, PodStatus
from tests.unit.names.cluster import Cluster, Namespace, endpoint_slice, options, pod, service

DEFAULT = Namespace("default")
P = "default.pod.cluster.local."
D = "default.svc.cluster.local."
ONE = "1.0.0.10.in-addr.arpa."


def loaded(*objects: object, **changes: object) -> Cluster:
    return Cluster(options(pod_names=True, **changes)).load(DEFAULT, *objects)


def test_a_pod_is_found_by_what_it_calls_itself_and_its_address_leads_there() -> None:
    cluster = loaded(pod("bare-0-x7k2p", "10.0.0.1", hostname="bare-0"))
    assert cluster.records(f"bare-0.{P}") == ["A 10.0.0.1"]
    assert cluster.records(f"bare-0-x7k2p.{P}") == ["A 10.0.0.1"]
    assert cluster.records(ONE) == [f"PTR bare-0.{P}"]


def test_pods_with_one_hostname_answer_together() -> None:
    one, two = pod("a", "10.0.0.1", hostname="h"), pod("b", "10.0.0.2", hostname="h")
    cluster = loaded(one, two)
    assert cluster.records(f"h.{P}") == ["A 10.0.0.1", "A 10.0.0.2"]
    cluster.remove(one)
    assert cluster.records(f"h.{P}") == ["A 10.0.0.2"]
    cluster.remove(two)
    assert not cluster.table.exists(names.from_text(f"h.{P}"))


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_pods_own_name_wins_over_anothers_hostname_whoever_came_first(
    order: tuple[int, int],
) -> None:
    own, other = pod("h", "10.0.0.2"), pod("a", "10.0.0.1", hostname="h")
    cluster = loaded()
    for at in order:
        cluster.put((own, other)[at])
    assert cluster.records(f"h.{P}") == ["A 10.0.0.2"]
    assert cluster.records(ONE) == [f"PTR a.{P}"]  # its hostname leads elsewhere
    cluster.remove(own)
    assert cluster.records(f"h.{P}") == ["A 10.0.0.1"]
    assert cluster.records(ONE) == [f"PTR h.{P}"]


def test_a_hostname_that_is_a_whole_name_is_not_served() -> None:
    cluster = loaded(pod("a", "10.0.0.1", hostname="db.example.com"))
    assert not cluster.table.exists(names.from_text(f"db.example.com.{P}"))
    assert cluster.records(ONE) == [f"PTR a.{P}"]


def test_a_phoenix_app_in_two_services_has_one_ptr_and_coredns_ptr_brings_both_back() -> None:
    objects = (
        pod("web-x", "10.0.0.1"),
        service("web", "10.43.0.9"),
        service("peers"),
        endpoint_slice("web-1", "web", "10.0.0.1 pod=web-x"),
        endpoint_slice("peers-1", "peers", "10.0.0.1 pod=web-x"),
    )
    assert loaded(*objects).records(ONE) == [f"PTR web-x.peers.{D}"]
    assert loaded(*objects, endpoint_pod_names=True).records(ONE) == [f"PTR web-x.peers.{D}"]
    assert loaded(*objects, coredns_ptr=True).records(ONE) == [
        f"PTR 10-0-0-1.peers.{D}",
        f"PTR 10-0-0-1.web.{D}",
    ]


@pytest.mark.parametrize(
    ("endpoint", "best"),
    [
        ("10.0.0.1 hostname=web-0 pod=web-0", f"web-0.s.{D}"),
        ("10.0.0.1 pod=web-0", f"web-0.s.{D}"),
        ("10.0.0.1", f"web-0.{P}"),
    ],
)
def test_the_best_name_is_the_ptr(endpoint: str, best: str) -> None:
    cluster = loaded(pod("web-0", "10.0.0.1"), service("s"), endpoint_slice("s-1", "s", endpoint))
    assert cluster.records(ONE) == [f"PTR {best}"]


def test_an_endpoint_that_is_no_pod_keeps_its_dashed_name() -> None:
    cluster = loaded(service("s"), endpoint_slice("s-1", "s", "10.0.0.1"))
    assert cluster.records(ONE) == [f"PTR 10-0-0-1.s.{D}"]


def test_a_pod_on_its_nodes_network_leaves_the_nodes_ptr_alone() -> None:
    on_node = pod("etcd-node1", "10.0.0.1", on_host=True)
    cluster = loaded(on_node)
    assert cluster.records(f"etcd-node1.{P}") == ["A 10.0.0.1"]
    assert not cluster.table.exists(names.from_text(ONE))
    cluster.put(service("s"))
    cluster.put(endpoint_slice("s-1", "s", "10.0.0.1 pod=etcd-node1"))
    assert cluster.records(ONE) == [f"PTR 10-0-0-1.s.{D}"]  # CoreDNS's


def test_a_service_that_becomes_headless_changes_the_best_name() -> None:
    cluster = loaded(
        service("a", "10.43.0.1"),
        service("b"),
        endpoint_slice("a-1", "a", "10.0.0.1 hostname=h"),
        endpoint_slice("b-1", "b", "10.0.0.1 hostname=h"),
    )
    assert cluster.records(ONE) == [f"PTR h.b.{D}"]
    cluster.put(service("a"))
    assert cluster.records(ONE) == [f"PTR h.a.{D}"]


@pytest.mark.parametrize(
    ("spec", "status", "hostname", "on_host"),
    [
        (PodSpec(hostname="bare-0"), PodStatus(), "bare-0", False),
        (PodSpec(hostname="x", hostname_override="y"), PodStatus(), "y", False),
        (PodSpec(hostname="no name"), PodStatus(), "", False),
        (PodSpec(hostname="p"), PodStatus(), "", False),
        (PodSpec(host_network=True), PodStatus(), "", True),
        (None, PodStatus(pod_ip="10.0.0.1", host_ip="10.0.0.1"), "", True),
        (
            None,
            PodStatus(pod_ip="10.0.0.1", host_ip="9.9.9.9", host_ips=[PodIp("10.0.0.1")]),
            "",
            True,
        ),
        (None, PodStatus(pod_ip="10.0.0.1", host_ip="10.0.0.9"), "", False),
    ],
)
def test_a_pod_says_what_it_calls_itself_and_whose_its_address_is(
    spec: PodSpec | None, status: PodStatus, hostname: str, on_host: bool
) -> None:
    made = pod_of(types.Pod(ObjectMeta(name="p", namespace="default"), spec, status), [])
    assert (made.hostname, made.on_host) == (hostname, on_host)


def ttls(cluster: Cluster, owner: str, rtype: int) -> set[int]:
    ready = cluster.table.content[names.from_text(owner), rtype]
    return {rr.ttl_seconds for rr in walk(ready, COUNTS_OCTETS, int.from_bytes(ready[:2], "big"))}


def test_names_of_pods_have_their_own_ttl_and_corednss_names_theirs() -> None:
    cluster = loaded(
        pod("a", "10.0.0.1", hostname="h"),
        pod("b", "10.0.0.2"),
        service("web", "10.43.0.1"),
        endpoint_slice("s-1", "web", "10.0.0.3"),
        pods="verified",
        ttl_seconds=30,
        pod_ttl_seconds=7,
    )
    for owner in (f"a.{P}", f"b.{P}", f"h.{P}"):
        assert ttls(cluster, owner, c.A) == {7}, owner
    assert ttls(cluster, ONE, c.PTR) == {7}
    for owner in (f"web.{D}", f"10-0-0-2.{P}", f"10-0-0-1.{P}"):
        assert ttls(cluster, owner, c.A) == {30}, owner
    assert ttls(cluster, "3.0.0.10.in-addr.arpa.", c.PTR) == {30}


_WORDS = st.sampled_from(["a", "b", "web", "10-0-0-1", "http", "h"])
_ADDRESSES = st.sampled_from(["10.0.0.1", "10.0.0.2", "10.0.0.3"])
_PODS = st.builds(
    lambda name, address, hostname, on_host: pod(
        name, address, hostname="" if hostname == name else hostname, on_host=on_host
    ),
    _WORDS,
    _ADDRESSES,
    st.one_of(st.just(""), _WORDS),
    st.booleans(),
)
_SERVICES = st.builds(
    lambda name, ips: service(name, *ips), _WORDS, st.sampled_from([(), ("10.0.0.3",)])
)
_SLICES = st.builds(
    lambda name, address, hostname, target: endpoint_slice(
        f"{name}-1", name, f"{address} {hostname and f'hostname={hostname}'} pod={target}"
    ),
    _WORDS,
    _ADDRESSES,
    st.one_of(st.just(""), _WORDS),
    _WORDS,
)
_CLUSTERS = st.lists(
    st.one_of(_PODS, _SERVICES, _SLICES), max_size=8, unique_by=lambda o: (type(o), o.key)
)


@settings(max_examples=150, deadline=None)
@given(_CLUSTERS, st.sampled_from(["disabled", "insecure", "verified"]), st.randoms())
def test_names_are_added_only_where_nothing_is_and_events_lead_where_a_list_does(
    objects: list[object], mode: str, order: random.Random
) -> None:
    plain = Cluster(options(pods=mode)).load(DEFAULT, *objects).everything()
    ours = loaded(*objects, pods=mode)
    added = ours.everything()
    for (owner, rtype), records in plain.items():
        if rtype != c.PTR:
            assert added.get((owner, rtype)) == records, (owner, rtype)
    for owner, rtype in added:
        if rtype == c.PTR:
            assert len(added[owner, rtype]) == 1
    to_the_letter = loaded(*objects, pods=mode, coredns_ptr=True).everything()
    for key, records in plain.items():
        assert to_the_letter[key] == records
    shuffled = list(objects)
    order.shuffle(shuffled)
    by_events = loaded(pods=mode)
    for one in shuffled:
        by_events.put(one)
    assert by_events.everything() == added
    for one in objects:
        by_events.remove(one)
    assert by_events.everything() == loaded(pods=mode).everything()
