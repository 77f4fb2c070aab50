"""The eight rules of a table, as podname.engine.base numbers them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from podname.dns import constants as c
from podname.dns import names
from podname.engine.base import Code
from tests.support.tables import OPTIONS, SOA, Asker, plan, responder, table, zone

ZONE = """
@                       EMPTY_NON_TERMINAL
@                       NS    kube-dns.kube-system.svc
svc                     EMPTY_NON_TERMINAL
kube-dns.kube-system.svc A    10.96.0.10
web.default.svc         A     10.0.0.1
web.default.svc         A     10.0.0.2
web.default.svc         AAAA  fd00::1
_http._tcp.web.default.svc SRV 0 50 80 web-0.web.default.svc
web-0.web.default.svc   A     10.0.0.1
web-0.web.default.svc   AAAA  fd00::1
alias.default.svc       CNAME example.org.
dns-version             TXT   "1.1.0"
pod                     EMPTY_NON_TERMINAL
10-0-0-9.closed.pod     A     10.0.0.9
"""


def asker(text: str = ZONE, **options: object) -> Asker:
    return Asker(responder(plan(table(text, replace(OPTIONS, **options)))))  # type: ignore[arg-type]


def test_1_before_the_first_sync_everything_is_servfail() -> None:
    held = table(ZONE, replace(OPTIONS, fallthrough=(names.ROOT,)), synced=False)
    ask = Asker(responder(plan(held)))
    for question in ("web.default.svc A", "nobody A", "@ SOA", "web.default.svc AXFR"):
        assert ask(question) == ["SERVFAIL", SOA]
    held.synced = True
    assert ask("web.default.svc AAAA") == [
        "NOERROR",
        "web.default.svc.cluster.local. 5 IN AAAA fd00::1",
    ]


@pytest.mark.parametrize("rtype", ["AXFR", "IXFR"])
def test_2_a_transfer_is_a_miss(rtype: str) -> None:
    assert asker()(f"@ {rtype}") == ["MISS"]


def test_3_a_record_is_repeated() -> None:
    ask = asker()
    assert ask("web.default.svc A") == [
        "NOERROR",
        "web.default.svc.cluster.local. 5 IN A 10.0.0.1",
        "web.default.svc.cluster.local. 5 IN A 10.0.0.2",
    ]
    assert ask("dns-version TXT") == ["NOERROR", 'dns-version.cluster.local. 5 IN TXT "1.1.0"']
    assert ask("alias.default.svc CNAME")[1:] == [
        "alias.default.svc.cluster.local. 5 IN CNAME example.org."
    ]


def test_3_targets_bring_their_addresses() -> None:
    assert asker()("_http._tcp.web.default.svc SRV") == [
        "NOERROR",
        "_http._tcp.web.default.svc.cluster.local. 5 IN SRV 0 50 80 web-0.web.default.svc.cluster.local.",
        "+web-0.web.default.svc.cluster.local. 5 IN A 10.0.0.1",
        "+web-0.web.default.svc.cluster.local. 5 IN AAAA fd00::1",
    ]
    assert asker()("@ NS")[1:] == [
        "cluster.local. 5 IN NS kube-dns.kube-system.svc.cluster.local.",
        "+kube-dns.kube-system.svc.cluster.local. 5 IN A 10.96.0.10",
    ]


def test_4_an_alias_is_followed_by_the_chain_for_addresses_alone() -> None:
    ask = asker()
    assert ask("alias.default.svc A") == ["MISS"]
    assert ask("alias.default.svc AAAA") == ["MISS"]
    assert ask("alias.default.svc TXT") == ["NOERROR", SOA]


DASHED = [
    ("10-0-0-1.open.pod A", "A 10.0.0.1"),
    ("X.10-0-0-1.open.pod A", "A 10.0.0.1"),
    ("y.x.10-0-0-1.open.pod A", "A 10.0.0.1"),
    ("z.y.x.10-0-0-1.open.pod A", "NXDOMAIN"),
    ("10-0-0-1.open.pod AAAA", "NODATA"),
    ("10-0-0-1.open.pod TXT", "NODATA"),
    ("fd00--1.open.pod AAAA", "AAAA fd00::1"),
    ("FD00--A.open.pod AAAA", "AAAA fd00::a"),
    ("fd00--1.open.pod A", "NODATA"),
    ("--ffff-a00-1.open.pod A", "A 10.0.0.1"),
    ("--ffff-a00-1.open.pod AAAA", "NODATA"),
    ("10-0-0-01.open.pod A", "NXDOMAIN"),
    ("10-0-0-256.open.pod A", "NXDOMAIN"),
    ("10-0-0.open.pod A", "NXDOMAIN"),
    ("1--2--3.open.pod AAAA", "NXDOMAIN"),
    ("a-b-c-d.open.pod A", "NXDOMAIN"),
    ("1-2-3-4-5-6-7-8.open.pod AAAA", "AAAA 1:2:3:4:5:6:7:8"),
    ("name.open.pod A", "NXDOMAIN"),
    ("open.pod A", "NODATA"),
    ("10-0-0-9.closed.pod A", "A 10.0.0.9"),
    ("x.10-0-0-9.closed.pod A", "A 10.0.0.9"),
    ("y.x.10-0-0-9.closed.pod A", "A 10.0.0.9"),
    ("z.y.x.10-0-0-9.closed.pod A", "NXDOMAIN"),
    ("x.10-0-0-9.closed.pod AAAA", "NODATA"),
    ("10-0-0-8.closed.pod A", "NXDOMAIN"),
    ("x.10-0-0-8.closed.pod A", "NXDOMAIN"),
]


@pytest.mark.parametrize(("question", "expected"), DASHED)
def test_5_dashed_addresses(question: str, expected: str) -> None:
    held = table(ZONE + "open.pod EMPTY_NON_TERMINAL\nclosed.pod EMPTY_NON_TERMINAL")
    held.set_dashed(names.from_text("open.pod.cluster.local"), open_=True)
    held.set_dashed(names.from_text("closed.pod.cluster.local"), open_=False)
    found = Asker(responder(plan(held)))(question)
    owner = question.split(maxsplit=1)[0]
    assert found == {
        "NXDOMAIN": ["NXDOMAIN", SOA],
        "NODATA": ["NOERROR", SOA],
    }.get(expected, ["NOERROR", f"{owner}.cluster.local. 5 IN {expected}"])


def test_5_a_dashed_parent_can_be_taken_back() -> None:
    held, parent = table("open.pod EMPTY_NON_TERMINAL"), names.from_text("open.pod.cluster.local")
    ask = Asker(responder(plan(held)))
    held.set_dashed(parent, open_=True)
    held.replace([])
    assert ask("10-0-0-1.open.pod A")[0] == "NOERROR"
    held.set_dashed(parent, open_=None)
    assert ask("10-0-0-1.open.pod A") == ["NXDOMAIN", SOA]


def test_5_a_lazy_type_of_a_dashed_address_is_a_miss() -> None:
    held = table("", replace(OPTIONS, lazy_types=frozenset({c.SRV})))
    held.set_dashed(names.from_text("open.pod.cluster.local"), open_=True)
    ask = Asker(responder(plan(held)))
    assert ask("10-0-0-1.open.pod SRV") == ["MISS"]
    assert ask("10-0-0-1.open.pod TXT") == ["NOERROR", SOA]


@pytest.mark.parametrize("ports", ["http.tcp", "_http.tcp", "http._tcp", "HTTP.TCP"])
def test_6_underscores_may_be_missing(ports: str) -> None:
    ask = asker(optional_underscores=True)
    srv = "IN SRV 0 50 80 web-0.web.default.svc.cluster.local."
    assert ask(f"{ports}.web.default.svc SRV") == [
        "NOERROR",
        f"{ports}.web.default.svc.cluster.local. 5 {srv}",
        "+web-0.web.default.svc.cluster.local. 5 IN A 10.0.0.1",
        "+web-0.web.default.svc.cluster.local. 5 IN AAAA fd00::1",
    ]
    assert ask(f"{ports}.web.default.svc A") == ["NOERROR", SOA]
    assert ask(f"x{ports}.web.default.svc SRV") == ["NXDOMAIN", SOA]
    assert asker()(f"{ports}.web.default.svc SRV") == ["NXDOMAIN", SOA]


@pytest.mark.parametrize("label", ["a" * 63, "_" + "a" * 62])
def test_6_there_is_not_always_room_for_an_underscore(label: str) -> None:
    ask = asker(optional_underscores=True)
    assert ask(f"{label}.{label}.web.default.svc SRV") == ["NXDOMAIN", SOA]
    assert ask(f"{label}.tcp.web.default.svc SRV") == ["NXDOMAIN", SOA]


def test_7_a_name_without_the_type_is_nodata() -> None:
    ask = asker()
    for question in (
        "web.default.svc TXT",  # has records
        "svc A",  # is held
        "default.svc A",  # is an empty non-terminal
        "_tcp.web.default.svc SRV",
        "@ A",
        "web.default.svc SOA",
        "web.default.svc TYPE0",  # the type that holds a name is none to ask for
        "svc TYPE0",
        "web.default.svc ANY",
    ):
        assert ask(question) == ["NOERROR", SOA], question


def test_7_a_lazy_type_of_what_exists_is_a_miss() -> None:
    ask = asker(lazy_types=frozenset({c.SRV}))
    assert ask("web.default.svc SRV") == ["MISS"]
    assert ask("default.svc SRV") == ["MISS"]
    assert ask("@ SRV") == ["MISS"]
    assert ask("nobody.default.svc SRV") == ["NXDOMAIN", SOA]
    assert ask("_http._tcp.web.default.svc SRV")[0] == "NOERROR"


def test_7_and_8_what_falls_through_goes_to_the_next_layer() -> None:
    held = table(
        ZONE, replace(OPTIONS, fallthrough=(names.from_text("default.svc.cluster.local"),))
    )
    ask = Asker(responder(plan(held)))
    assert ask("nobody.default.svc A") == ["MISS"]
    assert ask("default.svc A") == ["MISS"]  # only because names stand below it
    assert ask("_tcp.web.default.svc A") == ["MISS"]
    assert ask("web.default.svc TXT") == ["NOERROR", SOA]
    assert ask("nobody.other.svc A") == ["NXDOMAIN", SOA]
    assert ask("svc A") == ["NOERROR", SOA]
    assert ask("@ A") == ["NOERROR", SOA]


def test_8_nothing_is_nxdomain() -> None:
    ask = asker()
    for question in (
        "nobody.default.svc A",
        "web.default.svc.svc A",
        "x.web-0.web.default.svc TXT",
    ):
        assert ask(question) == ["NXDOMAIN", SOA]


def test_the_soa_is_made_for_every_zone() -> None:
    held = table("", replace(OPTIONS, zones=(zone(), zone("10.in-addr.arpa."))))
    ask = Asker(responder(plan(held)))
    assert ask("@ SOA") == ["NOERROR", SOA]
    assert ask("10.in-addr.arpa. SOA") == [
        "NOERROR",
        "10.in-addr.arpa. 5 IN SOA ns.dns.10.in-addr.arpa. hostmaster.10.in-addr.arpa. 7 7200 1800 86400 5",
    ]
    held.set_serial(8)
    assert ask("1.10.in-addr.arpa. PTR")[1].split()[6] == "8"
    assert ask("11.in-addr.arpa. PTR") == ["MISS"]


def test_names_of_a_soa_may_lie_outside_of_the_zone() -> None:
    elsewhere = replace(
        zone(), mname=names.from_text("a.example"), rname=names.from_text("b.example")
    )
    ask = asker(zones=(elsewhere,))
    soa = "CLUSTER.local. 5 IN SOA a.example. b.example. 7 7200 1800 86400 5"
    assert ask("nobody.CLUSTER.local. A") == ["NXDOMAIN", soa]


def test_a_table_that_does_not_deny() -> None:
    ask = asker(denies=False)
    assert ask("web.default.svc TXT") == ["NOERROR"]
    assert ask("nobody A") == ["SERVFAIL"]
    assert ask("default.svc A") == ["SERVFAIL"]  # CoreDNS's hosts knows no empty non-terminals
    found = ask.message("nobody A")
    assert not isinstance(found, str)
    assert "AA" not in str(found.flags)
    falling = asker(denies=False, fallthrough=(names.ROOT,))
    assert falling("web.default.svc TXT") == ["NOERROR"]
    assert falling("nobody A") == ["MISS"]
    assert falling("default.svc A") == ["MISS"]


def test_layers_are_asked_in_turn() -> None:
    hosts = table(
        "web.default.svc A 192.0.2.1", replace(OPTIONS, denies=False, fallthrough=(names.ROOT,))
    )
    code = Code((names.from_text("rewritten.cluster.local"),))
    ask = Asker(responder(plan(hosts, code, table(ZONE))))
    assert ask("web.default.svc A")[1:] == ["web.default.svc.cluster.local. 5 IN A 192.0.2.1"]
    assert ask("web-0.web.default.svc A")[1:] == [
        "web-0.web.default.svc.cluster.local. 5 IN A 10.0.0.1"
    ]
    assert ask("x.rewritten A") == ["MISS"]
    assert ask("xrewritten A") == ["NXDOMAIN", SOA]
    assert ask("example.org. A") == ["MISS"]
