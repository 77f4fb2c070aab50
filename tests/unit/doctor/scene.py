"""Facts of two nodes that connect, from which tests take one thing away."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from podname.dns.nameserver import Nameserver
from podname.dns.resolv_conf import ResolvConf
from podname.doctor.facts import (
    Api,
    EndpointView,
    Facts,
    Machine,
    PodView,
    Reach,
    ServiceView,
    Side,
    Where,
)
from podname.doctor.findings import Finding
from podname.doctor.judge import judge
from podname.erlang.asking import Asked, Pointers
from podname.erlang.environment import Cookie, Erlang
from podname.erlang.epmd import Epmd
from podname.erlang.handshake import Handshake
from podname.erlang.lookup import Lookup
from podname.erlang.nodename import parse

DNS = Nameserver.parse("10.43.0.10")
SEARCH = ("default.svc.cluster.local", "svc.cluster.local", "cluster.local")
HOST = "there.web.default.svc.cluster.local"
NODE = parse(f"app@{HOST}")
OWN = parse("b@here.web.default.svc.cluster.local")
THERE = PodView("default", "there", "there", "web", ("10.42.3.7",), "Running")
HERE = PodView("default", "here", "here", "web", ("10.42.3.8",), "Running")


def service(hostname: str, *, is_ready: bool = True) -> ServiceView:
    endpoint = EndpointView(hostname, is_ready)
    return ServiceView("default", "web", exists=True, is_headless=True, endpoint=endpoint)


MACHINE = Machine(
    "here",
    OWN.host,
    ResolvConf((DNS,), SEARCH, "", 5),
    Erlang("long", "b"),
    Cookie("RELEASE_COOKIE", "2bb80d"),
)
HEALTHY = Facts(
    where=Where.POD,
    node=NODE,
    own=OWN,
    own_source="the environment",
    machine=MACHINE,
    lookup=Lookup(HOST, ("10.42.3.7",), asked=(Asked(DNS, HOST, "NOERROR", ("10.42.3.7",)),)),
    pointers=Pointers(DNS, "10.42.3.7", (HOST,)),
    there=Side(THERE, service("there"), True, "default"),
    here=Side(HERE, service("here"), True, "default"),
    holders=(("10.42.3.7", "default/there"),),
    reach=Reach(
        "10.42.3.7",
        Epmd(4369, ("app",), 40001),
        Handshake(40001, False, "", "ok", str(NODE), True),
    ),
    api=Api(True, "", (), "default"),
)


def facts(**changes: Any) -> Facts:
    return replace(HEALTHY, **changes)


def unresolved(*asked: Asked, past: tuple[Asked, ...] = (), host: str = HOST) -> Lookup:
    return Lookup(host, (), "Name or service not known", asked=asked, past_caches=past)


def found(of: Facts) -> dict[str, Finding]:
    return {each.check: each for each in judge(of)}


def outcomes(of: Facts) -> dict[str, str]:
    """Name the checks that do not hold, and how they stand."""
    return {each.check: each.outcome.value for each in judge(of) if each.outcome != "holds"}
