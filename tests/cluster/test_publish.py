"""Pod names in the cluster's own DNS: CoreDNS as it is installed everywhere, without `endpoint_pod_names`.

`podname publish` runs with the permissions of `deploy/publish` and no others, outside the pods, where a test can count
and kill; every answer here is CoreDNS's. test_publish_pods.py runs it as people do.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.cluster.harness import workloads
from tests.cluster.harness.api import ApiError, Object
from tests.cluster.harness.cluster import Cluster
from tests.cluster.harness.publishing import Publisher, install
from tests.cluster.harness.servers import DnsServer
from tests.cluster.harness.waiting import until

ZONE = "cluster.local"
COREFILE = """
.:{$PORT} {
    bind {$ADDRESS}
    ready {$READY}
    errors
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        kubeconfig {$KUBECONFIG}
        pods insecure
        ttl 1
    }
}
"""
OURS = "endpointslice.kubernetes.io/managed-by=podname.dev"
LONG, DOTTED = "x" * 70, "batch.worker-0"


def becomes(ask: Callable[[], object], expected: object, deadline_seconds: float = 30) -> None:
    until(
        lambda: ask() == expected,
        lambda: f"{expected!r}, not {ask()!r}",
        deadline_seconds=deadline_seconds,
    )


def published(name: str, namespace: str, pods: str = "app=web", **spec: object) -> Object:
    """Return a headless Service without a selector that asks for pods."""
    annotations = {"podname.dev/publish": pods}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace, "annotations": annotations},
        "spec": {"clusterIP": "None", **spec},
    }


@pytest.fixture(scope="module")
def coredns(control_plane: Cluster) -> Iterator[DnsServer]:
    with control_plane.start_server("coredns", COREFILE) as server:
        yield server


@pytest.fixture(scope="module")
def publisher(control_plane: Cluster) -> Iterator[Publisher]:
    home = install(control_plane)
    with Publisher(control_plane, "publisher", home) as running:
        yield running


@pytest.fixture
def alone(publisher: Publisher) -> Iterator[None]:
    """Let nobody publish but whom the test starts."""
    publisher.program.stop()
    yield
    publisher.restart()


@pytest.fixture
def place(control_plane: Cluster, request: pytest.FixtureRequest) -> Iterator[str]:
    """Make a namespace for pods that are only objects."""
    number = abs(hash(request.node.name)) % 10**8
    name = f"publish-{number}"
    control_plane.api.create(workloads.namespace(name))
    until(lambda: control_plane.api.find("ServiceAccount", name), "the service account")
    yield name
    control_plane.api.delete("Namespace", name)


def web(number: int, namespace: str, *, name: str = "", **options: Any) -> Object:
    """Return a pod `web-NUMBER` with an address of each family."""
    name = name or f"web-{number}"
    addresses = [f"10.42.{100 + number // 250}.{number % 250 + 1}", f"fd00:42::{number + 1:x}"]
    return workloads.placed_pod(name, *addresses, namespace=namespace, app="web", **options)


def slices(cluster: Cluster, namespace: str) -> list[Object]:
    found = cluster.api.find("EndpointSlice", namespace, OURS)
    return sorted(found, key=lambda each: str(each["metadata"]["name"]))


def versions(cluster: Cluster, namespace: str) -> dict[str, str]:
    return {
        each["metadata"]["name"]: each["metadata"]["resourceVersion"]
        for each in slices(cluster, namespace)
    }


def name_of(pod: str, namespace: str, service: str = "web") -> str:
    return f"{pod}.{service}.{namespace}.svc.{ZONE}"


@pytest.mark.usefixtures("publisher")
def test_every_kind_of_question(control_plane: Cluster, coredns: DnsServer, place: str) -> None:
    control_plane.place(*(web(number, place) for number in range(3)))
    ports = [{"name": "dist", "port": 9100}]
    control_plane.api.create(published("web", place, ports=ports))
    for number in range(3):
        name, v4, v6 = (
            name_of(f"web-{number}", place),
            f"10.42.100.{number + 1}",
            f"fd00:42::{number + 1:x}",
        )
        becomes(lambda: coredns.short(name), [v4])  # noqa: B023
        becomes(lambda: coredns.short(name, "AAAA"), [v6])  # noqa: B023
        reverse = f"{number + 1}.100.42.10.in-addr.arpa"
        assert coredns.short(reverse, "PTR") == [f"{name}."]
        reverse = ".".join(reversed(f"fd000042{number + 1:024x}")) + ".ip6.arpa"
        assert coredns.short(reverse, "PTR") == [f"{name}."]
    targets = coredns.short(f"_dist._tcp.web.{place}.svc.{ZONE}", "SRV")
    assert {line.split()[2] for line in targets} == {"9100"}
    assert {line.split()[3] for line in targets} == {
        f"{name_of(f'web-{number}', place)}." for number in range(3)
    }
    assert len(coredns.short(f"web.{place}.svc.{ZONE}")) == 3
    assert coredns.rcode(name_of("web-9", place)) == "NXDOMAIN"


@pytest.mark.usefixtures("publisher")
def test_ready_or_not_as_chosen(control_plane: Cluster, coredns: DnsServer, place: str) -> None:
    control_plane.place(web(0, place), web(1, place, ready=False))
    control_plane.api.create(published("web", place))
    becomes(lambda: coredns.short(name_of("web-0", place)), ["10.42.100.1"])
    assert coredns.rcode(name_of("web-1", place)) == "NXDOMAIN"
    change = {"spec": {"publishNotReadyAddresses": True}}
    control_plane.api.patch("Service", "web", change, place)
    becomes(lambda: coredns.short(name_of("web-1", place)), ["10.42.100.2"])


@pytest.mark.usefixtures("publisher")
def test_names_follow_pods_that_come_and_go(
    control_plane: Cluster, coredns: DnsServer, place: str
) -> None:
    control_plane.api.create(published("web", place))
    control_plane.place(web(0, place), web(1, place))
    becomes(lambda: coredns.short(name_of("web-1", place)), ["10.42.100.2"])
    control_plane.api.delete("Pod", "web-0", place, now=True)
    becomes(lambda: coredns.rcode(name_of("web-0", place)), "NXDOMAIN")
    control_plane.place(web(7, place))
    becomes(lambda: coredns.short(name_of("web-7", place)), ["10.42.100.8"])
    control_plane.api.patch("Pod", "web-1", {"metadata": {"labels": {"app": "other"}}}, place)
    becomes(lambda: coredns.rcode(name_of("web-1", place)), "NXDOMAIN")


def test_250_pods_are_three_slices_and_stay_in_them(
    control_plane: Cluster, coredns: DnsServer, publisher: Publisher, place: str
) -> None:
    control_plane.api.create(
        published("web", place, ipFamilies=["IPv4"], ipFamilyPolicy="SingleStack")
    )
    before = publisher.metric("podname_publish_writes_total")
    control_plane.place(*(web(number, place) for number in range(250)))
    becomes(lambda: coredns.short(name_of("web-249", place)), ["10.42.100.250"])
    becomes(
        lambda: [len(each["endpoints"]) for each in slices(control_plane, place)], [100, 100, 50]
    )
    assert len(coredns.query(f"web.{place}.svc.{ZONE}", tcp=True).answer[0]) == 250
    assert publisher.metric("podname_publish_writes_total") - before < 250
    known = versions(control_plane, place)
    control_plane.api.delete("Pod", "web-120", place, now=True)
    becomes(lambda: coredns.rcode(name_of("web-120", place)), "NXDOMAIN")
    changed = [key for key, value in versions(control_plane, place).items() if value != known[key]]
    assert len(changed) == 1
    control_plane.place(web(300, place))
    becomes(lambda: coredns.short(name_of("web-300", place)), ["10.42.101.51"])
    becomes(lambda: sum(len(each["endpoints"]) for each in slices(control_plane, place)), 250)
    assert len(slices(control_plane, place)) == 3


@pytest.mark.usefixtures("alone")
def test_nothing_is_written_when_nothing_changed(
    control_plane: Cluster, coredns: DnsServer, place: str
) -> None:
    install(control_plane, only_in=place)
    control_plane.place(web(0, place), web(1, place))
    control_plane.api.create(published("web", place))
    control_plane.api.create(published("marker", place, "app=none"))

    def mark(number: int) -> None:
        """What came before the marker has been dealt with when the marker is: one queue, in order."""
        name, address = f"mark-{number}", f"10.42.99.{number}"
        control_plane.place(workloads.placed_pod(name, address, namespace=place, app="none"))
        becomes(lambda: coredns.short(name_of(name, place, "marker")), [address])

    with Publisher(control_plane, "thrifty", place, "--namespace", place) as publisher:

        def written() -> float:
            requests = "coredns_kubernetes_rest_client_requests_total"
            return sum(publisher.metric(requests, method=each) for each in ("PATCH", "DELETE"))

        mark(1)
        becomes(lambda: coredns.short(name_of("web-1", place)), ["10.42.100.2"])
        becomes(written, 3)
        known = states(control_plane, place)
        touched = {"metadata": {"annotations": {"touched": "yes"}, "labels": {"touched": "yes"}}}
        for number in range(2):
            control_plane.api.patch("Pod", f"web-{number}", touched, place)
        control_plane.api.patch("Service", "web", touched, place)
        mark(2)
        becomes(written, 4)
        assert states(control_plane, place) == known
        assert publisher.program.stop() == 0
        publisher.restart()
        mark(3)
        becomes(written, 1)
        assert states(control_plane, place) == known


def states(cluster: Cluster, namespace: str) -> dict[str, Object]:
    """What the API server says of the slices of `web`, versions and who wrote when included."""
    found = {each["metadata"]["name"]: each["metadata"] for each in slices(cluster, namespace)}
    return {name: metadata for name, metadata in found.items() if name.startswith("web-")}


def test_slices_are_ours_and_theirs_are_not_touched(
    control_plane: Cluster, coredns: DnsServer, publisher: Publisher, place: str
) -> None:
    theirs = workloads.endpoint_slice("web", {"manual": "10.42.99.9"}, namespace=place)
    control_plane.api.create(published("web", place))
    created = control_plane.api.create(theirs)
    control_plane.place(web(0, place))
    becomes(lambda: coredns.short(name_of("web-0", place)), ["10.42.100.1"])
    service = control_plane.api.get("Service", "web", place)
    for each in slices(control_plane, place):
        metadata = each["metadata"]
        (owner,) = metadata["ownerReferences"]
        assert (owner["kind"], owner["uid"]) == ("Service", service["metadata"]["uid"])
        assert [(entry["manager"], entry["operation"]) for entry in metadata["managedFields"]] == [
            ("podname", "Apply")
        ]
    control_plane.api.patch(
        "Service", "web", {"metadata": {"annotations": {"podname.dev/publish": None}}}, place
    )
    becomes(lambda: slices(control_plane, place), [])
    becomes(lambda: coredns.rcode(name_of("web-0", place)), "NXDOMAIN")
    kept = control_plane.api.get("EndpointSlice", "web-slice", place)
    assert kept["metadata"]["resourceVersion"] == created["metadata"]["resourceVersion"]
    assert publisher.program.running


def test_a_slice_of_that_name_of_somebody_else_stays_theirs(
    control_plane: Cluster, coredns: DnsServer, publisher: Publisher, place: str
) -> None:
    theirs = workloads.endpoint_slice("web", {"manual": "10.42.99.9"}, namespace=place)
    theirs["metadata"]["name"] = "web-podname-ipv4-0"
    created = control_plane.api.create(theirs)
    control_plane.place(web(0, place))
    control_plane.api.create(published("web", place))
    log = publisher.program.log
    until(
        lambda: f"Service {place}/web: PATCH" in log.read_text(),
        "a line about the slice that is not ours",
    )
    said = next(line for line in log.read_text().splitlines() if f"{place}/web: PATCH" in line)
    assert "409: Apply failed" in said
    assert "conflict" in said
    kept = control_plane.api.get("EndpointSlice", "web-podname-ipv4-0", place)
    assert kept["metadata"]["resourceVersion"] == created["metadata"]["resourceVersion"]
    control_plane.api.delete("EndpointSlice", "web-podname-ipv4-0", place)
    becomes(lambda: coredns.short(name_of("web-0", place)), ["10.42.100.1"])


def test_an_apply_to_another_version_is_refused(control_plane: Cluster, place: str) -> None:
    """What the writer counts on, and how it tells this refusal from that of a manager's."""
    item = workloads.endpoint_slice("web", {"manual": "10.42.99.9"}, namespace=place)
    first = control_plane.api.apply(item)
    control_plane.api.apply({**item, "endpoints": []})
    item["metadata"]["resourceVersion"] = first["metadata"]["resourceVersion"]
    with pytest.raises(ApiError, match="409") as refused:
        control_plane.api.apply(item)
    assert "conflict" not in str(refused.value).lower()


def test_what_somebody_changed_is_put_right(
    control_plane: Cluster, coredns: DnsServer, publisher: Publisher, place: str
) -> None:
    control_plane.place(web(0, place))
    control_plane.api.create(published("web", place))
    becomes(lambda: coredns.short(name_of("web-0", place)), ["10.42.100.1"])
    endpoints = [{"addresses": ["10.42.77.7"], "hostname": "web-0"}]
    change = {"endpoints": endpoints}
    control_plane.api.patch("EndpointSlice", "web-podname-ipv4-0", change, place)
    becomes(lambda: coredns.short(name_of("web-0", place)), ["10.42.100.1"])
    control_plane.api.delete("EndpointSlice", "web-podname-ipv4-0", place)
    becomes(lambda: coredns.short(name_of("web-0", place)), ["10.42.100.1"])
    becomes(lambda: len(slices(control_plane, place)), 2)
    assert publisher.program.running


def test_names_that_are_no_labels_are_told_and_their_addresses_published(
    control_plane: Cluster, coredns: DnsServer, publisher: Publisher, place: str
) -> None:
    control_plane.place(web(0, place), web(1, place, name=LONG), web(2, place, name=DOTTED))
    control_plane.api.create(published("web", place))
    addresses = [f"10.42.100.{number}" for number in (1, 2, 3)]
    becomes(lambda: coredns.short(f"web.{place}.svc.{ZONE}"), addresses)
    assert coredns.short(name_of("web-0", place)) == ["10.42.100.1"]
    assert publisher.metric("podname_publish_pods_without_hostname") >= 2
    told = publisher.program.log.read_text()
    assert f"Service {place}/web: 2 pods have names that are no DNS labels" in told
    assert DOTTED in told


@pytest.mark.parametrize(
    ("service", "said"),
    [
        (published("web", "", clusterIP="", ports=[{"port": 80}]), "is not headless"),
        (published("web", "", selector={"app": "web"}), "has a selector"),
        (published("web", "", "app in web"), "is no label selector"),
    ],
    ids=["cluster address", "selector", "no selector"],
)
def test_what_cannot_be_published_is_told_and_nothing_is_written(
    control_plane: Cluster, publisher: Publisher, place: str, service: Object, said: str
) -> None:
    control_plane.place(web(0, place))
    metadata = {**service["metadata"], "namespace": place}
    control_plane.api.create({**service, "metadata": metadata})
    log = publisher.program.log
    until(
        lambda: any(
            f"{place}/web" in line and said in line for line in log.read_text().split("\n")
        ),
        f"a line that says: {said}",
    )
    assert slices(control_plane, place) == []
    assert publisher.metric("podname_publish_services_refused") >= 1


def test_a_deleted_service_takes_its_slices_along_without_us(
    control_plane: Cluster, coredns: DnsServer, publisher: Publisher, place: str
) -> None:
    control_plane.place(web(0, place))
    control_plane.api.create(published("web", place))
    becomes(lambda: len(slices(control_plane, place)), 2)
    becomes(lambda: coredns.short(name_of("web-0", place)), ["10.42.100.1"])
    publisher.program.stop()
    try:
        control_plane.api.delete("Service", "web", place)
        becomes(lambda: slices(control_plane, place), [])
    finally:
        publisher.restart()


@pytest.mark.usefixtures("alone")
def test_one_namespace_needs_only_a_role(
    control_plane: Cluster, coredns: DnsServer, place: str
) -> None:
    install(control_plane, only_in=place)
    control_plane.place(web(0, place))
    control_plane.api.create(published("web", place))
    with Publisher(control_plane, "narrow", place, "--namespace", place) as narrow:
        becomes(lambda: coredns.short(name_of("web-0", place)), ["10.42.100.1"])
        becomes(lambda: narrow.is_leading, expected=True)
        assert "403" not in narrow.program.log.read_text()


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("end", ["released", "killed"])
def test_another_replica_takes_over(
    control_plane: Cluster, coredns: DnsServer, place: str, end: str
) -> None:
    install(control_plane, only_in=place)
    control_plane.api.create(published("web", place))
    words = (place, "--namespace", place)
    with (
        Publisher(control_plane, f"first-{end}", *words) as first,
        Publisher(control_plane, f"second-{end}", *words) as second,
    ):
        becomes(lambda: first.is_leading or second.is_leading, expected=True)
        leader, other = (first, second) if first.is_leading else (second, first)
        control_plane.place(web(0, place))
        becomes(lambda: coredns.short(name_of("web-0", place)), ["10.42.100.1"])
        assert other.metric("podname_publish_writes_total") == 0
        if end == "released":
            assert leader.program.stop() == 0
        else:
            leader.kill()
        control_plane.place(web(1, place))
        assert coredns.short(name_of("web-0", place)) == ["10.42.100.1"]
        becomes(
            lambda: coredns.short(name_of("web-1", place)),
            ["10.42.100.2"],
            deadline_seconds=10 if end == "released" else 40,
        )
        assert other.is_leading
