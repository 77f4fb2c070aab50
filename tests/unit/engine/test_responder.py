"""Packets and what is said to them: header, class, EDNS, case, sizes, plans, turns."""

from __future__ import annotations

import struct
from dataclasses import replace

import dns.flags
import dns.message
import dns.opcode
import pytest

from podname.dns import constants as c
from podname.dns import names
from podname.engine.base import Client, Code, Plan
from podname.engine.counters import Counters
from tests.support.tables import (
    CLIENT,
    OPTIONS,
    SOA,
    Asker,
    Somebody,
    make_query,
    plan,
    responder,
    rrset_lines,
    table,
    zone,
)

ZONE = """
@                       NS    kube-dns.kube-system.svc
kube-dns.kube-system.svc A    10.96.0.10
web.default.svc         A     10.0.0.1
web.default.svc         A     10.0.0.2
web.default.svc         A     10.0.0.3
web.default.svc         AAAA  fd00::1
_http._tcp.web.default.svc SRV 0 50 80 web-0.web.default.svc
_http._tcp.web.default.svc SRV 0 50 80 web-1.web.default.svc
web-0.web.default.svc   A     10.0.0.1
web-1.web.default.svc   A     10.0.0.2
1.0.0.10.in-addr.arpa.  PTR   web-0.web.default.svc
"""


def message(ask: Asker, question: str, **settings: object) -> dns.message.Message:
    found = ask.message(question, **settings)
    assert not isinstance(found, str), found
    return found


@pytest.mark.parametrize("question", ["web.default.svc A", "nobody A", "web.default.svc TXT"])
@pytest.mark.parametrize("flags", ["", "RD", "RD CD", "RD AD", "CD AD"])
def test_rd_and_cd_come_back_and_aa_is_set(question: str, flags: str) -> None:
    found = message(Asker(responder(plan(table(ZONE)))), question, flags=dns.flags.from_text(flags))
    assert set(dns.flags.to_text(found.flags).split()) == {"QR", "AA"} | ({*flags.split()} - {"AD"})


def test_notify_is_answered_as_a_query() -> None:
    ask = Asker(responder(plan(table(ZONE))))
    query = make_query("web.default.svc AAAA")
    query.set_opcode(dns.opcode.NOTIFY)
    response = ask.responder.respond(query.to_wire(), Somebody())
    assert isinstance(response, bytes)
    found = dns.message.from_wire(response)
    assert (found.opcode(), dns.flags.to_text(found.flags)) == (dns.opcode.NOTIFY, "QR AA")
    assert len(found.answer) == 1


@pytest.mark.parametrize("known", [False, True], ids=["first of its shape", "of a known shape"])
def test_what_is_asked_in_capitals_comes_back_so(known: bool) -> None:
    ask = Asker(responder(plan(table(ZONE, replace(OPTIONS, optional_underscores=True)))))
    if known:
        for rtype in ("A", "SRV", "NS"):
            ask(f"kube-dns.kube-system.svc {rtype}")
    assert ask("nobody.CLUSTER.local. A")[1] == SOA.replace("cluster", "CLUSTER")
    assert ask("cluster.LOCAL. SOA")[1] == SOA.replace("local", "LOCAL")
    assert ask("WEB.default.svc.cluster.local. AAAA")[1].startswith("WEB.default")
    for ports in ("_HTTP._tcp", "HTTP.tcp"):
        assert ask(f"{ports}.web.default.svc.Cluster.Local. SRV") == [
            "NOERROR",
            *(
                f"{ports}.web.default.svc.Cluster.Local. 5 IN SRV 0 50 80 web-{n}.web.default.svc.Cluster.Local."
                for n in (0, 1)
            ),
            "+web-0.web.default.svc.Cluster.Local. 5 IN A 10.0.0.1",
            "+web-1.web.default.svc.Cluster.Local. 5 IN A 10.0.0.2",
        ]
    assert ask("CLUSTER.local. NS")[1:] == [
        "CLUSTER.local. 5 IN NS kube-dns.kube-system.svc.CLUSTER.local.",
        "+kube-dns.kube-system.svc.CLUSTER.local. 5 IN A 10.96.0.10",
    ]


def test_targets_of_ptr_keep_their_case() -> None:
    options = replace(OPTIONS, zones=(*OPTIONS.zones, zone("in-addr.arpa.")))
    ask = Asker(responder(plan(table(ZONE, options))))
    assert ask("1.0.0.10.IN-ADDR.arpa. PTR")[1].endswith("web-0.web.default.svc.cluster.local.")


@pytest.mark.parametrize("rclass", ["CH", "HS", "ANY", "NONE"])
def test_other_classes_are_refused_unless_somebody_wants_them(rclass: str) -> None:
    held, dropped = table(ZONE), Counters()
    ask = Asker(responder(plan(held), dropped=dropped))
    assert ask(f"web.default.svc A {rclass}") == ["REFUSED"]
    assert dropped.families().counts["responses_total"] == {
        ("dns://:53", "dropped", "", "REFUSED", ""): 1
    }
    everything = plan(zone="org.", classes=frozenset({c.IN, c.ANY}))
    answering = Asker(responder(plan(held), everything))
    assert answering(f"web.default.svc AAAA {rclass}")[0] == "NOERROR"
    found = answering(f"web.default.svc A {rclass}")
    assert found[1:] == answering("web.default.svc A IN")[1:], "of class IN, as CoreDNS's"


def test_edns_comes_back_with_its_size_and_do() -> None:
    ask = Asker(responder(plan(table(ZONE))))
    for question in ("web.default.svc AAAA", "nobody A", "_http._tcp.web.default.svc SRV"):
        found = message(ask, question, use_edns=0, payload=100, want_dnssec=True)
        assert (found.edns, found.payload, found.ednsflags) == (0, 100, dns.flags.DO)
        assert message(ask, question, use_edns=False).edns == -1


def test_another_version_of_edns_is_badvers_before_anything_is_looked_up() -> None:
    ask = Asker(responder(plan(table(ZONE))))
    for question in ("web.default.svc A", "example.org. A"):
        assert ask(question, use_edns=1) == ["BADVERS"]
    assert ask("web.default.svc A CH", use_edns=1) == ["REFUSED"]


def test_nobodys_name_is_refused() -> None:
    ask = Asker(responder(plan(table(ZONE), zone="cluster.local.")))
    assert ask("example.org. A") == ["REFUSED"]
    found = message(ask, "example.org. A", use_edns=0, payload=4096)
    assert (found.payload, dns.flags.to_text(found.flags)) == (4096, "QR RD")
    assert Asker(responder())("web.default.svc A") == ["REFUSED"]


def many(count: int) -> str:
    return "\n".join(f"big.default.svc A 10.1.{n >> 8}.{n & 255}" for n in range(count))


@pytest.mark.parametrize("known", [False, True], ids=["first of its shape", "of a known shape"])
def test_what_does_not_fit_is_cut(known: bool) -> None:
    ask = Asker(responder(plan(table(many(100)))))
    ask("nobody A", use_edns=False, flags=0) if known else None
    plain = message(ask, "big.default.svc A", use_edns=False, flags=0)
    assert plain.flags & dns.flags.TC
    question = 12 + len(names.from_text("big.default.svc.cluster.local")) + 4
    assert len(plain.answer[0]) == (512 - question) // 16
    larger = message(ask, "big.default.svc A", use_edns=0, payload=1232)
    assert larger.flags & dns.flags.TC
    assert (len(larger.answer[0]), larger.edns) == ((1232 - question - 11) // 16, 0)
    whole = message(ask, "big.default.svc A", use_edns=0, payload=4096)
    assert (len(whole.answer[0]), bool(whole.flags & dns.flags.TC)) == (100, False)
    over_tcp = Asker(responder(plan(table(many(100))), protocol="tcp"))
    assert len(message(over_tcp, "big.default.svc A", use_edns=False).answer[0]) == 100


def test_tcp_ends_at_64_kib() -> None:
    ask = Asker(responder(plan(table(many(5000))), protocol="tcp"))
    found = message(ask, "big.default.svc A")
    assert found.flags & dns.flags.TC
    assert len(found.to_wire(max_size=65535)) <= 65535
    assert len(found.answer[0]) > 4000


def test_additional_records_that_do_not_all_fit_are_left_out_without_tc() -> None:
    text = "\n".join(
        f"_p._tcp.s.d.svc SRV 0 1 80 pod-{n}.s.d.svc\npod-{n}.s.d.svc A 10.0.0.{n}"
        for n in range(9)
    )
    found = message(Asker(responder(plan(table(text)))), "_p._tcp.s.d.svc SRV", use_edns=False)
    assert len(found.answer[0]) == 9
    assert not found.additional
    assert not found.flags & dns.flags.TC


def test_hundreds_of_additional_records() -> None:
    text = "\n".join(f"s.d.svc A 10.1.{n >> 8}.{n & 255}" for n in range(255))
    text += "\n_p._tcp.s.d.svc SRV 0 1 80 s.d.svc\n_q._tcp.s.d.svc SRV 0 1 80 s.d.svc"
    for extra in ("", "\ns.d.svc A 10.2.0.0", "\ns.d.svc A 10.2.0.0\ns.d.svc A 10.2.0.1"):
        ask = Asker(responder(plan(table(text + extra)), protocol="tcp"))
        found = message(ask, "_p._tcp.s.d.svc SRV", use_edns=0)
        assert len(found.additional[0]) == 255 + extra.count("\n")
        assert found.edns == 0


def test_addresses_take_turns_where_the_plan_says_so() -> None:
    held = table(ZONE)
    ask = Asker(responder(plan(held, rotate=True)))
    firsts = {tuple(ask("web.default.svc A", id=1)[1:]) for _ in range(64)}
    assert len(firsts) == 3
    assert len({tuple(sorted(order)) for order in firsts}) == 1
    extra = {tuple(ask("_http._tcp.web.default.svc SRV", id=1)) for _ in range(64)}
    assert len(extra) == 2
    still = Asker(responder(plan(held)))
    assert len({tuple(still("web.default.svc A")) for _ in range(6)}) == 1


def test_turns_do_not_beat_with_questions_that_alternate() -> None:
    pair = table("x A 10.0.0.1\nx A 10.0.0.2\nx AAAA fd00::1\nx AAAA fd00::2")
    ask = Asker(responder(plan(pair, rotate=True)))
    firsts = set()
    for _ in range(64):
        firsts.add(ask("x A", id=0)[1])
        ask("x AAAA", id=0)
    assert len(firsts) == 2


def test_the_longest_zone_wins() -> None:
    wide, narrow = table("x.sub A 10.0.0.1"), replace(OPTIONS, zones=(zone("sub.cluster.local."),))
    held = table("x.sub A 10.0.0.2", narrow)
    ask = Asker(responder(plan(wide, zone="cluster.local."), plan(held, zone="sub.cluster.local.")))
    assert ask("x.sub A")[1].endswith("10.0.0.2")
    assert ask("xsub A") == ["NXDOMAIN", SOA]
    assert ask("org. A") == ["REFUSED"]
    everything = plan(Code((names.ROOT,)))
    ask = Asker(responder(everything, plan(held, zone="sub.cluster.local.")))
    assert ask("x.sub A")[1].endswith("10.0.0.2")
    assert ask("x A") == ["MISS"]


def test_the_parent_answers_for_ds() -> None:
    parent, child = table(""), table("", replace(OPTIONS, zones=(zone("sub.cluster.local."),)))
    plans = plan(parent, zone="cluster.local."), plan(child, zone="sub.cluster.local.")
    ask = Asker(responder(*plans, plan(zone=".")))
    assert ask("sub DS") == ["NXDOMAIN", SOA]
    assert ask("x.sub DS") == ["NXDOMAIN", SOA]
    assert ask("sub DNSKEY")[1].startswith("sub.cluster.local.")
    assert ask("org. DS") == ["MISS"]


def test_plans_are_swapped_at_once() -> None:
    ask = Asker(responder(plan(table("x A 10.0.0.1"))))
    assert ask("x A")[1].endswith("10.0.0.1")
    ask.responder.serve([plan(table("x A 10.0.0.2"))])
    assert ask("x A")[1].endswith("10.0.0.2")


def test_a_table_that_is_replaced_answers_anew() -> None:
    held = table("x A 10.0.0.1")
    ask = Asker(responder(plan(held)))
    ask("x A")
    held.replace([])
    assert ask("x A") == ["NXDOMAIN", SOA]
    held.synced = False
    assert ask("x A") == ["SERVFAIL", SOA]


def test_a_foreign_table_is_refused() -> None:
    with pytest.raises(TypeError, match="no table of this engine"):
        responder(plan("a table"))  # type: ignore[arg-type]


def test_a_name_with_a_zero_octet_is_a_name_like_any_other() -> None:
    ask = Asker(responder(plan(table(ZONE))))
    for question in (
        "web.default.svc A",
        r"a\000b.default.svc A",
        r"\000 A",
        r"web\000.default.svc A",
    ):
        for _ in range(2):
            found = message(ask, question, use_edns=0)
            assert found.question[0].to_text() == make_query(question).question[0].to_text()
    assert ask(r"a\000b.default.svc A") == ["NXDOMAIN", SOA]


def test_a_broken_name_is_formerr_whatever_is_behind_it() -> None:
    ask = Asker(responder(plan(table(ZONE))))
    query = make_query("web.default.svc A", use_edns=False).to_wire()
    assert isinstance(ask.responder.respond(query, Somebody()), bytes)
    for name in (b"\x05ab\x00", b"\x40ab\x00", b"\xc0\x00", b"\x01a\x3f\x00"):
        broken = query[:12] + name + query[-4:]
        response = ask.responder.respond(broken, Somebody())
        assert isinstance(response, bytes)
        assert response[3] & 15 == c.FORMERR, name
    # Here the octet that looks like the name's end is inside of a label, and the question another one.
    behind = query[-4:] + b"\x00\x00\x01"
    assert isinstance(ask.responder.respond(query[:-4] + behind, Somebody()), bytes)
    sly = query[:12] + b"\x05ab\x00" + behind
    assert isinstance(ask.responder.respond(sly, Somebody()), Plan)
    long_name = (b"\x3f" + b"a" * 63) * 4 + b"\x00"
    response = ask.responder.respond(query[:12] + long_name + query[-4:], Somebody())
    assert isinstance(response, bytes)
    assert response[3] & 15 == c.FORMERR


def test_observers_see_every_answer() -> None:
    seen: list[tuple[int, str, Client]] = []

    def observe(query: bytes, response: bytes, client: Client, plugin: str, seconds: float) -> None:
        assert query[:2] == response[:2]
        assert 0 <= seconds < 1
        seen.append((response[3] & 15, plugin, client))

    ask = Asker(responder(plan(table(ZONE), observers=(observe,))))
    for question in ("web.default.svc A", "nobody A", "web.default.svc TXT", "example.org. A"):
        ask(question)
    assert seen == [(rcode, "kubernetes", CLIENT) for rcode in (0, 3, 0)]


def test_the_question_comes_back_as_it_was() -> None:
    ask = Asker(responder(plan(table(ZONE))))
    query = struct.pack("!6H", 1, 0, 1, 0, 0, 0) + names.from_text("nobody.cluster.local").upper()
    query += b"\x00\x01\x00\x01"
    response = ask.responder.respond(query + b"garbage", Somebody())
    assert isinstance(response, bytes)
    assert response[12:].startswith(query[12:])
    assert rrset_lines(dns.message.from_wire(response).authority)[0].startswith("CLUSTER.LOCAL.")
