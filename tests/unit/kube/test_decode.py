"""From JSON to flat objects: what is kept, what is dropped, and that nothing which somebody wrote raises."""

from __future__ import annotations

import contextlib
import json
import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podname.errors import Gone, KubeError
from podname.kube.decode import BrokenLine, Decoder
from podname.kube.events import Apply, Delete, Progress
from podname.kube.itemstream import ItemStream
from podname.kube.kinds import ENDPOINT_SLICES, KINDS, NAMESPACES, PODS, SERVICES
from podname.kube.objects import (
    ALL_PORTS,
    Endpoint,
    EndpointSlice,
    Namespace,
    Pod,
    Port,
    Service,
)
from tests.support.objects import endpoint, endpoint_slice, namespace, pod, port, service


def read(kind: Any, obj: Any) -> Any:
    """Read an object as a list does."""
    decoder: Decoder[Any] = Decoder(kind)
    stream = ItemStream(decoder.item, decoder.rescue_item)
    found = [*stream.feed(b'{"metadata":{},"items":[%s]}' % encode(obj)), *stream.finish()]
    return found[0]


def encode(obj: Any) -> bytes:
    return json.dumps(obj).encode()


def changed(obj: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """Return a copy with another value at a path like `spec.ports`."""
    copied: dict[str, Any] = json.loads(json.dumps(obj))
    *parents, last = path.split(".")
    inside: Any = copied
    for parent in parents:
        inside = inside[int(parent) if parent.isdecimal() else parent]
    inside[int(last) if last.isdecimal() else last] = value
    return copied


WEB = service("web", "10.43.0.1", "fd00::1", ports=(port(80, "http"), port(53, "dns", "UDP")))
WEB_READ = Service(
    "default",
    "web",
    "ClusterIP",
    ("10.43.0.1", "fd00::1"),
    "",
    (Port("http", "TCP", 80), Port("dns", "UDP", 53)),
)


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("metadata.name", "web", WEB_READ),
        ("metadata.name", "w" * 63, Service("default", "w" * 63, *WEB_READ.__reduce__()[1][2:])),
        ("metadata.name", "w" * 64, None),
        ("metadata.name", "", None),
        ("metadata.name", None, None),
        ("metadata.name", 7, None),
        ("metadata.name", "a.b", None),
        ("metadata.name", "a b", None),
        ("metadata.name", "a\n", None),
        ("metadata.name", "a\x00", None),
        ("metadata.name", "bücher", None),
        ("metadata.namespace", "", None),
        ("metadata.namespace", None, None),
        ("metadata.namespace", "n" * 64, None),
        ("metadata.namespace", "a/b", None),
        ("metadata", None, None),
        ("metadata", [], None),
        ("spec", None, Service("default", "web", "ClusterIP", (), "", ())),
        ("spec", "text", Service("default", "web", "ClusterIP", (), "", ())),
    ],
)
def test_a_service_without_a_good_name_is_skipped(
    path: str, value: object, expected: Service | None
) -> None:
    assert read(SERVICES, changed(WEB, path, value)) == expected


@pytest.mark.parametrize(
    ("path", "value", "field", "expected"),
    [
        ("spec.type", "ExternalName", "type", "ExternalName"),
        ("spec.type", "Nonsense", "type", "ClusterIP"),
        ("spec.type", None, "type", "ClusterIP"),
        ("spec.type", 5, "type", "ClusterIP"),
        ("spec.clusterIPs", None, "cluster_ips", ("10.43.0.1",)),
        ("spec.clusterIPs", [], "cluster_ips", ("10.43.0.1",)),
        ("spec.clusterIPs", ["None"], "cluster_ips", ("None",)),
        ("spec.clusterIPs", ["10.43.0.9", "nonsense", "::g", ""], "cluster_ips", ("10.43.0.9",)),
        ("spec.clusterIPs", [None, 1, {}, "10.43.0.9"], "cluster_ips", ("10.43.0.9",)),
        (
            "spec.clusterIPs",
            ["010.0.0.1", "1.2.3", "fe80::1%eth0", "1.2.3.4\x00"],
            "cluster_ips",
            (),
        ),
        ("spec.clusterIPs", "10.43.0.9", "cluster_ips", ("10.43.0.1",)),
        ("spec.externalName", "example.org", "external_name", "example.org"),
        ("spec.externalName", "Example.org.", "external_name", "Example.org."),
        ("spec.externalName", "a..b", "external_name", ""),
        ("spec.externalName", "fd00::1", "external_name", "fd00::1"),
        ("spec.externalName", "l" * 64 + ".org", "external_name", ""),
        ("spec.externalName", "a b", "external_name", ""),
        ("spec.externalName", "x." * 200, "external_name", ""),
        ("spec.ports", None, "ports", ()),
        ("spec.ports", [None, 3, {}], "ports", ()),
        ("spec.ports.0.port", None, "ports", WEB_READ.ports[1:]),
        ("spec.ports.0.port", 0, "ports", WEB_READ.ports[1:]),
        ("spec.ports.0.port", -1, "ports", WEB_READ.ports[1:]),
        ("spec.ports.0.port", 65536, "ports", WEB_READ.ports[1:]),
        ("spec.ports.0.port", 10**30, "ports", WEB_READ.ports[1:]),
        ("spec.ports.0.port", 80.5, "ports", WEB_READ.ports[1:]),
        ("spec.ports.0.port", "80", "ports", WEB_READ.ports[1:]),
        ("spec.ports.0.protocol", None, "ports", WEB_READ.ports),
        ("spec.ports.0.protocol", "ICMP", "ports", WEB_READ.ports[1:]),
        ("spec.ports.0.name", None, "ports", (Port("", "TCP", 80), WEB_READ.ports[1])),
        ("spec.ports.0.name", "p" * 64, "ports", (Port("", "TCP", 80), WEB_READ.ports[1])),
    ],
)
def test_a_services_bad_parts_are_dropped(
    path: str, value: object, field: str, expected: object
) -> None:
    found = read(SERVICES, changed(WEB, path, value))
    assert getattr(found, field) == expected
    assert found.name == "web"


@pytest.mark.parametrize(
    ("path", "value", "addresses"),
    [
        ("status.podIP", "10.9.9.9", ("10.0.0.1", "fd00::2")),
        ("status.podIPs", None, ("10.0.0.1",)),
        ("status.podIPs", [], ("10.0.0.1",)),
        ("status.podIPs", {}, ("10.0.0.1",)),
        ("status.podIPs", [{"ip": "10.0.0.7"}, {"ip": None}, {}, None, {"ip": 4}], ("10.0.0.7",)),
        ("status.podIPs.0.ip", "10.0.0.256", ("fd00::2",)),
        ("status", None, ()),
        ("status", {}, ()),
        ("metadata.name", "a.b." + "l" * 100, ("10.0.0.1", "fd00::2")),
    ],
)
def test_a_pods_addresses(path: str, value: object, addresses: tuple[str, ...]) -> None:
    found = read(PODS, changed(pod("web-0", "10.0.0.1", "fd00::2"), path, value))
    assert found.addresses == addresses
    assert found.namespace == "default"


@pytest.mark.parametrize(
    ("name", "is_read"), [("a" * 253, True), ("a" * 254, False), ("a..b", False), (".a", False)]
)
def test_a_pods_name_may_be_long_and_have_dots(name: str, is_read: bool) -> None:
    assert (read(PODS, pod(name)) is not None) is is_read


def test_only_ready_endpoints_are_kept() -> None:
    ports = (port(80, "http"), port(None, "any"))
    wire = endpoint_slice(
        "web-x",
        "web",
        endpoint("10.0.0.1", hostname="web-0", pod="web-0"),
        endpoint("10.0.0.2", ready=False),
        endpoint("10.0.0.3", ready=None),
        {"addresses": ["10.0.0.4"]},
        {
            "addresses": ["10.0.0.5"],
            "conditions": None,
            "hostname": "h" * 64,
            "targetRef": {"name": "p q"},
        },
        {"addresses": ["10.0.0.6"], "conditions": {"ready": "yes"}},
        {"addresses": None},
        {"addresses": ["nonsense"]},
        None,  # type: ignore[arg-type]
        ports=ports,
    )
    assert read(ENDPOINT_SLICES, wire) == EndpointSlice.of(
        "default",
        "web-x",
        "web",
        "IPv4",
        (
            Endpoint(("10.0.0.1",), "web-0", "web-0"),
            Endpoint(("10.0.0.3",), "", ""),
            Endpoint(("10.0.0.4",), "", ""),
            Endpoint(("10.0.0.5",), "", ""),
            Endpoint(("10.0.0.6",), "", ""),
        ),
        (Port("http", "TCP", 80), Port("any", "TCP", ALL_PORTS)),
    )


@pytest.mark.parametrize(
    ("path", "value", "field", "expected"),
    [
        ("metadata.labels", None, "service", ""),
        ("metadata.labels", {}, "service", ""),
        ("metadata.labels", {"kubernetes.io/service-name": "a b"}, "service", ""),
        ("metadata.labels", {"kubernetes.io/service-name": "s" * 64}, "service", ""),
        ("addressType", "IPv6", "address_type", "IPv6"),
        ("addressType", None, "address_type", "IPv4"),
        ("endpoints", None, "endpoints", ()),
        ("ports", None, "ports", ()),
    ],
)
def test_a_slices_parts(path: str, value: object, field: str, expected: object) -> None:
    assert (
        getattr(read(ENDPOINT_SLICES, changed(endpoint_slice("x", "web"), path, value)), field)
        == expected
    )


def test_a_slice_of_names_keeps_names() -> None:
    wire = endpoint_slice("x", "web", endpoint("a.example.org", "b c"), family="FQDN")
    assert read(ENDPOINT_SLICES, wire).endpoints == (Endpoint(("a.example.org",), "", ""),)


def test_a_namespace() -> None:
    assert read(NAMESPACES, namespace("team-a")) == Namespace("team-a")
    assert read(NAMESPACES, namespace("team.a")) is None


def test_texts_that_repeat_are_kept_once() -> None:
    first, second = (read(SERVICES, WEB) for _ in range(2))
    assert first.namespace is second.namespace
    assert first.ports[0] is second.ports[0]


def test_a_bad_object_is_named_once_for_each_of_its_versions(
    caplog: pytest.LogCaptureFixture,
) -> None:
    decoder: Decoder[Any] = Decoder(SERVICES)
    bad = changed(WEB, "spec.clusterIPs", ["x\ny"])
    for version in ("5", "5", "6"):
        decoder.item(encode(changed(bad, "metadata.resourceVersion", version)))
    assert decoder.errors == 2
    assert [record.getMessage() for record in caplog.records] == [
        "Service default/web: 'x\ny' is no address",
        "Service default/web: 'x\ny' is no address",
    ]


def test_what_is_logged_is_bounded(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    decoder: Decoder[Any] = Decoder(SERVICES)
    decoder.item(encode(changed(WEB, "metadata.name", "x" * 100_000)))
    decoder.item(encode(changed(WEB, "spec.clusterIPs", ["y" * 10_000] * 100)))
    assert all(len(record.getMessage()) < 1_000 for record in caplog.records)
    for number in range(1_200):
        decoder.item(encode(changed(WEB, "metadata.name", f"- {number}")))
    assert len(decoder._warned) <= 1_000


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            {"type": "ADDED", "object": pod("a", "10.0.0.1", resourceVersion="7")},
            Apply("default/a", 7, Pod.of("default", "a", ("10.0.0.1",), "Running")),
        ),
        (
            {"type": "MODIFIED", "object": pod("a", resourceVersion="8")},
            Apply("default/a", 8, Pod.of("default", "a", (), "Running")),
        ),
        (
            {"type": "MODIFIED", "object": changed(pod("a", resourceVersion="8"), "status", [1])},
            Apply("default/a", 8, Pod.of("default", "a", (), "")),
        ),
        ({"type": "DELETED", "object": pod("a", resourceVersion="9")}, Delete("default/a", 9)),
        ({"type": "DELETED", "object": pod("a b", resourceVersion="9")}, Progress(9)),
        ({"type": "ADDED", "object": pod("a b", resourceVersion="9")}, Progress(9)),
        ({"type": "ADDED", "object": None}, Progress(0)),
        ({"type": "ADDED"}, Progress(0)),
        ({"type": "LATER", "object": {}}, Progress(0)),
        ({"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "10"}}}, Progress(10)),
        ({"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "x"}}}, Progress(0)),
        ({"type": "BOOKMARK", "object": 5}, Progress(0)),
        (
            {
                "type": "BOOKMARK",
                "object": {
                    "metadata": {
                        "resourceVersion": "11",
                        "annotations": {"k8s.io/initial-events-end": "true"},
                    }
                },
            },
            Progress(11, initial_events_end=True),
        ),
    ],
)
def test_the_lines_of_a_watch(line: object, expected: object) -> None:
    assert Decoder(PODS).event(encode(line)) == expected


@pytest.mark.parametrize(
    ("status", "error", "code"),
    [
        ({"code": 410, "reason": "Gone", "message": "too old"}, Gone, 0),
        ({"code": 0, "reason": "Expired"}, Gone, 0),
        ({"kind": "Status", "status": "Failure", "code": 500, "message": "no"}, KubeError, 500),
        ({"code": "x"}, KubeError, 0),
        (None, KubeError, 0),
    ],
)
def test_an_error_event_is_an_error(status: object, error: type[KubeError], code: int) -> None:
    with pytest.raises(KubeError) as caught:
        Decoder(PODS).event(encode({"type": "ERROR", "object": status}))
    assert type(caught.value) is error
    assert caught.value.code == code


@pytest.mark.parametrize(
    "line", [b"", b"{", b"[]", b"7", b'"a"', b'{"object":{}}', b'{"type":1}', b"\xff", b"[" * 9000]
)
def test_a_line_that_is_no_event(line: bytes) -> None:
    with pytest.raises(BrokenLine):
        Decoder(PODS).event(line)


KNOWN_KEYS = st.sampled_from(
    """metadata name namespace labels resourceVersion spec clusterIPs clusterIP ports port protocol type externalName
    status podIPs podIP ip phase endpoints addresses conditions ready hostname targetRef addressType""".split()  # noqa: SIM905
)
SCALARS = st.sampled_from(
    [None, True, 0, -1, 1 << 70, 1.5, float("nan"), "", "good", "1.2.3.4", "\ud800", "\x00é"]
)
ODD_OBJECTS = st.recursive(
    SCALARS,
    lambda inner: st.dictionaries(KNOWN_KEYS, inner, max_size=5) | st.lists(inner, max_size=3),
    max_leaves=12,
)


@given(st.sampled_from(sorted(KINDS)), ODD_OBJECTS)
def test_anything_may_stand_among_good_objects(kind_name: str, odd: object) -> None:
    kind = KINDS[kind_name]
    decoder: Decoder[Any] = Decoder(kind)
    good = {"metadata": {"name": "good", "namespace": "default"}}
    stream = ItemStream(decoder.item, decoder.rescue_item)
    text = b'{"items":[%s,%s,%s]}' % (encode(good), encode(odd), encode(good))
    found = [*stream.feed(text), *stream.finish()]
    assert len(found) == 3
    assert found[0] == found[2]
    assert found[0] is not None
    decoder.event(encode({"type": "ADDED", "object": odd}))
    decoder.event(encode({"type": "DELETED", "object": odd}))


@given(st.binary(max_size=60))
def test_any_octets_are_an_event_or_a_broken_line(line: bytes) -> None:
    with contextlib.suppress(KubeError):
        Decoder(PODS).event(line)
