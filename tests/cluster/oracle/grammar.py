"""Clusters that hypothesis makes up: few names and few addresses, so that much collides.

A cluster is a list of objects; a life is a list of clusters, each made of the one before by leaving
objects out, changing some and adding others. Only what the API server would accept is made.
"""

from hypothesis import strategies as st
from tests.cluster.harness.api import Object
from tests.cluster.oracle import objects
from tests.cluster.oracle.objects import LABELS, Port, key_of

SPACES = ("one", "two", "three", "svc", "pod", "dns")
NAMES = (
    "web",
    "db",
    "tcp",
    "udp",
    "http",
    "svc",
    "pod",
    "ns",
    "dns",
    "a",
    "10-0-0-1",
)
HOSTS = (
    "web-0",
    "web-1",
    "http",
    "tcp",
    "a",
    "10-0-0-1",
    "10-0-0-2",
    "fd00--1",
)
PODS = ("web-0", "web-1", "a.b", "http.tcp", "10-0-0-1", "p" * 63, "p" * 64, "fd00--1", "q")
FOURS = ("10.0.0.1", "10.0.0.2", "10.1.0.1", "192.168.0.1")
SIXES = ("fd00::1", "fd00::2", "2001:db8::1", "fd00:1::")
CLUSTER_FOURS = ("10.96.0.1", "10.96.0.2", "10.96.0.3", "10.0.0.1")
CLUSTER_SIXES = ("fd00:96::1", "fd00:96::2", "fd00::1")
PORT_NAMES = ("", "http", "tcp", "dns", "a-b")
OTHER_LABELS: tuple[dict[str, str], ...] = ({}, {"team": "c"}, {"shown": "no", "team": "b"})

labels = st.one_of(st.just(LABELS), st.just(LABELS), st.just(LABELS), st.sampled_from(OTHER_LABELS))
spaces = st.sampled_from(SPACES)
protocols = st.sampled_from(("TCP", "UDP", "SCTP"))
targets = st.sampled_from(
    (
        *(
            f"{name}.{space}.svc.cluster.local"
            for name in ("web", "db", "a")
            for space in ("one", "two")
        ),
        *("www.example.com", "no.example.com", "chain.example.com", "10.0.0.1", "cluster.local"),
        *("web-0.web.one.svc.cluster.local", "10-0-0-1.one.pod.cluster.local", "localhost"),
        "_http._tcp.web.one.svc.cluster.local",
    )
)


@st.composite
def ports(draw: st.DrawFn, *, numbered: bool = True) -> list[Port]:
    """A Service's ports have different names; a slice's may lack a number."""
    drawn = draw(
        st.lists(
            st.tuples(st.sampled_from(PORT_NAMES), protocols, st.sampled_from((1, 53, 80))),
            max_size=3,
            unique_by=lambda port: (port[0], port[1]),
        )
    )
    without = not numbered and draw(st.integers(0, 5)) == 0
    return [(name, kind, None if without else number) for name, kind, number in drawn]


@st.composite
def services(draw: st.DrawFn) -> Object:
    """ClusterIP of one or two families, headless, or ExternalName."""
    name, space, marks = draw(st.sampled_from(NAMES)), draw(spaces), draw(labels)
    kind = draw(st.sampled_from(("cluster", "cluster", "headless", "headless", "external")))
    if kind == "external":
        return objects.external(name, draw(targets), at=space)
    given: tuple[str, ...] = ()
    if kind == "cluster":
        four, six = draw(st.sampled_from(CLUSTER_FOURS)), draw(st.sampled_from(CLUSTER_SIXES))
        given = draw(st.sampled_from(((four,), (six,), (four, six), (six, four))))
    return objects.service(name, *given, at=space, ports=draw(ports()), labels=marks)


@st.composite
def endpoints(draw: st.DrawFn, addresses: tuple[str, ...]) -> Object:
    """One endpoint, ready or not, with or without a hostname and a pod."""
    return objects.endpoint(
        *draw(st.lists(st.sampled_from(addresses), min_size=1, max_size=2, unique=True)),
        hostname=draw(st.none() | st.sampled_from(HOSTS)),
        pod=draw(st.none() | st.sampled_from(PODS)),
        ready=draw(st.sampled_from((True, True, True, None, False))),
    )


@st.composite
def slices(draw: st.DrawFn) -> Object:
    """A slice of a Service that may not exist."""
    kind, addresses = draw(st.sampled_from((("IPv4", FOURS), ("IPv4", FOURS), ("IPv6", SIXES))))
    return objects.slice_of(
        draw(st.sampled_from(NAMES)),
        *draw(st.lists(endpoints(addresses), max_size=4)),
        name=draw(st.sampled_from(("s1", "s2", "s3", "s4", "s5", "s6"))),
        at=draw(spaces),
        kind=kind,
        ports=draw(st.none() | ports(numbered=False)),
        labels=draw(labels),
    )


@st.composite
def pods(draw: st.DrawFn) -> Object:
    """A pod with the addresses that it may have."""
    four, six = draw(st.sampled_from(FOURS)), draw(st.sampled_from(SIXES))
    return objects.pod(
        draw(st.sampled_from(PODS)),
        *draw(st.sampled_from(((), (four,), (six,), (four, six), (six, four)))),
        at=draw(spaces),
        phase=draw(st.sampled_from(("Running", "Running", "Pending", "Succeeded", "Failed"))),
        labels=draw(labels),
    )


namespaces = st.builds(objects.space, spaces, labels)
anything = st.one_of(namespaces, services(), services(), slices(), slices(), slices(), pods())


@st.composite
def lives(draw: st.DrawFn, changes_max: int = 3) -> list[list[Object]]:
    """A cluster, and what becomes of it."""
    known = {key_of(item): item for item in draw(st.lists(namespaces, max_size=5))}
    states: list[list[Object]] = []
    for _ in range(draw(st.integers(1, changes_max))):
        least = draw(st.integers(0, 6 if states else 20))
        more = draw(st.lists(anything, min_size=least, max_size=30))
        known |= {key_of(item): item for item in more}
        gone = (
            draw(st.lists(st.sampled_from(sorted(known)), max_size=4)) if known and states else []
        )
        known = {key: item for key, item in known.items() if key not in gone}
        states.append(without_conflicts(list(known.values())))
    return states


def without_conflicts(items: list[Object]) -> list[Object]:
    """Leave out a Service whose cluster IP another has: the API server hands each out once."""
    taken: set[str] = set()
    kept = []
    for item in items:
        given = item["spec"].get("clusterIPs", []) if item["kind"] == "Service" else []
        if given != ["None"] and not taken.isdisjoint(given):
            continue
        taken.update(given if given != ["None"] else [])
        kept.append(item)
    return kept
