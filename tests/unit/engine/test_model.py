"""Generated tables and questions: the engine answers what the slow model answers."""

from __future__ import annotations

import random
from dataclasses import replace

import dns.message
import dns.name
import dns.rcode
from hypothesis import example, given, settings
from hypothesis import strategies as st

from podname.dns import constants as c
from podname.dns import names
from podname.dns.query import Query, parse
from podname.engine.base import Outcome
from podname.engine.reference import PythonTable
from tests.support import engines
from tests.support.model import Model
from tests.support.tables import (
    OPTIONS,
    ORIGIN_TEXT,
    SERIAL,
    Asker,
    changes,
    make_query,
    plan,
    read_zone,
    responder,
    sections,
    zone,
)

LABELS = (
    *("web", "_http", "_tcp", "http", "tcp", "svc", "pod", "default", "10-0-0-1", "fd00--1"),
    *("a" * 63, "1-2-3", "--", "x-", "*", "_a"),
)
label = st.sampled_from(LABELS)
relative = st.lists(label, min_size=1, max_size=4).map(".".join)
target = st.one_of(relative, st.sampled_from(["example.org.", ORIGIN_TEXT]))
record = st.one_of(
    st.tuples(relative, st.just("A"), st.sampled_from(["10.0.0.1", "10.0.0.2", "10.0.0.3"])),
    st.tuples(relative, st.just("AAAA"), st.sampled_from(["fd00::1", "fd00::2"])),
    st.tuples(relative, st.just("SRV"), target.map(lambda name: f"0 50 80 {name}")),
    st.tuples(st.just("@"), st.just("NS"), target),
    st.tuples(relative, st.just("TXT"), st.just('"1.1.0"')),
    st.tuples(relative, st.just("PTR"), target),
    st.tuples(relative, st.just("CNAME"), target),
    st.tuples(relative, st.just("EMPTY_NON_TERMINAL"), st.just("")),
)
zone_text = st.lists(record, max_size=12, unique=True).map(
    lambda rows: "\n".join(" ".join(row) for row in rows)
)
name_tuple = st.sampled_from(
    [(), (names.ROOT,), (names.from_text(ORIGIN_TEXT),), (names.from_text("svc.cluster.local"),)]
)
options = st.builds(
    lambda **chosen: replace(OPTIONS, **chosen),
    zones=st.sampled_from([(zone(),), (zone(), zone("svc.cluster.local."))]),
    fallthrough=name_tuple,
    optional_underscores=st.booleans(),
    lazy_types=st.sampled_from([frozenset(), frozenset({c.SRV}), frozenset({c.TXT, c.NS})]),
    denies=st.sampled_from([True, True, False]),
    passes_other_types=st.booleans(),
    lone_types=st.sampled_from([frozenset(), frozenset({c.PTR, c.TXT})]),
    lazy_labels=st.sampled_from([frozenset(), frozenset({b"web", b"http"})]),
)
dashed = st.dictionaries(relative, st.booleans(), max_size=2)
asked_type = st.sampled_from(
    ["A", "AAAA", "SRV", "NS", "SOA", "TXT", "PTR", "CNAME", "ANY", "HTTPS", "AXFR", "TYPE0"]
)
asked_name = st.one_of(
    relative.map(lambda name: f"{name}.{ORIGIN_TEXT}"), st.sampled_from([ORIGIN_TEXT, "org.", "."])
)
question = st.tuples(asked_name, asked_type, st.randoms(use_true_random=False))


def in_some_case(name: str, chance: random.Random) -> dns.name.Name:
    """Write a name in capitals here and there."""
    return dns.name.from_text("".join(chance.choice((x, x.upper())) for x in name))


@settings(max_examples=150)
@given(
    text=zone_text,
    options=options,
    dashed=dashed,
    questions=st.lists(question, min_size=4, max_size=12),
    synced=st.sampled_from([True] * 9 + [False]),
)
@example(
    "_a._b.web A 10.0.0.1",
    replace(OPTIONS, optional_underscores=True),
    {},
    [("_A.b.web.Cluster.local.", "TXT", random.Random(1))],
    True,
)
def test_the_engine_answers_what_the_model_answers(
    text: str,
    options: object,
    dashed: dict[str, bool],
    questions: list[tuple[str, str, random.Random]],
    synced: bool,
) -> None:
    assert isinstance(options, type(OPTIONS))
    origin = dns.name.from_text(ORIGIN_TEXT)
    records = read_zone(text)
    parents = {dns.name.from_text(parent, origin): open_ for parent, open_ in dashed.items()}
    model = Model(options, records, synced, parents)
    table = engines.current().table(options)
    table.update(changes(records))
    table.set_serial(SERIAL)
    table.synced = synced
    for parent, open_ in parents.items():
        table.set_dashed(parent.to_wire() or b"", open_=open_)
    ask = Asker(responder(plan(table)))
    for written, rtype, chance in questions:
        name = in_some_case(written, chance)
        expected = model.ask(name, rtype)
        assert answered(ask, name, rtype) == normal(expected), f"{name} {rtype}"
        assert told_to_the_chain(table, name, rtype) == normal(expected), f"{name} {rtype}"


def normal(expected: object) -> object:
    """Make a model's answer comparable: what passes all layers is a miss."""
    assert isinstance(expected, tuple)
    word, by_section = expected
    return ("MISS" if word == "PASS" else word), [sorted(lines) for lines in by_section]


def answered(ask: Asker, name: dns.name.Name, rtype: str) -> object:
    """Ask the responder; EDNS and its absence must not change the answer."""
    plain = ask.message(f"{name} {rtype}", use_edns=False, id=chance_id(name))
    with_edns = ask.message(f"{name} {rtype}", use_edns=0, payload=4096, id=chance_id(name))
    if isinstance(plain, str) or isinstance(with_edns, str):
        assert plain == with_edns
        return plain, [[], [], []]
    assert sections(plain) == sections(with_edns)
    return dns.rcode.to_text(plain.rcode()), sections(plain)


def told_to_the_chain(table: PythonTable, name: dns.name.Name, rtype: str) -> object:
    """Ask the table as the plugin chain does."""
    query = parse(make_query(f"{name} {rtype}", use_edns=False).to_wire())
    assert isinstance(query, Query)
    found = table.respond(query)
    if isinstance(found, Outcome):
        return "MISS", [[], [], []]
    message = dns.message.from_wire(found)
    return dns.rcode.to_text(message.rcode()), sections(message)


def chance_id(name: dns.name.Name) -> int:
    """Return an id that goes with a name."""
    return hash(name) & 0xFFFF
