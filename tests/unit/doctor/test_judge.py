"""Facts in, findings out: a table for each kind of trouble."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podname.dns.resolv_conf import ResolvConf
from podname.doctor.facts import Api, Facts, Reach, ServiceView, Side, Where
from podname.doctor.findings import Outcome
from podname.doctor.judge import CHECKS, exit_code, judge
from podname.erlang.asking import Asked, Pointers
from podname.erlang.environment import Cookie, Erlang
from podname.erlang.epmd import Epmd
from podname.erlang.handshake import Certificate, Handshake
from podname.erlang.inetrc_effect import Inetrc
from podname.erlang.lookup import Lookup
from podname.erlang.nodename import NodeName, parse
from tests.unit.doctor.scene import (
    DNS,
    HERE,
    HOST,
    MACHINE,
    NODE,
    SEARCH,
    THERE,
    facts,
    found,
    outcomes,
    service,
    unresolved,
)

NO_SERVICE = ServiceView("default", "web", exists=False)
NOT_IN_IT = ServiceView("default", "web", exists=True, is_headless=True)
NXDOMAIN = Asked(DNS, HOST, "NXDOMAIN", (), 30)
LONG = "x" * 64
POD_HOST = "there.default.pod.cluster.local"
BY_POD = parse(f"app@{POD_HOST}")
SHORT = parse("app@there")
SHORT_LOOKUP = Lookup(
    "there",
    ("10.42.3.7",),
    asked=(Asked(DNS, "there.default.pod.cluster.local", "NOERROR", ("10.42.3.7",)),),
)


def machine(**changes: object) -> dict[str, object]:
    return {"machine": replace(MACHINE, **changes)}  # type: ignore[arg-type]


def reach(**changes: object) -> dict[str, object]:
    usual = Reach("10.42.3.7", Epmd(4369, ("app",), 40001))
    return {"reach": replace(usual, **changes)}  # type: ignore[arg-type]


def shaken(**changes: object) -> dict[str, object]:
    usual = Handshake(40001, False, "", "ok", str(NODE), True)
    return reach(handshake=replace(usual, **changes))  # type: ignore[arg-type]


def certificate(*names: str) -> dict[str, object]:
    usual = Handshake(40001, True, "", "ok", str(NODE), True)
    return reach(handshake=usual, certificate=Certificate(names))


def there(**changes: object) -> dict[str, object]:
    pod = replace(THERE, **changes)  # type: ignore[arg-type]
    return {"there": Side(pod, service("there"), True, "default")}


def test_nothing_is_found_where_nodes_connect() -> None:
    assert outcomes(facts()) == {}
    assert exit_code(facts(), judge(facts())) == 0


TROUBLE = [
    # what differs from nodes that connect; the check that fails; what it saw; what the fix names
    (
        machine(fqdn="here", erlang=Erlang("long", "b")) | {"own": NodeName("b", "here")},
        {"own-name", "name-form"} - {"name-form"},
        "hostname -f prints here: no domain",
        "spec.subdomain",
    ),
    (
        {"own": NodeName("b", "here")} | machine(erlang=Erlang("short", "b")),
        {"name-form"},
        "nodes here have short names",
        "start both with -name",
    ),
    (
        there(environment=(("RELEASE_DISTRIBUTION", "sname"),)),
        {"name-form"},
        "RELEASE_DISTRIBUTION=sname",
        "short name",
    ),
    (
        {"lookup": unresolved(), "there": Side(THERE, None, True, "default")} | {"reach": None},
        {"resolves-here"},
        "does not resolve by the C library (Name or service not known)",
        "endpoint_pod_names",
    ),
    (
        {"node": BY_POD, "lookup": unresolved(host=POD_HOST), "reach": None},
        {"resolves-here"},
        POD_HOST,
        "pod.cluster.local",
    ),
    (
        {"lookup": Lookup(HOST, ("10.42.3.9",)), "holders": (("10.42.3.9", "default/other"),)},
        {"right-pod"},
        "10.42.3.9 is default/other",
        "hostAliases",
    ),
    (
        {"there": Side(None, service("there"), True, "default")},
        {"right-pod"},
        "no pod in namespace default is there",
        "kubectl get pods",
    ),
    (there(is_leaving=True), {"right-pod"}, "being deleted", "kubectl describe"),
    (there(dns_policy="Default"), {"other-side"}, "dnsPolicy: Default", "ClusterFirst"),
    (
        {"here": Side(HERE, NO_SERVICE, True, "default")},
        {"other-side", "subdomain"},
        "is not published",
        "see subdomain",
    ),
    (
        {"node": parse(f"app@{LONG}.web.default.svc.cluster.local")}
        | shaken(node=f"app@{LONG}.web.default.svc.cluster.local"),
        {"labels"},
        "64 characters, 63 are allowed",
        "hostname is cut",
    ),
    (
        {"node": parse("app@.web.default.svc.cluster.local")}
        | shaken(node="app@.web.default.svc.cluster.local"),
        {"labels"},
        "a label is empty",
        "write the pod's name",
    ),
    (
        {"there": Side(THERE, NO_SERVICE, True, "default")},
        {"subdomain"},
        "there is no Service default/web",
        "kubectl create service clusterip web --clusterip=None",
    ),
    (
        {"there": Side(THERE, NOT_IN_IT, True, "default")},
        {"subdomain"},
        "not among the endpoints",
        "--show-labels",
    ),
    (
        {
            "there": Side(replace(THERE, hostname=""), service(""), True, "default"),
            "lookup": unresolved(),
            "reach": None,
        },
        {"subdomain", "resolves-here"},
        "spec.hostname is not set",
        "endpoint_pod_names",
    ),
    (
        {"there": Side(THERE, service("there", is_ready=False), True, "default")},
        {"readiness"},
        "publishes only ready pods",
        "publishNotReadyAddresses",
    ),
    (
        machine(resolv_conf=ResolvConf()) | {"lookup": unresolved()},
        {"resolv-conf", "resolves-here"},
        "names no nameserver",
        "dnsPolicy",
    ),
    (
        {"lookup": unresolved(Asked(DNS, HOST, error="no answer in 2 s"))},
        {"resolv-conf", "resolves-here"},
        "10.43.0.10: no answer in 2 s",
        "dnsConfig",
    ),
    (
        {"here": Side(replace(HERE, dns_policy="Default"), service("here"), True, "default")},
        {"resolv-conf"},
        "dnsPolicy: Default",
        "ClusterFirst",
    ),
    (
        {"inetrc": Inetrc("/i", errors=("/i:1:1: undone",))},
        {"inetrc"},
        "/i:1:1: undone",
        "podname inetrc --check /i",
    ),
    ({"inetrc": Inetrc("/i", "cannot read /i")}, {"inetrc"}, "cannot read /i", "podname inetrc"),
    (
        {
            "lookup": unresolved(NXDOMAIN, past=(Asked(DNS, HOST, "NOERROR", ("10.42.3.7",)),)),
            "reach": None,
        },
        {"negative-cache", "resolves-here"},
        "asked past its cache it says 10.42.3.7",
        "wait 30 s",
    ),
    (
        {"lookup": unresolved(NXDOMAIN, past=(NXDOMAIN,)), "reach": None},
        {"negative-cache", "resolves-here"},
        "the API server has pod default/there under that name",
        "wait 30 s",
    ),
    (reach(epmd=Epmd(4369, error="refused")), {"port"}, "4369: refused", "-name or -sname"),
    (
        reach(epmd=Epmd(4369, ("b", "c"))),
        {"port"},
        "knows b, c, not app",
        f"b@{HOST}",
    ),
    (reach(epmd=Epmd(4369)), {"port"}, "knows no node, not app", "log"),
    (
        reach(handshake=Handshake(40001, error="refused")),
        {"port"},
        "10.42.3.7:40001: refused",
        "NetworkPolicy",
    ),
    (shaken(node="app@there"), {"handshake"}, "calls itself app@there", "app@there"),
    (certificate("other.example"), {"tls"}, f"not for {HOST}", "*.web.default.svc.cluster.local"),
    (certificate("*.default.svc.cluster.local"), {"tls"}, "is for *.default", "wildcard"),
    (
        machine(erlang=Erlang("long", "b", is_tls=True)),
        {"tls"},
        "the other one speaks plainly",
        "-proto_dist",
    ),
    (shaken(cookie_accepted=False), {"cookie"}, "2bb80d (RELEASE_COOKIE), refused", "sha256sum"),
    (
        there(cookie=Cookie("RELEASE_COOKIE", "000000")) | shaken(cookie_accepted=None),
        {"cookie"},
        "the other pod's 000000",
        "the same",
    ),
    (
        {"api": Api(True, "", ("list pods in namespace default",), "default"), "reach": None},
        {"rbac"},
        "forbidden: list pods in namespace default",
        "--verb=list",
    ),
]


@pytest.mark.parametrize(("change", "failing", "seen", "fix"), TROUBLE)
def test_trouble_is_found_and_has_a_fix(
    change: dict[str, object], failing: set[str], seen: str, fix: str
) -> None:
    findings = found(facts(**change))
    fails = {name for name, each in findings.items() if each.outcome is Outcome.FAILS}
    assert fails == failing
    told = [each for each in findings.values() if each.check in failing]
    assert any(seen in each.seen for each in told), [each.seen for each in told]
    assert any(fix in each.fix for each in told), [each.fix for each in told]
    assert all(each.why and each.fix for each in told)
    assert exit_code(facts(**change), list(findings.values())) == 1


WARNINGS = [
    (
        {"own_source": "the form of the other node"}
        | machine(fqdn="here", erlang=Erlang())
        | {"own": NodeName("*", "here")},
        {"own-name": "warns", "name-form": "unknown"},
    ),
    ({"own": parse("b@laptop.example"), "own_source": "--from"}, {"own-name": "warns"}),
    (
        {"lookup": Lookup(HOST, ("10.42.3.7",), asked=(Asked(DNS, HOST, error="no answer"),))},
        {"resolv-conf": "warns"},
    ),
    ({"inetrc": Inetrc("/i", warnings=("slow",))}, {"inetrc": "warns"}),
    (certificate("*.web.default.svc.cluster.local"), {"tls": "warns"}),
    (certificate(HOST.upper()), {}),
    (
        shaken(status="not_allowed", node="", cookie_accepted=None),
        {"handshake": "warns", "cookie": "unknown"},
    ),
    (
        {"api": Api(True, "", ("list pods in namespace default",), "default")},
        {"rbac": "warns"},
    ),
    (
        {"node": BY_POD, "lookup": Lookup(POD_HOST, ("10.42.3.7",))}
        | {"there": Side(replace(THERE, is_ready=False, subdomain=""), None, True, "default")}
        | shaken(node=str(BY_POD)),
        {},
    ),
    (there(name=LONG, hostname=""), {"labels": "warns"}),
    (there(hostname="db.example.com"), {"labels": "warns"}),
    (machine(cookie=None) | shaken(cookie_accepted=None), {"cookie": "unknown"}),
    (
        shaken(is_tls=True, node="", status="", cookie_accepted=None),
        {"handshake": "unknown", "tls": "unknown", "cookie": "unknown"},
    ),
    ({"inetrc": Inetrc("/i", domain="x.example", methods=("file", "dns"))}, {}),
    (
        {"pointers": Pointers(DNS, "10.42.3.7", (HOST, "there.other.default.svc.x"))},
        {"ptr": "warns"},
    ),
    ({"pointers": Pointers(DNS, "10.42.3.7")}, {}),
    ({"pointers": Pointers(DNS, "10.42.3.7", error="refused")}, {"ptr": "unknown"}),
]


@pytest.mark.parametrize(("change", "expected"), WARNINGS)
def test_what_works_at_a_price_or_cannot_be_seen_does_not_fail(
    change: dict[str, object], expected: dict[str, str]
) -> None:
    changed = facts(**change)
    assert outcomes(changed) == expected
    assert exit_code(changed, judge(changed)) == 0


def short(**changes: object) -> Facts:
    own = {"own": parse("b@here"), "node": SHORT, "lookup": SHORT_LOOKUP}
    usual = machine(erlang=Erlang("short", "b")) | shaken(node="app@there") | own
    return facts(**(usual | changes))


def test_a_short_name_needs_its_search_domain_on_both_sides() -> None:
    assert outcomes(short()) == {"other-side": "fails"}
    assert "default.pod.cluster.local" in found(short())["other-side"].fix
    both = there(searches=("default.pod.cluster.local.",))
    assert outcomes(short(**both)) == {}
    nothing = short(lookup=unresolved(host="there"), reach=None)
    assert "default.pod.cluster.local" in found(nothing)["resolves-here"].fix


def test_many_questions_before_the_right_one() -> None:
    search = (*SEARCH, "default.pod.cluster.local")
    conf = ResolvConf((DNS,), search, "", 5)
    late = short(**machine(resolv_conf=conf, erlang=Erlang("short", "b")))
    assert found(late)["ndots"].outcome is Outcome.WARNS
    assert "4 questions" in found(late)["ndots"].seen


def test_two_ptr_records_are_told_with_the_way_to_one() -> None:
    twice = Pointers(DNS, "10.42.3.7", (HOST, "10-42-3-7.balanced.default.svc.cluster.local"))
    finding = found(facts(pointers=twice))["ptr"]
    assert finding.seen == (
        f"10.42.3.7 has 2 PTR records at 10.43.0.10: {HOST}, 10-42-3-7.balanced.default.svc.cluster.local"
    )
    assert "inet_res:gethostbyaddr finds nobody" in finding.why
    assert "pod_names and without coredns_ptr" in finding.fix


def test_the_domain_of_an_inetrc_makes_a_long_name() -> None:
    change = machine(fqdn="here") | {"own": NodeName("b", "here")}
    domain = Inetrc("/i", domain="web.default.svc.cluster.local")
    assert "own-name" not in outcomes(facts(**change, inetrc=domain))


def test_outside_nothing_is_said_of_resolver_and_network() -> None:
    outside = facts(where=Where.OUTSIDE, machine=None, lookup=None, pointers=None, reach=None)
    names = {
        "resolves-here", "ptr", "resolv-conf", "inetrc", "ndots", "negative-cache", "port",
        "handshake", "tls", "cookie",
    }  # fmt: skip
    assert outcomes(outside) == dict.fromkeys(names, "unknown")


PIECES: dict[str, list[object]] = {
    "machine": [None, MACHINE],
    "own": [None, parse("b@here"), NodeName("*", "")],
    "lookup": [None, unresolved(), unresolved(NXDOMAIN), Lookup("10.0.0.1", ("10.0.0.1",))],
    "pointers": [None, Pointers(DNS, "10.0.0.1"), Pointers(DNS, "10.0.0.1", error="refused")],
    "there": [Side(), Side(None, NO_SERVICE, True), Side(THERE, NOT_IN_IT, True, "x")],
    "reach": [None, Reach("10.0.0.1"), Reach("10.0.0.1", Epmd(4369)), Reach("10.0.0.1", None, Handshake(1))],
    "node": [parse("a@10.0.0.1"), SHORT, parse("a@laptop.example"), parse("a@fd00::1"), NODE],
}  # fmt: skip


@given(st.fixed_dictionaries({name: st.sampled_from(some) for name, some in PIECES.items()}))
def test_no_combination_of_facts_is_too_odd_to_judge(changes: dict[str, object]) -> None:
    findings = judge(facts(**changes))
    assert [each.check for each in findings] == [
        check.__name__.replace("_", "-") for check in CHECKS
    ]
    assert all(each.seen for each in findings)
    for each in findings:
        has_fix = bool(each.why and each.fix)
        assert has_fix == (each.outcome in {Outcome.FAILS, Outcome.WARNS})


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"where": Where.OUTSIDE, "api": Api(problem="refused"), "reach": None}, 2),
        ({"where": Where.OUTSIDE, "api": Api(True, "401"), "reach": None}, 2),
        ({"where": Where.OUTSIDE, "api": Api(True), "reach": None}, 0),
        ({"where": Where.POD, "api": Api(problem="no token")}, 0),
        ({"where": Where.POD, "api": Api(problem="no token"), "reach": None}, 2),
        ({"where": Where.ALONE, "api": Api(problem="none")}, 0),
        ({"where": Where.ALONE, "api": Api(problem="none"), "reach": None}, 2),
    ],
)
def test_nothing_is_called_good_when_the_cluster_could_not_be_asked(
    change: dict[str, object], code: int
) -> None:
    changed = facts(**change)
    assert exit_code(changed, judge(changed)) == code
