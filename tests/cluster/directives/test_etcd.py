"""`etcd` beside CoreDNS, on a real etcd: services of every kind, and an etcd that goes away."""

import base64
import http.client
import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
from tests.cluster.directives.conftest import Beside
from tests.cluster.harness.namespace import Namespace
from tests.cluster.harness.processes import Program
from tests.cluster.harness.programs import prepare
from tests.cluster.oracle.messages import TYPES
from tests.cluster.oracle.questions import Opt, Question, ask

HOST = "127.0.0.1"
COREFILE = """.:{{$PORT}} {{
    bind {{$ADDRESS}}
    etcd skydns.test 2.0.192.in-addr.arpa {{
        endpoint {endpoint}
        {more}
    }}
    forward . {{$UPSTREAM}}
}}
"""
SERVICES: dict[str, object] = {
    "test/skydns/web/a": {"host": "192.0.2.1", "port": 80, "ttl": 60},
    "test/skydns/web/b": {"host": "192.0.2.2", "port": 80, "priority": 20, "weight": 10},
    "test/skydns/web/c": {"host": "192.0.2.2", "port": 443},
    "test/skydns/web/six": {"host": "2001:db8::1", "port": 80},
    "test/skydns/deep/er/x": {"host": "192.0.2.3"},
    "test/skydns/alias": {"host": "web.skydns.test", "port": 8080},
    "test/skydns/out": {"host": "www.example.com", "port": 8080},
    "test/skydns/outmail": {"host": "www.example.com", "mail": True},
    "test/skydns/loop": {"host": "pool.skydns.test"},
    "test/skydns/pool": {"host": "loop.skydns.test"},
    "test/skydns/self": {"host": "self.skydns.test"},
    "test/skydns/text": {"text": "some text", "ttl": 5},
    "test/skydns/long": {"text": "x" * 600},
    "test/skydns/both": {"host": "192.0.2.9", "text": "beside"},
    "test/skydns/mail/a": {"host": "192.0.2.25", "mail": True, "priority": 5},
    "test/skydns/mail/b": {"host": "web.skydns.test", "mail": True},
    "test/skydns/mail/no": {"host": "192.0.2.26"},
    "test/skydns/strip/one": {"host": "192.0.2.4", "port": 1, "targetstrip": 1},
    "test/skydns/strip/nine": {"host": "192.0.2.4", "port": 2, "targetstrip": 9},
    "test/skydns/none/port": {"host": "192.0.2.5", "port": -1},
    "test/skydns/grouped/a": {"host": "192.0.2.6", "group": "g1"},
    "test/skydns/grouped/sub/b": {"host": "192.0.2.7", "group": "g2"},
    "test/skydns/odd/a": {"host": "192.0.2.6", "group": "g1"},
    "test/skydns/odd/b": {"host": "192.0.2.7", "group": "g2"},
    "test/skydns/dns/ns/a": {"host": "192.0.2.53"},
    "test/skydns/dns/ns/b": {"host": "2001:db8::53"},
    "test/skydns/dns/apex/a": {"host": "192.0.2.100"},
    "test/skydns/broken": "{",
    "test/skydns/wrong": {"host": 5},
    "test/skydns/more": {"host": "192.0.2.8", "unknown": [1]},
    "arpa/in-addr/192/0/2/1": {"host": "web.skydns.test"},
}
NAMES = """
@ web a.web b.web six.web WEB.Skydns.Test deep er.deep x.er.deep alias out outmail loop pool self text long both mail
strip one.strip none grouped odd ns.dns a.ns.dns apex.dns dns broken wrong more nothing x.nothing *.web any.web *.deep
""".split()  # noqa: SIM905  # read as a text
KINDS = ("A", "AAAA", "SRV", "MX", "TXT", "CNAME", "NS", "SOA", "PTR", "ANY")


class RealEtcd:
    """An etcd of the test's own."""

    def __init__(self, network: Namespace, folder: Path) -> None:
        self.network, self.port, peers = network, network.free_port(), network.free_port()
        clients, peer = f"http://{HOST}:{self.port}", f"http://{HOST}:{peers}"
        arguments: list[str | Path] = [
            prepare()["etcd"],
            f"--data-dir={folder / 'etcd'}",
            f"--listen-client-urls={clients}",
            f"--advertise-client-urls={clients}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--unsafe-no-fsync",
            "--log-level=error",
        ]
        self.program = Program(network, arguments, folder / "etcd.log")
        self.program.wait_until(lambda: bool(self.ask("/v3/kv/range", {"key": "AA=="})))

    def ask(self, path: str, asked: dict[str, object]) -> dict[str, object]:
        client = http.client.HTTPConnection(HOST, self.port)
        client.sock = self.network.connect(HOST, self.port, timeout_seconds=5)
        client.request("POST", path, json.dumps(asked))
        answer: dict[str, object] = json.loads(client.getresponse().read())
        client.close()
        return answer

    def put(self, key: str, value: object, **more: object) -> None:
        text = value if isinstance(value, str) else json.dumps(value)
        encoded = [base64.b64encode(each.encode()).decode() for each in (key, text)]
        self.ask("/v3/kv/put", {"key": encoded[0], "value": encoded[1], **more})


@pytest.fixture(scope="module")
def etcd(network: Namespace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealEtcd]:
    server = RealEtcd(network, tmp_path_factory.mktemp("etcd"))
    for prefix in ("skydns", "other/place"):
        for key, value in SERVICES.items():
            server.put(f"/{prefix}/{key}", value)
    yield server
    server.program.stop()


def corefile(etcd: RealEtcd, more: str) -> str:
    return COREFILE.format(endpoint=f"http://{HOST}:{etcd.port}", more=more)


@pytest.mark.parametrize(
    "more",
    [
        "path /skydns",
        "path other/place",
        "no_apex_fallback",
        "fallthrough",
        "fallthrough web.skydns.test",
    ],
)
def test_answers_are_the_same(more: str, etcd: RealEtcd, beside: Beside) -> None:
    names = ["skydns.test" if name == "@" else f"{name}.skydns.test" for name in NAMES]
    names += ["1.2.0.192.in-addr.arpa", "9.2.0.192.in-addr.arpa", "www.example.com"]
    ways = ((None, False), (Opt(1232), True)) if more == "path /skydns" else ((None, True),)
    asked = [
        Question(name, TYPES[kind], opt=opt, tcp=tcp)
        for name, kind in product(names, KINDS)
        for opt, tcp in ways
    ]
    with beside(corefile(etcd, more)) as both:
        assert both.check(asked) == len(asked)


def test_leases_bound_how_long_a_name_is_known(etcd: RealEtcd, beside: Beside) -> None:
    lease = etcd.ask("/v3/lease/grant", {"TTL": "3600"})["ID"]
    etcd.put("/skydns/test/skydns/leased", {"host": "192.0.2.1"}, lease=lease)
    etcd.put("/skydns/test/skydns/short", {"host": "192.0.2.1", "ttl": 7}, lease=lease)
    asked = [ask(f"{name}.skydns.test", tcp=True) for name in ("leased", "short")]
    for more in ("max-lease-ttl 5m", "min-lease-ttl 7200\n        max-lease-ttl 2h"):
        with beside(corefile(etcd, more)) as both:
            assert both.check(asked) == 2


def test_without_etcd_it_is_servfail(etcd: RealEtcd, beside: Beside) -> None:
    text = corefile(etcd, "path /skydns").replace(f":{etcd.port}", f":{etcd.network.free_port()}")
    with beside(text) as both:
        _, ours = both.replies(ask("web.skydns.test"))
        assert ours is not None
        assert ours.rcode == 2
        assert both.replies(ask("www.example.com"))[1] is not None
