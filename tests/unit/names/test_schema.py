"""Each kind of name is built and read by the same line; what may be several things is read as all of them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podname.dns import addresses, names
from podname.names import pods, schema, services
from podname.names.labels import pod_labels
from podname.names.schema import CONTROLLERS, Kind, Name

ZONE = names.from_text("cluster.local.")
REVERSE = names.from_text("in-addr.arpa.")

labels = st.text("abz019-", min_size=1, max_size=8).map(lambda text: f"p{text}0")
with_dots = st.lists(labels, min_size=1, max_size=3).map(".".join)
octets = st.one_of(st.binary(min_size=4, max_size=4), st.binary(min_size=16, max_size=16))
PARTS = {
    "namespace": labels,
    "service": labels,
    "endpoint": with_dots,
    "port": st.one_of(labels, st.sampled_from(["short", "all", "tcp", "my_node"])),
    "protocol": st.sampled_from(["tcp", "udp", "sctp"]),
    "pod": with_dots,
    "workload": with_dots,
    "controller": st.sampled_from(CONTROLLERS),
}


KINDS = [kind for kind in Kind if "{address}" not in kind.spelling]


@settings(max_examples=300)
@given(st.sampled_from(KINDS), st.fixed_dictionaries(PARTS))
def test_what_is_built_is_read(kind: Kind, drawn: dict[str, str]) -> None:
    parts = {part: text for part, text in drawn.items() if f"{{{part}}}" in kind.spelling}
    owner = kind.build(ZONE, **parts)
    assert owner is not None
    read = schema.read(owner, ZONE)
    assert Name(kind, **parts) in read
    for (
        name
    ) in read:  # whatever else it may be is spelled so, too, or by a port without underscores
        built = name.kind.build(ZONE, **name.parts)
        assert built == owner or name.kind in {Kind.PORT, Kind.ADDRESS}


@given(octets)
def test_an_address_is_read_from_its_names(address: bytes) -> None:
    text = addresses.to_text(address)
    zone = REVERSE if len(address) == 4 else names.from_text("ip6.arpa.")
    pointer = Kind.PTR.build(zone, address=text)
    if pointer is None:  # IPv6 that stands for IPv4
        assert addresses.parse(text) != address
    else:
        assert schema.read(pointer, zone) == [Name(Kind.PTR, address=text)]
    dashed = addresses.to_dashed(text)
    owner = Kind.ADDRESS.build(ZONE, address=dashed, namespace="a")
    assert owner is not None
    assert schema.read(owner, ZONE)[0] == Name(Kind.ADDRESS, "a", address=dashed)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.svc", ["SERVICES_OF_NAMESPACE"]),
        ("web.a.svc", ["SERVICE"]),
        ("_http._tcp.web.a.svc", ["PORT"]),
        ("http.tcp.web.a.svc", ["PORT", "ENDPOINT"]),
        ("_tcp.web.a.svc", ["PORTS"]),
        ("_short.web.a.svc", ["SHORT_ENDPOINTS"]),
        ("10-0-0-1.web.a.svc", ["ENDPOINT"]),
        ("10-0-0-1.a.pod", ["ADDRESS", "POD"]),
        ("x.10-0-0-1.a.pod", ["ADDRESS", "POD"]),
        ("_x._tcp.10-0-0-1.a.pod", ["ADDRESS", "PORT_OF_POD"]),
        ("x.y.z.10-0-0-1.a.pod", ["POD"]),
        ("web.deploy.a.pod", ["POD", "WORKLOAD"]),
        ("deploy.a.pod", ["POD", "WORKLOADS"]),
        ("_short.web.deploy.a.pod", ["SHORT_WORKLOAD"]),
        ("_app._tcp.web.deploy.a.pod", ["PORT_OF_POD", "PORT_OF_WORKLOAD"]),
        ("_short._tcp.web.deploy.a.pod", ["PORT_OF_POD", "PORT_OF_WORKLOAD"]),
        ("_app._tcp._all.a.pod", ["PORT_OF_EVERY_POD"]),
        ("_tcp._all.a.pod", ["PORTS_OF_EVERY_POD"]),
        ("_short._short.web.deploy.a.pod", []),
        ("_short.a.pod", []),
        ("_all.pod", []),
        ("dns", []),
        ("ns.dns", ["NAME_SERVER"]),
        ("web.a", []),
    ],
)
def test_a_name_is_read_as_all_that_it_may_be(text: str, expected: list[str]) -> None:
    read = schema.read(names.from_text(f"{text}.cluster.local."), ZONE)
    assert [name.kind.name for name in read] == expected


def test_a_dot_inside_a_label_separates_nothing() -> None:
    assert schema.read(b"\x05web.a\x03svc" + ZONE, ZONE) == []


@pytest.mark.parametrize(
    "text", ["1.10", "1.2.3.10", "svc", "web.a.svc", "01.0.0.10", "256.0.0.10"]
)
def test_a_reverse_zone_has_addresses_and_its_own_names(text: str) -> None:
    read = schema.read(names.from_text(f"{text}.in-addr.arpa."), REVERSE)
    expected = {"1.2.3.10": [Name(Kind.PTR, address="10.3.2.1")], "svc": [Name(Kind.SERVICES)]}
    assert read == expected.get(text, [])


def test_what_is_too_long_or_no_label_is_no_name() -> None:
    long = "a" * 63
    assert Kind.SERVICE.build(ZONE, service="a.b", namespace="x") is None
    assert Kind.SERVICE.build(ZONE, service="a" * 64, namespace="x") is None
    assert (
        Kind.ENDPOINT.build(ZONE, endpoint=f"{long}.{long}", service=long, namespace=long) is None
    )
    zone = names.from_text(f"{long}.{long}.cluster.local.")
    assert services.service_owner(long, long, zone) is None
    assert schema.below(b"\x01a", None) is None


@given(with_dots, labels, labels)
def test_names_put_together_of_labels_are_spelled_so(pod: str, service: str, space: str) -> None:
    (before,) = pod_labels(pod)
    above = services.service_owner(space, service, ZONE)
    endpoint = Kind.ENDPOINT.build(ZONE, endpoint=pod, service=service, namespace=space)
    assert schema.below(before, above) == endpoint
    own = Kind.POD.build(ZONE, pod=pod, namespace=space)
    assert own is not None
    assert schema.below(before, pods.pods_owner(space, ZONE)) == own
    assert pods.key_spelled(own, ZONE) == f"{space}/{pod}"
