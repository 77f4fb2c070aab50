"""`autopath` beside CoreDNS: with a file, and with the pod that asks."""

from itertools import product
from pathlib import Path

import pytest
from tests.cluster.directives.conftest import Beside
from tests.cluster.harness.cluster import Cluster
from tests.cluster.harness.namespace import HOST
from tests.cluster.oracle.messages import TYPES
from tests.cluster.oracle.objects import pod, service, space
from tests.cluster.oracle.pair import Pair
from tests.cluster.oracle.questions import Opt, Question
from tests.cluster.oracle.upstream import Upstream
from tests.cluster.oracle.variants import Variant, kubernetes

COREFILE = """.:{{$PORT}} {{
    bind {{$ADDRESS}}
    autopath {zones} {folder}/search.conf
    hosts {{
        192.0.2.1 here.first.test
        192.0.2.2 there.second.test
        fallthrough
    }}
    forward first.test second.test {{$UPSTREAM}}
    forward . {{$UPSTREAM}}
}}
"""
KINDS = ("A", "AAAA", "TXT", "MX")


def questions(*names: str) -> list[Question]:
    return [
        Question(name, TYPES[kind], opt=opt, tcp=tcp)
        for name, kind in product(names, KINDS)
        for opt, tcp in ((None, False), (Opt(1232), True))
    ]


@pytest.mark.parametrize("zones", ["", "first.test", "other.test"])
def test_with_a_file(zones: str, beside: Beside, tmp_path: Path) -> None:
    (tmp_path / "search.conf").write_text("search first.test second.test\n")
    below = (
        "here",
        "there",
        "www.example.com",
        "Chain.Example.Com",
        "big.example.com",
        "none.example.com",
    )
    names = [
        f"{name}.first.test" for name in (*below, "empty.example.com", "fails.example.com", "x")
    ]
    names += [
        "www.example.com",
        "there.second.test",
        "x.second.test",
        "first.tes",
    ]
    asked = questions(*names)
    text = COREFILE.format(zones=zones, folder=tmp_path).replace(
        "forward first.test second.test", "forward first.test"
    )
    with beside(text) as both:
        assert both.check(asked) == len(asked)


FORWARD = "\n    forward . {$UPSTREAM}"
PODS = kubernetes("pods verified") + FORWARD
VARIANTS = [
    Variant("pods", f"    autopath @kubernetes\n{PODS}"),
    Variant("cached", f"    autopath @kubernetes\n    cache 30\n{PODS}"),
    Variant("no_pods", "    autopath @kubernetes\n" + kubernetes("pods insecure") + FORWARD),
]


def test_with_the_pod_that_asks(bare: Cluster) -> None:
    upstream = Upstream(bare.namespace)
    held = [
        space("one"),
        space("two"),
        service("web", "10.96.1.1"),
        service("web", "10.96.1.2", at="two"),
    ]
    held.append(pod("asker", HOST, at="two"))
    names = [
        *(
            f"{name}.{at}.svc.cluster.local"
            for name in ("web", "nothing", "web.one", "www.example.com")
            for at in ("one", "two")
        ),
        *("web.two.svc.two.svc.cluster.local", "web.two.svc.cluster.local.two.svc.cluster.local"),
        *("kubernetes.default.two.svc.cluster.local", "none.example.com.two.svc.cluster.local"),
        *("www.example.com", "www.example.com.svc.cluster.local", "www.example.com.cluster.local"),
        *("WWW.Example.Com.Two.Svc.Cluster.Local", "big.example.com.two.svc.cluster.local"),
        "1.1.96.10.in-addr.arpa",
    ]
    asked = questions(*names)
    with bare.bulk() as bulk:
        bulk.put(held)
        with Pair(bare, VARIANTS, environment={"UPSTREAM": upstream.address}) as pair:
            for each in VARIANTS:
                pair.compare(each, asked, []).check()
        bulk.delete(held)
    upstream.close()
