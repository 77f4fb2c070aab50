"""The native engine and the reference, given the same changes and the same packets: octet for octet the same."""

from __future__ import annotations

import itertools
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import dns.message
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podname.dns import constants as c
from podname.dns import names
from podname.dns.message import rcode_of, uncompressed_octets
from podname.dns.query import Query, parse
from podname.dns.records import EMPTY_ANSWER, answer, answer_with_additional, srv_rdata
from podname.engine.base import EMPTY_NON_TERMINAL, Change, Code, Plan, TableOptions
from podname.engine.counters import Counters
from tests.support.engines import KINDS
from tests.support.tables import OPTIONS, Somebody, make_query, plan, zone
from tests.unit.engine.test_hostile import mutated

pytestmark = [
    pytest.mark.skipif("native" not in KINDS, reason="the native engine was not built"),
    pytest.mark.parametrize("engine", ["python"], indirect=True),  # each test runs both
]

LABELS = ("web", "_http", "_tcp", "http", "tcp", "svc", "pod", "10-0-0-1", "fd00--1", "*", "a" * 63)
TYPES = ("A", "AAAA", "SRV", "NS", "SOA", "TXT", "PTR", "CNAME", "ANY", "DS", "AXFR", "TYPE0")
ZONES = (zone(), zone("svc.cluster.local."), zone("in-addr.arpa."))
CODE = Code((names.from_text("tcp.web.cluster.local"), names.from_text("pod.cluster.local")))


def some_name(chance: random.Random) -> bytes:
    labels = [chance.choice(LABELS) for _ in range(chance.randrange(5))]
    if sum(map(len, labels)) > 190:
        labels = labels[:2]
    origin = chance.choice(("cluster.local", "cluster.local", "1.10.in-addr.arpa"))
    return names.from_text(".".join([*labels, origin]))


def some_answer(owner: bytes, rtype: int, chance: random.Random) -> bytes:
    """Make a ready answer of one, a few or very many records."""
    count = chance.choice((1, 1, 2, 3, 40, 300 if chance.random() < 0.1 else 5))
    if rtype == EMPTY_NON_TERMINAL:
        return EMPTY_ANSWER
    if rtype in {c.A, c.AAAA}:
        octets = 4 if rtype == c.A else 16
        return answer(
            rtype, chance.choice((0, 5, 1 << 31)), [chance.randbytes(octets) for _ in range(count)]
        )
    if rtype in {c.PTR, c.CNAME}:
        return answer(
            rtype, 5, [some_name(chance) for _ in range(1 if rtype == c.CNAME else count)]
        )
    if rtype == c.TXT:
        return answer(rtype, 5, [b"\x05hello"])
    at = 6 if rtype == c.SRV else 0
    targets = [some_name(chance) for _ in range(count)]
    rdatas = [(srv_rdata(0, 1, 80, name) if at else name, at) for name in targets]
    extra = [
        (index, kind, chance.randbytes(4 if kind == c.A else 16))
        for index in range(count)
        for kind in chance.choice(((), (c.A,), (c.A, c.AAAA)))
    ]
    return answer_with_additional(len(owner), rtype, 5, rdatas, extra)


def some_changes(chance: random.Random) -> Iterator[Change]:
    for _ in range(chance.randrange(1, 12)):
        owner = some_name(chance)
        rtype = chance.choice(
            (EMPTY_NON_TERMINAL, c.A, c.A, c.AAAA, c.SRV, c.NS, c.PTR, c.CNAME, c.TXT)
        )
        gone = chance.random() < 0.3
        yield owner, rtype, None if gone else some_answer(owner, rtype, chance)


def some_options(chance: random.Random) -> TableOptions:
    return replace(
        OPTIONS,
        zones=chance.choice((ZONES, ZONES[:1], (ZONES[0], ZONES[2]))),
        fallthrough=chance.choice(((), (names.ROOT,), (names.from_text("svc.cluster.local"),))),
        optional_underscores=chance.random() < 0.5,
        lazy_types=chance.choice((frozenset(), frozenset({c.SRV, c.TXT}))),
        denies=chance.random() < 0.8,
        passes_other_types=chance.random() < 0.3,
        lone_types=chance.choice((frozenset(), frozenset({c.TXT, c.A}))),
    )


@dataclass
class Side:
    """One engine's part of the comparison."""

    kind: Any
    tables: list[Any]
    counters: Counters
    dropped: Counters
    responders: list[Any]


class Pair:
    """Two tables in a plan, and a second plan, on both sides."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.options = options = [some_options(chance) for _ in range(2)]
        shape = chance.random()
        rotate, turn = chance.random() < 0.7, chance.randrange(1 << 15)
        self.sides = []
        for kind in (KINDS["python"], KINDS["native"]):
            tables, counters, dropped = [kind.table(one) for one in options], Counters(), Counters()
            layers = (tables[0], CODE, tables[1]) if shape < 0.5 else (tables[0],)
            plans = [plan(*layers, rotate=rotate, counters=counters)]
            if shape > 0.3:
                plans.append(plan(tables[1], zone="web.cluster.local.", counters=counters))
            responders = []
            for protocol in ("udp", "tcp"):
                responder = kind.responder("dns://:53", protocol, 1, dropped)
                responder.serve(plans)
                fix_turn(responder, turn)
                responders.append(responder)
            self.sides.append(Side(kind, tables, counters, dropped, responders))

    def change(self) -> None:
        """Do the same to both."""
        number = self.chance.randrange(2)
        origins = [one.origin for one in self.options[number].zones]
        changes = [
            change
            for change in some_changes(self.chance)
            if any(names.is_subdomain(change[0], origin) for origin in origins)
        ]
        what = self.chance.random()
        parent, open_ = some_name(self.chance), self.chance.choice((True, False, None))
        for side in self.sides:
            table = side.tables[number]
            if what < 0.75:
                table.update(changes)
            elif what < 0.8:
                table.replace(changes)
            elif what < 0.9:
                table.set_dashed(parent, open_=open_)
            elif what < 0.95:
                table.set_serial(len(changes) << 29)
            table.synced = what < 0.97
        assert len({len(side.tables[number]) for side in self.sides}) == 1

    def ask(self) -> None:
        """Ask both the same; compare all that they say."""
        packet = self.packet()
        which = self.chance.randrange(2)
        said = [spoken(side.responders[which].respond(packet, Somebody())) for side in self.sides]
        assert said[0] == said[1], packet.hex()
        query = parse(packet)
        if isinstance(query, Query):
            rtype = query.qtype
            for tables in zip(*(side.tables for side in self.sides), strict=True):
                one, other = tables
                assert one.respond(query) == other.respond(query), packet.hex()
                assert one.get(query.folded, rtype) == other.get(query.folded, rtype)
                assert one.exists(query.folded) == other.exists(query.folded)
                assert one.no_data(query) == other.no_data(query)

    def packet(self) -> bytes:
        """Make a query, or something like one."""
        if self.chance.random() < 0.1:
            return mutated(self.chance)
        name = names.to_text(some_name(self.chance))
        spelled = "".join(self.chance.choice((x, x.upper())) for x in name)
        edns = self.chance.choice((False, 0, 0))
        payload = self.chance.choice((0, 512, 700, 1232, 4096, 65535))
        question = (
            f"{spelled} {self.chance.choice(TYPES)} {self.chance.choice(('IN',) * 9 + ('CH',))}"
        )
        query = make_query(
            question, use_edns=edns, payload=payload, id=self.chance.randrange(65536)
        )
        return query.to_wire()

    def compare_counts(self) -> None:
        """Durations differ, and nothing else."""
        for what in ("counters", "dropped"):
            found = [getattr(side, what).families() for side in self.sides]
            assert found[0].counts == found[1].counts
            for family in ("request_size_bytes", "response_size_bytes"):
                assert found[0].histograms[family] == found[1].histograms[family]
            durations = [one.histograms["request_duration_seconds"] for one in found]
            assert [{k: sum(v.buckets) for k, v in one.items()} for one in durations[:1]] == [
                {k: sum(v.buckets) for k, v in one.items()} for one in durations[1:]
            ]


def fix_turn(responder: Any, turn: int) -> None:
    """Let addresses begin at the same one on both sides; else that is chance."""
    if hasattr(responder, "core"):
        responder.core.fix_turn(turn)
    else:
        responder._next_turn = lambda: turn


def spoken(response: object) -> object:
    """Make what a responder said comparable: a plan is known by its zone."""
    return ("ask", response.zone) if isinstance(response, Plan) else response


def compare(seed: int, steps: int = 12, questions: int = 12) -> int:
    """Change and ask in turns; give how many questions were asked."""
    pair = Pair(random.Random(seed))
    for _ in range(steps):
        pair.change()
        for _ in range(questions):
            pair.ask()
    pair.compare_counts()
    return steps * questions


@settings(max_examples=60)
@given(st.integers(0, 1 << 60))
def test_both_say_the_same(seed: int) -> None:
    compare(seed)


@settings(max_examples=40)
@given(st.integers(0, 1 << 60))
def test_counted_is_the_size_without_compression(seed: int) -> None:
    pair = Pair(random.Random(seed))
    for _ in range(4):
        pair.change()
        for _ in range(8):
            packet = pair.packet()
            for side in pair.sides:
                responses, octets = counted(side)
                response = side.responders[1].respond(packet, Somebody())
                responses, octets = counted(side)[0] - responses, counted(side)[1] - octets
                if not responses or octets > 65_000:  # of such a one, the response may be a part
                    continue
                is_without_soa = rcode_of(response) == c.SERVFAIL and not any(response[8:10])
                expected = 0 if is_without_soa else uncompressed_octets(response)
                assert octets == expected, packet.hex()


def counted(side: Side) -> tuple[int, float]:
    """Return how many responses were counted so far, and their octets."""
    sizes = side.counters.families().histograms["response_size_bytes"].values()
    return sum(sum(one.buckets) for one in sizes), sum(one.sum for one in sizes)


def test_the_types_that_are_counted_are_the_same() -> None:
    pair = Pair(random.Random(1))
    for qtype in itertools.chain(range(70), range(240, 260), (65535,)):
        packet = make_query(f"@ TYPE{qtype}", id=1).to_wire()
        for side in pair.sides:
            side.responders[0].respond(packet, Somebody())
    pair.compare_counts()


if __name__ == "__main__":
    end, asked, first = time.monotonic() + float(sys.argv[1]), 0, int(time.time()) << 20
    for number in itertools.count(first):
        asked += compare(number)
        if time.monotonic() > end:
            break
    print(asked, "questions, seeds from", first)


def test_both_move_owners_that_a_pointer_does_not_reach() -> None:
    owner = names.from_text("_http._tcp.web.cluster.local")
    targets = [names.from_text(f"endpoint-{n}.web.cluster.local") for n in range(600)]
    rdatas = [(srv_rdata(0, 1, 80, target), 6) for target in targets]
    extra = [(index, c.A, bytes((10, 0, index >> 8, index & 255))) for index in range(len(targets))]
    ready = answer_with_additional(len(owner), c.SRV, 5, rdatas, extra)
    packet = make_query("http.tcp.web SRV", id=1).to_wire()
    said = []
    for kind in (KINDS["python"], KINDS["native"]):
        table = kind.table(replace(OPTIONS, optional_underscores=True))
        table.update([(owner, c.SRV, ready)])
        table.synced = True
        responder = kind.responder("dns://:53", "tcp", 1, Counters())
        responder.serve([plan(table)])
        said.append(responder.respond(packet, Somebody()))
    assert said[0] == said[1]
    additional = dns.message.from_wire(said[0]).additional
    assert [rrset.name.to_wire() for rrset in additional] == targets
