"""CoreDNS and podname count the same size of each response, in `coredns_dns_response_size_bytes`.

.venv/bin/pytest tests/cluster/test_oracle_sizes.py
"""

import contextlib
from collections.abc import Iterator
from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.cluster.harness.cluster import Cluster
from tests.cluster.harness.servers import DnsServer
from tests.cluster.harness.waiting import until
from tests.cluster.oracle import objects
from tests.cluster.oracle.asking import Asker, ask_all
from tests.cluster.oracle.questions import DO, Opt, Question, ask
from tests.cluster.oracle.upstream import Upstream

KUBERNETES = """kubernetes cluster.local 10.in-addr.arpa {
        kubeconfig {$KUBECONFIG}
        pods insecure
    }"""
HOSTS = """hosts {
        10.0.0.99 a.hosts.test b.hosts.test
        fd00::99 b.hosts.test
    }"""
BLOCKS = [
    ("cluster.local 10.in-addr.arpa", f"ready {{$READY}}\n    {KUBERNETES}"),
    ("hosts.test", HOSTS),
    ("whoami.test", "whoami"),
    ("example.com", "forward . {$UPSTREAM}"),
    ("kept.example.com", "cache 30\n    forward . {$UPSTREAM}"),
    ("down.test", "forward . 127.0.0.1:1"),
    ("empty.test", ""),
]
SIZES = "coredns_dns_response_size_bytes"
OPT_OCTETS = 11

Sums = dict[tuple[str, ...], float]


def corefile() -> str:
    """Write the blocks, each with its counts."""
    blocks = []
    for keys, body in BLOCKS:
        at = " ".join(f"{key}:{{$PORT}}" for key in keys.split())
        blocks.append(f"{at} {{\n    prometheus {{$ADDRESS}}:{{$METRICS}}\n    {body}\n}}\n")
    return "".join(blocks)


class Counting:
    """A server that counts, and a client that asks it."""

    def __init__(self, server: DnsServer, metrics_port: int, asker: Asker) -> None:
        self._server, self._metrics_port, self.asker = server, metrics_port, asker
        self._before = self._sums()

    def counted(self) -> Sums:
        """Return by zone and protocol what was added by one question; a zone may have counted 0 octets.

        A server may count after it has answered.
        """
        return until(self._changes, "the answer to be counted")

    def _changes(self) -> Sums:
        now = self._sums()
        changes = {key: value - self._before.get(key, 0) for key, value in now.items()}
        counted = {key: value for key, value in changes.items() if value}
        if any(name == f"{SIZES}_count" for _, _, name in counted):
            self._before = now
            return counted
        return {}

    def _sums(self) -> Sums:
        text = self._server.metrics(self._metrics_port)
        return {
            (sample.labels["zone"], sample.labels["proto"], sample.name): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name in {f"{SIZES}_sum", f"{SIZES}_count"}
        }


@pytest.fixture(scope="module", params=["coredns", "podname"])
def both(request: pytest.FixtureRequest, bare: Cluster) -> Iterator[list[Counting]]:
    made = [
        *(objects.space("one"), objects.service("web", "10.96.0.1")),
        objects.external("outside", "www.example.com"),
        *(item for size in (30, 1000) for item in objects.headless_of(size)),
    ]
    with bare.bulk() as bulk, contextlib.ExitStack() as ending:
        bulk.put(made)
        ending.callback(bulk.delete, made)
        upstream = Upstream(bare.namespace)
        ending.callback(upstream.close)
        found = []
        for program in ("coredns", request.param):
            port = bare.namespace.free_port()
            environment = {"METRICS": str(port), "UPSTREAM": upstream.address}
            server = ending.enter_context(
                bare.start_server(program, corefile(), environment=environment)
            )
            asker = Asker(bare.namespace, server.address, server.port)
            ending.callback(asker.close)
            found.append(Counting(server, port, asker))
        yield found


TABLE = [
    ask(name, kind)
    for name, kinds in {
        "web.one.svc.cluster.local": ("A", "AAAA", "SRV", "TXT"),
        "WEB.one.svc.Cluster.local": ("A", "SRV"),
        "_http._tcp.web.one.svc.cluster.local": ("SRV", "A"),
        "http.tcp.web.one.svc.cluster.local": ("SRV",),
        "big-30.one.svc.cluster.local": ("A", "SRV"),
        "named.big-30.one.svc.cluster.local": ("A", "SRV"),
        "_http._tcp.big-30.one.svc.cluster.local": ("SRV",),
        "big-1000.one.svc.cluster.local": ("A",),
        "outside.one.svc.cluster.local": ("A", "CNAME"),
        "10-1-2-3.one.pod.cluster.local": ("A", "AAAA"),
        "cluster.local": ("A", "SOA", "NS"),
        "svc.cluster.local": ("A",),
        "ns.dns.cluster.local": ("A",),
        "dns-version.cluster.local": ("TXT",),
        "no.one.svc.cluster.local": ("A", "SRV"),
        "1.0.96.10.in-addr.arpa": ("PTR", "A"),
        "2.0.96.10.in-addr.arpa": ("PTR",),
        "10.in-addr.arpa": ("SOA", "NS"),
        "a.hosts.test": ("A", "AAAA", "MX"),
        "b.hosts.test": ("A", "AAAA"),
        "c.hosts.test": ("A",),
    }.items()
    for kind in kinds
]
CHAIN = [
    ask(name, kind)
    for name, kinds in {
        "whoami.test": ("A", "SRV"),
        "www.example.com": ("A", "AAAA", "MX"),
        "chain.example.com": ("A",),
        "big.example.com": ("A",),
        "fails.example.com": ("A",),
        "refused.example.com": ("A",),
        "none.example.com": ("A",),
        "www.kept.example.com": ("A", "A", "AAAA", "AAAA"),
        "big.kept.example.com": ("A", "A"),
        "none.kept.example.com": ("A", "A"),
        "down.test": ("A",),
        "empty.test": ("A",),
        "nobody.test": ("A",),
    }.items()
    for kind in kinds
]


def differing(
    both: list[Counting], questions: list[Question], upstream_opt_octets: int
) -> list[str]:
    """Ask both one after the other; tell which was counted otherwise."""
    found = []
    for question in questions:
        ask_all([one.asker for one in both], [question])
        theirs, ours = (one.counted() for one in both)
        assert theirs, question
        relayed = "example.com.", "udp", f"{SIZES}_sum"
        if relayed in theirs:
            theirs[relayed] -= upstream_opt_octets
        if theirs != ours:
            found.append(f"{question}\n  CoreDNS {theirs}\n  podname {ours}")
    return found


@pytest.mark.parametrize(
    "opt", [None, Opt(1232), Opt(4096, DO)], ids=["without EDNS", "EDNS", "DNSSEC"]
)
@pytest.mark.parametrize("questions", [TABLE, CHAIN], ids=["table", "chain"])
def test_each_response_counts_the_same(
    request: pytest.FixtureRequest,
    both: list[Counting],
    questions: list[Question],
    opt: Opt | None,
) -> None:
    """Only OPT of an upstream is not counted, which CoreDNS passes on (docs/deviations.md)."""
    upstream_opt_octets = OPT_OCTETS if opt and "podname" in request.node.callspec.id else 0
    asked = [replace(question, opt=opt) for question in questions]
    found = differing(both, asked, upstream_opt_octets)
    assert not found, "\n".join(found)


def test_over_tcp(both: list[Counting]) -> None:
    found = differing(both, [replace(question, tcp=True) for question in TABLE], 0)
    assert not found, "\n".join(found)
