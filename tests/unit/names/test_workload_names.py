"""Names that list pods: whose they are, in what order, what stands before and below them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podname.dns import constants as c
from podname.dns import names
from podname.kube.objects import EndpointSlice, Pod, Port
from podname.names.options import ZoneOptions
from podname.plugins.kubernetes.on_demand import srv_answer
from tests.unit.names.cluster import Cluster, Namespace, endpoint_slice, options, service, show

DEFAULT = Namespace("default")
ZONE = "cluster.local."
POD = "default.pod.cluster.local."
OWN = options(pod_names=True)
APP = (Port("app", "TCP", 9100), Port("my-node", "TCP", 9200), Port("gossip", "UDP", 9300))


def pod(name: str, *ips: str, owner: str = "", ports: Any = (), ns: str = "default") -> Pod:
    return Pod.of(ns, name, ips, "Running", owner, ports)


def found(cluster: Cluster, name: str) -> list[str] | None:
    """Show what is answered at a name below the zone; None: it does not exist."""
    owner = names.from_text(f"{name}.{ZONE}")
    answers = cluster.compiler.workloads.find(owner)
    return None if answers is None else sorted(x for a in answers.values() for x in show(owner, a))


def answered(cluster: Cluster, name: str) -> list[str]:
    """Show what the engine repeats without asking."""
    return [line for line in cluster.records(f"{name}.{ZONE}") if not line.startswith("+")]


WEB = (
    pod("web-7b-a", "10.0.0.1", owner="deploy/web/7b", ports=APP),
    pod("web-7b-b", "10.0.0.2", "fd00::2", owner="deploy/web/7b"),
    pod("web-9c-c", "10.0.0.3", owner="deploy/web/9c", ports=APP[:1]),
    pod("web-9c-new", owner="deploy/web/9c"),
    pod("alone", "10.0.0.4"),
    pod("db-0", "10.0.0.5", owner="sts/db"),
    pod("db-0", "10.0.9.5", owner="sts/db", ns="other"),
    pod("old-x", "10.0.0.6", owner="rs/old"),
    pod("a.b-1", "10.0.0.7", owner="job/a.b"),
    pod("starting", owner="ds/log"),
)
A_WEB = ["+web-7b-a.{0} A 10.0.0.1", "+web-7b-b.{0} A 10.0.0.2", "+web-7b-b.{0} AAAA fd00::2"]


def some() -> Cluster:
    return Cluster(OWN).load(DEFAULT, *WEB)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "web.deploy.default.pod",
            [
                *(line.format(POD) for line in A_WEB),
                f"+web-9c-c.{POD} A 10.0.0.3",
                *("A 10.0.0.1", "A 10.0.0.2", "A 10.0.0.3", "AAAA fd00::2"),
                *(f"SRV 0 25 0 {pod}.{POD}" for pod in ("web-7b-a", "web-7b-b", "web-9c-c")),
            ],
        ),
        (
            "web-9c.rs.default.pod",
            [f"+web-9c-c.{POD} A 10.0.0.3", "A 10.0.0.3", f"SRV 0 100 0 web-9c-c.{POD}"],
        ),
        (
            "old.rs.default.pod",
            [f"+old-x.{POD} A 10.0.0.6", "A 10.0.0.6", f"SRV 0 100 0 old-x.{POD}"],
        ),
        (
            "db.sts.default.pod",
            [f"+db-0.{POD} A 10.0.0.5", "A 10.0.0.5", f"SRV 0 100 0 db-0.{POD}"],
        ),
        (
            "a.b.job.default.pod",
            [f"+a.b-1.{POD} A 10.0.0.7", "A 10.0.0.7", f"SRV 0 100 0 a.b-1.{POD}"],
        ),
        ("_short.web.deploy.default.pod", [f"SRV 0 33 0 web-{x}." for x in ("7b-a", "7b-b", "9c-c")]),
        ("_short.web-9c.rs.default.pod", ["SRV 0 100 0 web-9c-c."]),
        ("_short.a.b.job.default.pod", []),  # a pod with dots has no hostname of one label
        ("log.ds.default.pod", []),  # no address yet
        ("_short.log.ds.default.pod", []),
        ("b.job.default.pod", []),  # something stands below
        ("deploy.default.pod", []),
        ("rs.default.pod", []),
        ("job.default.pod", []),
        ("web.rs.default.pod", None),
        ("web-7.rs.default.pod", None),
        ("7b.rs.default.pod", None),
        ("web-7b.deploy.default.pod", None),
        ("web.sts.default.pod", None),
        ("x.web.deploy.default.pod", None),
        ("_short.b.job.default.pod", None),
        ("_short.deploy.default.pod", None),
        ("_short.alone.default.pod", None),
        ("_short.default.pod", None),
        ("_short._short.web.deploy.default.pod", None),
        ("_tcp._short.web.deploy.default.pod", None),
        ("db.sts.other.pod", None),  # a namespace that is not exposed
        ("_all.other.pod", None),
        ("_app._tcp.web-7b-a.default.pod", [f"+web-7b-a.{POD} A 10.0.0.1", f"SRV 0 100 9100 web-7b-a.{POD}"]),
        ("_my_node._tcp.web-7b-a.default.pod", [f"+web-7b-a.{POD} A 10.0.0.1", f"SRV 0 100 9200 web-7b-a.{POD}"]),
        ("_gossip._udp.web-7b-a.default.pod", [f"+web-7b-a.{POD} A 10.0.0.1", f"SRV 0 100 9300 web-7b-a.{POD}"]),
        ("_gossip._tcp.web-7b-a.default.pod", None),
        ("_tcp.web-7b-a.default.pod", []),
        ("_sctp.web-7b-a.default.pod", None),
        ("_._tcp.web-7b-a.default.pod", None),
        ("_app._tcp.alone.default.pod", None),
        ("_app._tcp.nobody.default.pod", None),
        ("_app._tcp.default.pod", None),
        (
            "_app._tcp.web.deploy.default.pod",
            [
                f"+web-7b-a.{POD} A 10.0.0.1",
                f"+web-9c-c.{POD} A 10.0.0.3",
                f"SRV 0 50 9100 web-7b-a.{POD}",
                f"SRV 0 50 9100 web-9c-c.{POD}",
            ],
        ),
        ("_app._tcp.web-9c.rs.default.pod", [f"+web-9c-c.{POD} A 10.0.0.3", f"SRV 0 100 9100 web-9c-c.{POD}"]),
        ("_tcp.web.deploy.default.pod", []),
        ("_app._tcp.db.sts.default.pod", None),
        ("_app._tcp.deploy.default.pod", None),
        ("web.deploy.default.svc", None),
        ("_short.web.default.svc", None),
    ],
)  # fmt: skip
def test_names_that_list_pods(name: str, expected: list[str] | None) -> None:
    assert found(some(), name) == expected


def test_a_namespace_lists_every_pod_that_has_an_address() -> None:
    cluster = some()
    targets = [
        line.split()[-1] for line in found(cluster, "_all.default.pod") or () if "SRV" in line
    ]
    assert targets == [
        f"{name}.{POD}" for name in ("a.b-1", "alone", "db-0", "old-x", "web-7b-a", "web-7b-b", "web-9c-c")
    ]  # fmt: skip
    short = found(cluster, "_short._all.default.pod")
    assert [line.split()[-1] for line in short or ()] == [
        "alone.", "db-0.", "old-x.", "web-7b-a.", "web-7b-b.", "web-9c-c.",
    ]  # fmt: skip
    assert found(Cluster(OWN).load(DEFAULT), "_all.default.pod") == []
    assert found(Cluster(OWN).load(DEFAULT), "_short._all.default.pod") == []


def test_without_pod_names_there_are_none() -> None:
    cluster = Cluster(options(pods="verified")).load(DEFAULT, *WEB)
    assert found(cluster, "web.deploy.default.pod") is None


def test_what_was_made_is_left_in_the_table_until_a_pod_changes() -> None:
    cluster = some()
    listing = ("web.deploy.default.pod", "_short.web.deploy.default.pod", "web-7b.rs.default.pod")
    for name in (*listing, "db.sts.default.pod", "_all.default.pod"):
        found(cluster, name)
    assert answered(cluster, listing[0])[:1] == ["A 10.0.0.1"]
    cluster.put(pod("alone", "10.0.0.44"))
    assert answered(cluster, "_all.default.pod") == []
    assert all(answered(cluster, name) for name in (*listing, "db.sts.default.pod"))
    cluster.put(pod("web-7b-b", "10.0.0.22", owner="deploy/web/7b"))
    assert not any(answered(cluster, name) for name in listing)
    assert answered(cluster, "db.sts.default.pod")
    assert "A 10.0.0.22" in (found(cluster, listing[0]) or ())
    cluster.remove(pod("web-7b-a"))
    cluster.remove(pod("web-7b-b"))
    assert found(cluster, listing[2]) is None
    cluster.remove(DEFAULT)
    assert not any(answered(cluster, name) for name in (*listing, "db.sts.default.pod"))


def test_a_pod_that_changes_hands_is_listed_by_its_new_owner() -> None:
    cluster = some()
    found(cluster, "db.sts.default.pod")
    cluster.put(pod("db-0", "10.0.0.5", owner="sts/other"))
    assert found(cluster, "db.sts.default.pod") is None
    assert "A 10.0.0.5" in (found(cluster, "other.sts.default.pod") or ())


def test_a_pods_own_name_comes_before_a_workloads() -> None:
    cluster = some()
    assert found(cluster, "web.deploy.default.pod")
    clash = pod("web.deploy", "10.0.0.66", ports=APP)
    cluster.put(clash)
    assert answered(cluster, "web.deploy.default.pod") == ["A 10.0.0.66"]
    assert found(cluster, "_short.web.deploy.default.pod") is None
    assert found(cluster, "_app._tcp.web.deploy.default.pod") == [
        f"+web.deploy.{POD} A 10.0.0.66",
        f"SRV 0 100 9100 web.deploy.{POD}",
    ]
    cluster.put(pod("web-7b-a", "10.0.0.11", owner="deploy/web/7b"))
    assert answered(cluster, "web.deploy.default.pod") == ["A 10.0.0.66"]
    cluster.remove(clash)
    assert "A 10.0.0.11" in (found(cluster, "web.deploy.default.pod") or ())


@pytest.mark.parametrize("name", ["pod-0", "_all", "web.deploy"])
def test_a_node_called_short_is_found_by_its_port(name: str) -> None:
    """`_short._tcp` was taken for short names."""
    ports = (Port("short", "TCP", 9100),)
    cluster = Cluster(OWN).load(
        DEFAULT, pod("pod-0", "10.0.0.1", owner="deploy/web/7b", ports=ports)
    )
    shown = [f"+pod-0.{POD} A 10.0.0.1", f"SRV 0 100 9100 pod-0.{POD}"]
    assert found(cluster, f"_short._tcp.{name}.default.pod") == shown


def test_a_pod_called_like_a_kind_is_no_trouble() -> None:
    cluster = Cluster(OWN).load(
        DEFAULT, *WEB, pod("deploy", "10.0.0.8", ports=APP), pod("x.web.deploy", "10.0.0.9")
    )
    assert answered(cluster, "deploy.default.pod") == ["A 10.0.0.8"]
    assert found(cluster, "_app._tcp.deploy.default.pod") == [
        f"+deploy.{POD} A 10.0.0.8",
        f"SRV 0 100 9100 deploy.{POD}",
    ]
    assert "A 10.0.0.1" in (found(cluster, "web.deploy.default.pod") or ())


def test_a_pod_that_yields_to_an_address_is_listed_without_a_target() -> None:
    cluster = Cluster(options(pod_names=True, pods="insecure")).load(
        DEFAULT, pod("10-9-9-9", "10.0.0.1", owner="sts/x")
    )
    assert found(cluster, "x.sts.default.pod") == ["A 10.0.0.1"]


def test_long_names_are_listed_by_what_can_be_asked_for() -> None:
    long, other = "p" * 60 + "-suffix", "p" * 60 + "-suffiy"
    cluster = Cluster(OWN).load(
        DEFAULT,
        pod(long, "10.0.0.1", owner="sts/x", ports=APP),
        pod(other, "10.0.0.2", owner="sts/x"),
    )
    listed = [
        line.split()[-1] for line in found(cluster, "x.sts.default.pod") or () if "SRV" in line
    ]
    assert len(listed) == 2
    assert all(answered(cluster, name.removesuffix(f".{ZONE}")) for name in listed)
    assert found(cluster, "_short.x.sts.default.pod") == [f"SRV 0 100 0 {long[:63]}."]
    cut = f"{long[:63]}.default.pod"
    assert found(cluster, f"_app._tcp.{cut}") == [
        f"+{cut}.{ZONE} A 10.0.0.1",
        f"SRV 0 100 9100 {cut}.{ZONE}",
    ]
    alias = listed[0].removesuffix(f".{ZONE}")
    assert {f"_app._tcp.{x.removesuffix(f'.{ZONE}')}" for x in listed} >= {f"_app._tcp.{alias}"}
    assert sum(bool(found(cluster, f"_app._tcp.{x.removesuffix(f'.{ZONE}')}")) for x in listed) == 1


def test_a_workload_of_ten_thousand_pods_holds_what_a_message_can() -> None:
    many = [pod(f"p-{n:05}", f"10.{n >> 8}.{n & 255}.1", owner="deploy/p/1") for n in range(10_000)]
    cluster = Cluster(OWN).load(DEFAULT, *many)
    owner = names.from_text("p.deploy.default.pod.cluster.local.")
    answers = cluster.compiler.workloads.find(owner) or {}
    assert int.from_bytes(answers[c.A][:2], "big") >= 65535 // 16
    assert 900 < int.from_bytes(answers[c.SRV][:2], "big") < 1500
    before = cluster.table.writes
    cluster.put(pod("p-00001", "10.77.0.1", owner="deploy/p/1"))
    assert cluster.table.writes - before < 60


# ------------------------------------------------------------------ Services


def portless(cluster: Cluster, name: str = "db.default.svc") -> list[str]:
    owner = names.from_text(f"{name}.{ZONE}")
    made = srv_answer(owner, cluster.compiler)
    return [] if made is None else sorted(show(owner, made))


def headless(chosen: ZoneOptions = OWN, *endpoints: str, ports: str = "") -> Cluster:
    part = endpoint_slice("db-1", "db", *endpoints, ports=ports)
    return Cluster(chosen).load(DEFAULT, service("db", ports=ports), part)


@pytest.mark.parametrize(
    ("chosen", "endpoint", "target"),
    [
        (OWN, "10.0.0.1 pod=p", f"p.{POD}"),
        (OWN, "10.0.0.1 pod=p hostname=h", "h.db.default.svc.cluster.local."),
        (OWN, "10.0.0.1", "10-0-0-1.db.default.svc.cluster.local."),
        (
            options(pod_names=True, endpoint_pod_names=True),
            "10.0.0.1 pod=p",
            "p.db.default.svc.cluster.local.",
        ),
        (
            options(pod_names=True, pods="insecure"),
            "10.0.0.1 pod=10-9-9-9",
            "10-0-0-1.db.default.svc.cluster.local.",
        ),
    ],
)
def test_a_headless_service_without_ports_has_srv(
    chosen: ZoneOptions, endpoint: str, target: str
) -> None:
    cluster = headless(chosen, endpoint)
    expected = [f"+{target} A 10.0.0.1", f"SRV 0 100 0 {target}"]
    assert portless(cluster) == expected
    assert cluster.records(f"db.default.svc.{ZONE}") == sorted([*expected, "A 10.0.0.1"])
    cluster.put(endpoint_slice("db-1", "db", "10.0.0.2 hostname=k", ports=""))
    assert cluster.records(f"db.default.svc.{ZONE}") == ["A 10.0.0.2"], "it was made for another"
    assert portless(cluster)[1:] == ["SRV 0 100 0 k.db.default.svc.cluster.local."]


def test_without_pod_names_a_service_without_ports_has_no_srv() -> None:
    assert portless(headless(options(), "10.0.0.1 pod=p")) == []


def test_services_that_are_not_headless_have_no_srv_without_ports() -> None:
    cluster = Cluster(OWN).load(DEFAULT, service("db", "10.43.0.1", ports=""))
    assert portless(cluster) == []
    assert portless(cluster, "nobody.default.svc") == []


@pytest.mark.parametrize("ports", ["", "http/TCP/80"])
def test_endpoints_by_short_names(ports: str) -> None:
    cluster = headless(
        OWN, "10.0.0.1 pod=p", "10.0.0.2 hostname=h pod=q", "10.0.0.3 pod=a.b", "10.0.0.4", ports=ports
    )  # fmt: skip
    name = "_short.db.default.svc"
    assert found(cluster, name) == ["SRV 0 50 0 h.", "SRV 0 50 0 p."]
    assert answered(cluster, name) == ["SRV 0 50 0 h.", "SRV 0 50 0 p."]
    cluster.put(endpoint_slice("db-1", "db", "10.0.0.5 pod=r", ports=ports))
    assert answered(cluster, name) == []
    assert found(cluster, name) == ["SRV 0 100 0 r."]
    cluster.put(endpoint_slice("db-1", "db", ports=ports))
    assert found(cluster, name) is None, "as the Service, which has no endpoint"


def test_short_names_of_other_services() -> None:
    cluster = Cluster(OWN).load(
        DEFAULT,
        service("web", "10.43.0.1"),
        endpoint_slice("web-1", "web", "10.0.0.1 pod=p"),
        service("ext", "", type="ExternalName", external="example.org"),
    )
    assert found(cluster, "_short.web.default.svc") == ["SRV 0 100 0 p."]
    assert found(cluster, "_short.ext.default.svc") is None
    cluster.remove(service("web"))
    assert found(cluster, "_short.web.default.svc") is None


# ---------------------------------------------------------------- properties

OWNERS = ["", "deploy/web/7b", "deploy/web/9c", "rs/web", "sts/db", "job/a.b", "deploy/a.b/1"]
PODS = st.builds(
    lambda name, ips, owner, ports, ns: pod(name, *ips, owner=owner, ports=ports, ns=ns),
    st.sampled_from(["p", "q", "web.deploy", "b.deploy", "10-0-0-1", "p" * 64, "p" * 65]),
    st.lists(st.sampled_from(["10.0.0.1", "10.0.0.2", "fd00::1", "bad"]), max_size=2),
    st.sampled_from(OWNERS),
    st.sampled_from([(), APP]),
    st.sampled_from(["default", "other"]),
)
SLICES = st.sampled_from(
    [
        endpoint_slice("db-1", "db", *some, ports="")
        for some in ([], ["10.0.0.1 pod=p"], ["10.0.0.2"])
    ]
)
OBJECTS = st.one_of(
    PODS, PODS, PODS, SLICES, st.sampled_from([DEFAULT, Namespace("other"), service("db", ports="")])
)  # fmt: skip
ASKED = [
    f"{before}{name}.{space}.pod"
    for before in ("", "_short.", "_app._tcp.", "_tcp.")
    for name in (
        *("web.deploy", "web-7b.rs", "web.rs", "db.sts", "a.b.job", "b.deploy", "b-1.rs", "p"),
        *("deploy", "_all", "p" * 63),
    )
    for space in ("default", "other")
] + ["_short.db.default.svc"]  # fmt: skip


@settings(max_examples=30)
@given(
    st.sampled_from([OWN, options(pod_names=True, pods="verified")]),
    st.lists(OBJECTS, max_size=6),
    st.lists(
        st.tuples(st.booleans(), OBJECTS, st.lists(st.sampled_from(ASKED), max_size=4)), max_size=10
    ),
)
def test_whoever_asked_whenever_the_answers_are_those_of_a_table_built_anew(
    chosen: ZoneOptions, first: list[Any], later: list[tuple[bool, Any, list[str]]]
) -> None:
    followed = Cluster(chosen).load(*first)
    for keep, obj, asked in later:
        (followed.put if keep else followed.remove)(obj)
        for name in asked:
            engine_says(followed, name)
    built = Cluster(chosen).load(
        *followed.namespaces.objects.values(),
        *followed.services.objects.values(),
        *followed.slices.objects.values(),
        *followed.pods.objects.values(),
    )
    untouched = built.everything()
    for name in ASKED:
        assert engine_says(followed, name) == engine_says(built, name), name
    for key, records in untouched.items():
        assert built.everything()[key] == records, "what was made has changed an answer"


def engine_says(cluster: Cluster, name: str) -> tuple[bool, list[str]] | None:
    """Answer as the server does: from the table if the name has a record there, else by code."""
    owner = f"{name}.{ZONE}"
    records = cluster.records(owner)
    if records:
        return (True, records)
    answers = found(cluster, name)
    return None if answers is None else (bool(answers), answers)


@given(st.lists(st.binary(min_size=1, max_size=8), max_size=7))
def test_no_question_raises(labels: list[bytes]) -> None:
    cluster = some()
    owner = b"".join(bytes((len(x),)) + x.lower() for x in labels) + names.from_text(ZONE)
    cluster.compiler.workloads.find(owner)


def test_labels_with_dots_inside_are_no_names_of_ours() -> None:
    owner = b"\x03a.b\x03job\x07default\x03pod" + names.from_text(ZONE)
    assert some().compiler.workloads.find(owner) is None


def test_hostile_owners_cost_only_themselves() -> None:
    cluster = Cluster(OWN).load(
        DEFAULT,
        *(
            pod(f"h{n}", f"10.0.1.{n}", owner=owner)
            for n, owner in enumerate(["sts/" + "x" * 253, "deploy/\ud800/1", "rs/..", "ds/", "job/-"])
        ),
        pod("ok", "10.0.0.1", owner="sts/ok"),
    )  # fmt: skip
    assert "A 10.0.0.1" in (found(cluster, "ok.sts.default.pod") or ())
    everything = found(cluster, "_all.default.pod") or []
    assert sum(line.startswith("SRV") for line in everything) == 6


def test_slices_of_type_fqdn_are_no_hosts() -> None:
    part = EndpointSlice.of("default", "x", "db", "FQDN", (), ())
    cluster = Cluster(OWN).load(DEFAULT, service("db", ports=""), part)
    assert found(cluster, "_short.db.default.svc") is None


@pytest.mark.parametrize("name", ["_app._tcp._all", "_app._tcp.web.deploy", "_short._all"])
def test_what_no_table_keeps_is_made_once_until_a_pod_changes(name: str) -> None:
    cluster = some()
    owner = names.from_text(f"{name}.{POD}")
    find = cluster.compiler.workloads.find
    before = find(owner)
    assert before
    assert find(owner) is before
    cluster.put(pod("web-7b-a", "10.0.0.9", owner="deploy/web/7b", ports=APP))
    after = find(owner)
    assert after is not before
    cluster.remove(WEB[4])  # of no workload, in the same namespace
    assert (find(owner) is after) == name.endswith(".deploy")
