"""`k8s_external` beside CoreDNS, on one cluster."""

from collections.abc import Callable, Iterator

import pytest
from tests.cluster.harness.api import Object
from tests.cluster.harness.cluster import Cluster
from tests.cluster.harness.namespace import HOST
from tests.cluster.oracle.messages import TYPES
from tests.cluster.oracle.objects import endpoint, service, slice_of, space
from tests.cluster.oracle.pair import Pair, Report
from tests.cluster.oracle.questions import Opt, Question, ask
from tests.cluster.oracle.upstream import Upstream
from tests.cluster.oracle.variants import Variant, kubernetes

ZONES = "ext.example 0.192.in-addr.arpa 8.b.d.0.1.0.0.2.ip6.arpa"
FORWARD = "    forward example.com {$UPSTREAM}"


SERVICES = ("web", "lb", "elb-www", "elb-chain", "elb-none", "inner", "db", "bare", "shown", "no")
PREFIXES = (
    *("", "one.", "10-1-0-2.", "pod-2.", "fd00--1.", "x.", "a.b.c."),
    *("_http._tcp.", "dns.udp.", "_http._udp.", "HTTP.tcp.", "_._tcp."),
)


def variant(name: str, *lines: str, cluster: tuple[str, ...] = ()) -> Variant:
    block = "\n".join(f"        {line}" for line in lines)
    external = f"    k8s_external {ZONES} {{\n{block}\n    }}"
    within = kubernetes("ttl 30", *cluster, zones="cluster.local")
    return Variant(name, "\n".join([within, external, FORWARD]))


VARIANTS = [
    variant("plain"),
    variant("headless", "headless", "ttl 60", "apex ns"),
    variant("apex", "apex a.b", "headless", cluster=("endpoint_pod_names",)),
    variant("fallthrough", "fallthrough default.ext.example", "ttl 0"),
    variant("some", "headless", "fallthrough", cluster=("namespaces one two",)),
]
HTTP, DNS_PORT, BARE = ("http", "TCP", 80), ("dns", "UDP", 53), ("", "TCP", 8080)


def outside(item: Object, *ingress: Object, addresses: tuple[str, ...] = ()) -> Object:
    """Return a Service with a load balancer's addresses and external ones."""
    item["spec"]["externalIPs"] = list(addresses)
    item["status"] = {"loadBalancer": {"ingress": list(ingress)}}
    return item


def cluster_objects() -> Iterator[Object]:
    yield from (space("one"), space("two"), space("default"))
    for at in ("one", "two", "default"):
        three = (HTTP, DNS_PORT, BARE)
        both = ("192.0.2.1", "2001:db8::1", "192.0.2.1")
        yield outside(service("web", "10.96.1.1", at=at, ports=three), addresses=both)
        ingress = ({"ip": "192.0.2.7"}, {"ip": "192.0.2.8", "hostname": "ignored.example.com"})
        yield outside(service("lb", "10.96.1.2", at=at, kind="LoadBalancer"), *ingress)
        for name in ("www", "chain", "none"):
            host = {"hostname": f"{name}.example.com"}
            yield outside(service(f"elb-{name}", "10.96.1.3", at=at), host)
        yield service("inner", "10.96.1.4", at=at)
        yield service("db", at=at, ports=three)
        yield service("bare", at=at, ports=())
        yield outside(service("shown", at=at), addresses=("192.0.2.9",))
        for owner in ("db", "inner", "shown", "web"):
            backends = [
                endpoint("10.1.0.1", hostname="one", pod="pod-1"),
                endpoint("10.1.0.2", pod="pod-2"),
                endpoint("10.1.0.3", ready=False),
            ]
            yield slice_of(owner, *backends, at=at, ports=three)
            yield slice_of(owner, endpoint("fd00::1", pod="pod-6"), at=at, kind="IPv6")
        yield slice_of("bare", endpoint("10.1.0.9"), at=at, ports=None)


def names() -> Iterator[str]:
    for at in ("one", "default", "three"):
        yield f"{at}.ext.example"
        yield from (f"{first}{each}.{at}.ext.example" for each in SERVICES for first in PREFIXES)
    yield from ("ext.example", "EXT.example", "Web.One.Ext.Example", "example")
    for apex in ("dns", "ns", "a.b"):
        below = ("", "ns1.", "ns2.", "x.ns1.")
        yield from (f"{first}{apex}.ext.example" for first in below)
    for last in (1, 7, 9, 77):
        yield f"{last}.2.0.192.in-addr.arpa"
    yield from ("2.0.192.in-addr.arpa", "0.192.in-addr.arpa", "x.1.2.0.192.in-addr.arpa")
    for last in (1, 2):
        yield f"{last}.{'0.' * 23}8.b.d.0.1.0.0.2.ip6.arpa"


def questions() -> list[Question]:
    kinds = ("A", "AAAA", "SRV", "PTR", "SOA", "NS", "TXT", "CNAME", "MX", "ANY")
    ways = ((False, None), (True, Opt()), (False, Opt()))
    return [
        Question(name, TYPES[kind], tcp=tcp, opt=opt)
        for name in names()
        for number, kind in enumerate(kinds)
        for tcp, opt in (ways if number < 3 else ways[:1])
    ]


def own_objects(*, headless: bool) -> Iterator[Object]:
    """Return the Services that both servers are endpoints of."""
    yield outside(service("own", "10.96.1.5", at="one"), {"ip": "192.0.2.53"})
    yield slice_of("own", endpoint(HOST), at="one")
    if headless:
        yield service("own-endpoints", at="one")
        yield slice_of("own-endpoints", endpoint(HOST), endpoint("10.1.0.53"), at="one")


@pytest.fixture(scope="module")
def upstream(bare: Cluster) -> Iterator[Upstream]:
    server = Upstream(bare.namespace)
    yield server
    server.close()


@pytest.fixture(scope="module")
def pair(bare: Cluster, upstream: Upstream) -> Iterator[Pair]:
    held = list(cluster_objects())
    with bare.bulk() as bulk:
        bulk.put(held)
        with Pair(bare, VARIANTS, environment={"UPSTREAM": upstream.address}) as pair:
            yield pair
        bulk.delete(held)


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_every_name_is_answered_alike(
    pair: Pair, variant: Variant, tell: Callable[[Report], None]
) -> None:
    report = pair.compare(variant, questions(), [])
    tell(report)
    report.check()


@pytest.mark.parametrize("headless", [False, True])
def test_the_name_server_is_the_service_that_the_server_is_an_endpoint_of(
    bare: Cluster, upstream: Upstream, headless: bool
) -> None:
    held = [space("one"), *own_objects(headless=headless)]
    asked = [
        Question(name, TYPES[kind])
        for name in (
            "ext.example",
            "ns1.dns.ext.example",
            "ns1.ns.ext.example",
            "ns1.a.b.ext.example",
        )
        for kind in ("NS", "A", "AAAA", "SOA")
    ]
    with bare.bulk() as bulk:
        bulk.put(held)
        with Pair(bare, VARIANTS, environment={"UPSTREAM": upstream.address}) as pair:
            for each in VARIANTS:
                pair.compare(each, asked, []).check()
            _, ours = pair.ask(VARIANTS[0], ask("ns1.dns.ext.example"))
            assert ours is not None
            assert "c0.00.02.35" in str(ours)
        bulk.delete(held)
