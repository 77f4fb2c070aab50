"""Hand-made clusters full of odd cases: the ideas of CoreDNS's own tests and of its issues.

Sources: plugin/kubernetes tables (handler, reverse, apex, pods, endpoint names); coredns#2933, #4684,
#7119, #7431.
"""

from collections.abc import Iterator

from tests.cluster.harness.api import Object
from tests.cluster.oracle.objects import LABELS, endpoint, external, pod, service, slice_of, space

LONG = "l" * 63
HTTP = ("http", "TCP", 80)
WEB = [HTTP, ("https", "TCP", 443), ("dns", "UDP", 53), ("dns", "TCP", 53), ("s", "SCTP", 9)]


def cluster() -> list[Object]:
    """Return all of them."""
    return [*_spaces(), *_services(), *_headless(), *_slices(), *_aliases(), *_pods()]


def hostile() -> list[Object]:
    """Return what the API server would refuse: it must cost the others nothing."""
    return [
        service("dotted"),
        slice_of("dotted", endpoint("10.0.9.1", hostname="a.b"), endpoint("10.0.9.2")),
        slice_of("dotted", endpoint("10.0.9.5", hostname="UPPER"), name="upper"),
        slice_of("dotted", endpoint("no address"), endpoint("::1"), name="nothing"),
        slice_of("dotted", endpoint("10.0.9.7", hostname="l" * 64), name="long"),
        external("spaces", "no name at all"),
        external("dots", "a..b"),
        external("six", "fd00::1"),
        external("long", "l" * 64 + ".example.com"),
        service("pending", ""),
        service("no-address", "nonsense", "10.96.0.40"),
        service("odd.name", "10.96.0.41"),
        service("o" * 64, "10.96.0.42"),
        service("odd-ports", "10.96.0.43", ports=[("a.b", "TCP", 1), ("p" * 64, "TCP", 2)]),
        service("odd-protocol", "10.96.0.44", ports=[("x", "", 1), ("y", "a.b", 70000)]),
        pod("no-address", "nonsense", ""),
        pod("loopback", "::1", "127.0.0.1"),
        pod("o" * 254, "10.1.0.99"),
        space("x" * 64),
        space("a.b"),
    ]


def _spaces() -> Iterator[Object]:
    yield from (space("one"), space("two"), space("svc"), space("pod"))
    yield from (space("hidden", {}), space("other-team", {"shown": "no", "team": "b"}))
    yield from (space("empty"), space(LONG), space("dns"), space("10-0-0-1"))


def _services() -> Iterator[Object]:
    yield service("web", "10.96.0.1", ports=WEB)
    yield service("six", "fd00:96::6", ports=WEB)
    yield service("both", "10.96.0.2", "fd00:96::2", ports=WEB)
    yield service("both-six-first", "fd00:96::3", "10.96.0.3", ports=[HTTP])
    yield service("unnamed", "10.96.0.4", ports=[("", "TCP", 80)])
    yield service("portless", "10.96.0.5", ports=[])
    yield service("two-unnamed-protocols", "10.96.0.7", ports=[("", "TCP", 53), ("", "UDP", 53)])
    yield service("same-number", "10.96.0.8", ports=[("a", "TCP", 80), ("b", "TCP", 80)])
    yield service("node-port", "10.96.0.9", kind="NodePort")
    yield service("balanced", "10.96.0.10", kind="LoadBalancer")
    yield service("unlabelled", "10.96.0.11", labels={})
    yield service("svc", "10.96.0.12", ports=WEB)
    yield service("pod", "10.96.0.13")
    yield service("tcp", "10.96.0.14", ports=[("tcp", "TCP", 1), ("udp", "UDP", 2)])
    yield service("dns", "10.96.0.15")
    yield service("ns", "10.96.0.16", at="dns")
    yield service("10-0-0-1", "10.96.0.17")
    yield service(LONG, "10.96.0.18", at=LONG, ports=[("p" * 15, "TCP", 80)])
    yield service("web", "10.97.0.1", at="two", ports=WEB)
    yield service("web", "10.97.0.2", at="svc")
    yield service("web", "10.97.0.3", at="pod")
    yield service("web", "10.97.0.4", at="hidden")
    yield service("web", "10.97.0.5", at="other-team", labels={"shown": "no", "team": "b"})
    yield service("web", "10.97.0.6", at="nowhere")
    yield service("uneven", "fd00:96:0:0::20", "10.96.0.19", ports=[("", "UDP", 5)])
    yield service("odd-spelling", "FD00:96::0021", ports=WEB)
    yield service("mapped", "::ffff:10.96.0.20")
    yield service("many-ports", "10.96.0.22", ports=[(f"p{n}", "TCP", n) for n in range(1, 40)])


def _headless() -> Iterator[Object]:
    for name in ("named", "plain", "no-ready", "unready-published", "no-slices", "several", "dual"):
        yield service(name, ports=WEB if name == "named" else [HTTP])
    for name in ("no-ports", "null-ports", "unnamed-ports", "duplicates", "pods", "conditions"):
        yield service(name)
    for name in ("spellings", "same-address", "protocols", "empty-slice"):
        yield service(name)
    yield service("with-slice", "10.96.0.30", ports=WEB)
    yield service("with-unready", "10.96.0.31")
    yield service("plain", at="two")
    yield service("in-hidden", at="hidden")


def _slices() -> Iterator[Object]:
    yield slice_of(
        "named",
        endpoint("10.0.0.1", hostname="web-0", pod="web-0"),
        endpoint("10.0.0.2", hostname="web-1", pod="web-1"),
        endpoint("10.0.0.3", hostname="web-2", pod="web-2"),
        endpoint("10.0.0.4", hostname=LONG),
        ports=WEB,
    )
    yield slice_of(
        "plain", endpoint("10.0.1.1", pod="demo-7bd7-298qd"), endpoint("10.0.1.2"), at="one"
    )
    yield slice_of("plain", endpoint("10.0.1.1", pod="demo-7bd7-298qd"), at="two")
    yield slice_of("no-ready", endpoint("10.0.2.1", ready=False), endpoint("10.0.2.2", ready=False))
    yield slice_of(
        "unready-published",
        endpoint("10.0.2.3", conditions={"ready": True, "serving": False}),
    )
    yield slice_of("several", endpoint("10.0.3.1"), name="several-a")
    yield slice_of(
        "several", endpoint("10.0.3.2", pod="p"), name="several-b", ports=[("x", "UDP", 7)]
    )
    yield slice_of(
        "several", endpoint("10.0.3.1", pod="q"), name="several-c", ports=[("y", "TCP", 8)]
    )
    yield slice_of("several", name="several-d")
    yield slice_of("dual", endpoint("10.0.4.1", hostname="d"), endpoint("10.0.4.2"))
    yield slice_of("dual", endpoint("fd00::4:1", hostname="d"), endpoint("fd00::4:2"), kind="IPv6")
    yield slice_of("no-ports", endpoint("10.0.5.1", hostname="h"), ports=[])
    yield slice_of("null-ports", endpoint("10.0.5.2"), ports=None)
    yield slice_of(
        "null-ports", endpoint("10.0.5.3"), name="null-port", ports=[("all", "TCP", None), HTTP]
    )
    yield slice_of("unnamed-ports", endpoint("10.0.5.4"), ports=[("", "TCP", 80), (None, None, 81)])
    yield slice_of(
        "duplicates",
        endpoint("10.0.6.1", hostname="same"),
        endpoint("10.0.6.2", hostname="same"),
        endpoint("10.0.6.3", hostname="same"),
        endpoint("10.0.6.4", pod="same"),
        endpoint("10.0.6.5", hostname="10-0-6-6"),
        endpoint("10.0.6.6"),
        endpoint("10.0.6.1", hostname="same"),
    )
    yield slice_of(
        "pods",
        endpoint("10.0.7.1", pod="a-pod"),
        endpoint("10.0.7.2", pod="a.dotted.pod"),
        endpoint("10.0.7.3", pod="p" * 63),
        endpoint("10.0.7.4", pod="p" * 64),
        endpoint("10.0.7.5", pod="http.tcp"),
        endpoint("10.0.7.6", pod="10-0-7-1"),
        endpoint("10.0.7.7", hostname="host", pod="a-pod-2"),
        endpoint("10.0.7.8", pod=""),
        ports=[HTTP],
    )
    yield slice_of(
        "conditions",
        endpoint("10.0.8.1", conditions={}),
        endpoint("10.0.8.2", conditions={"ready": None}),
        endpoint("10.0.8.3", conditions={"serving": True}),
        endpoint("10.0.8.4", conditions={"ready": False, "serving": True}),
        endpoint("10.0.8.5", conditions={"ready": True, "terminating": True}),
        endpoint("10.0.8.6", "10.0.8.7", hostname="many"),
        {"addresses": ["10.0.8.8"]},
        {"addresses": None},
    )
    yield slice_of(
        "spellings",
        *(endpoint(text) for text in ("fd00:0:0::9", "FD00::A", "fd00::", "1::")),
        *(endpoint(text) for text in ("::ffff:10.0.9.9", "2001:db8::0:1", "2001:DB8:0:0:0:0:0:2")),
        kind="IPv6",
    )
    yield slice_of("same-address", endpoint("10.0.1.1", hostname="again"))
    yield slice_of("protocols", endpoint("10.0.9.4"), ports=WEB)
    yield slice_of("empty-slice")
    yield slice_of(
        "with-slice", endpoint("10.0.10.1", hostname="w"), endpoint("10.96.0.1"), ports=WEB
    )
    yield slice_of("with-slice", endpoint("fd00::10:1", hostname="w"), kind="IPv6", ports=WEB)
    yield slice_of("with-unready", endpoint("10.0.10.2", ready=False))
    yield slice_of("web", endpoint("10.0.10.3", pod="web-x"), ports=WEB)
    yield slice_of("no-service", endpoint("10.0.11.1", hostname="lonely"))
    yield slice_of("in-hidden", endpoint("10.0.11.2"), at="hidden")
    yield slice_of("nowhere", endpoint("10.0.11.3"), at="nowhere")
    yield slice_of("mirrored", endpoint("10.0.11.4"), labels={})
    yield slice_of("external", endpoint("10.0.11.5", hostname="e"))


def _aliases() -> Iterator[Object]:
    zone = "svc.cluster.local"
    targets = {
        "external": "www.example.com",
        "external-no": "no.example.com",
        "external-chain": "chain.example.com",
        "external-none": "empty.example.com",
        "external-fails": "fails.example.com",
        "external-big": "big.example.com",
        "inside": f"web.one.{zone}",
        "inside-headless": f"named.one.{zone}",
        "inside-endpoint": f"web-0.named.one.{zone}",
        "inside-port": f"_http._tcp.web.one.{zone}",
        "inside-nothing": f"nothing.one.{zone}",
        "inside-empty": f"no-ready.one.{zone}",
        "inside-space": f"one.{zone}",
        "inside-apex": "cluster.local",
        "inside-ns": "ns.dns.cluster.local",
        "inside-pod": "10-1-0-1.one.pod.cluster.local",
        "inside-hidden": f"web.hidden.{zone}",
        "inside-other-zone": "web.one.svc.other.test",
        "itself": f"itself.one.{zone}",
        "loop-a": f"loop-b.one.{zone}",
        "loop-b": f"loop-a.one.{zone}",
        "address": "10.0.0.1",
        "top": "localhost",
        "reverse": "1.0.0.10.in-addr.arpa",
    }
    for name, target in targets.items():
        yield external(name, target)
    for number in range(13):
        yield external(f"chain-{number}", f"chain-{number + 1}.one.{zone}")
    yield external("chain-13", f"web.one.{zone}")
    yield service("fully", ports=[HTTP])
    yield slice_of("fully", endpoint("www.example.com"), kind="FQDN")
    yield service("fully-inside", ports=[HTTP])
    yield slice_of("fully-inside", endpoint(f"web.one.{zone}", hostname="f"), kind="FQDN")


def _pods() -> Iterator[Object]:
    yield pod("a-pod", "10.1.0.1")
    yield pod("two-addresses", "10.1.0.2", "fd00:1::2")
    yield pod("six-first", "fd00:1::3", "10.1.0.3")
    yield pod("on-host", "192.168.1.1", host_network=True)
    yield pod("on-host-too", "192.168.1.1", host_network=True)
    yield pod("finished", "10.1.0.4", phase="Succeeded")
    yield pod("failed", "10.1.0.5", phase="Failed")
    yield pod("unknown", "10.1.0.6", phase="Unknown")
    yield pod("pending", phase="Pending")
    yield pod("pending-with", "10.1.0.7", phase="Pending")
    yield pod("10-1-0-9", "10.1.0.8")
    yield pod("a.dotted.pod", "10.1.0.10")
    yield pod("p" * 64, "10.1.0.11")
    yield pod("p" * 63, "10.1.0.12")
    yield pod("spelled", "FD00:1::0013", "fd00:1:0:0::14")
    yield pod("ends-in-colons", "fd00:1::", "1::")
    yield pod("unlabelled", "10.1.0.15", labels={})
    yield pod("in-hidden", "10.1.0.16", at="hidden")
    yield pod("in-nowhere", "10.1.0.17", at="nowhere")
    yield pod("a-pod", "10.1.0.18", at="two")
    yield pod("same-address", "10.1.0.1", at="two")
    yield pod("web", "10.1.0.19", at="svc")
    yield pod("endpoint-too", "10.0.1.1")
    replica_set = ("apps/v1", "ReplicaSet", "web-7b")
    revision = {**LABELS, "pod-template-hash": "7b"}
    yield pod("web-7b-x", "10.1.0.20", "fd00:1::20", owner=replica_set, labels=revision)
    yield pod("web-7b-y", "10.1.0.21", owner=replica_set, labels=revision, ports={"app": 9100})
    yield pod("db-0", "10.1.0.22", owner=("apps/v1", "StatefulSet", "a.b"), ports={"http": 80})
    yield pod("log-1", owner=("apps/v1", "DaemonSet", "log"))
    yield pod("import-1", "10.1.0.24", owner=("batch/v1", "Job", "import"), at="two")
    yield pod("web.deploy", "10.1.0.25", at="two", ports={"app": 9100})
