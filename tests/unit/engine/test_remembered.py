"""Answers that are kept for the same question: never older than the last change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podname.dns import constants as c
from podname.dns import names
from podname.dns.records import answer
from podname.engine import counters
from podname.engine.base import Plan
from podname.engine.counters import Counters
from podname.engine.reference import PythonTable
from podname.engine.reference import responder as module
from tests.support.tables import OPTIONS, Asker, Somebody, make_query, plan, responder, table

#: The native engine remembers nothing: it is not worth it there.
pytestmark = pytest.mark.parametrize("engine", ["python"], indirect=True)


X = names.from_text("x.cluster.local")
TWO = answer(c.A, 5, [bytes((10, 0, 0, 2))])


def remembered(ask: Asker) -> int:
    return len(ask.responder._remembered)


@pytest.mark.parametrize("question", ["x A", "nobody A", "x TXT", "@ SOA"])
def test_the_same_question_is_answered_the_same_but_for_its_id(question: str) -> None:
    ask = Asker(responder(plan(table("x A 10.0.0.1"))))
    first = [make_query(question, id=number).to_wire() for number in (1, 2)]
    one, two = (ask.responder.respond(packet, Somebody()) for packet in first)
    assert isinstance(one, bytes)
    assert isinstance(two, bytes)
    assert (one[2:], two[:2]) == (two[2:], b"\x00\x02")
    assert remembered(ask) == 1


CHANGES: list[tuple[str, Callable[[PythonTable], object], str]] = [
    ("x A", lambda held: held.update([(X, c.A, TWO)]), "10.0.0.2"),
    ("x A", lambda held: held.update([(X, c.A, None)]), "NXDOMAIN"),
    ("x A", lambda held: held.replace([(X, c.A, TWO)]), "10.0.0.2"),
    ("nobody A", lambda held: held.set_serial(99), " 99 "),
    ("nobody A", lambda held: setattr(held, "synced", False), "SERVFAIL"),
    ("1-2-3-4 A", lambda held: held.set_dashed(OPTIONS.zones[0].origin, open_=True), "1.2.3.4"),
]


@pytest.mark.parametrize(("question", "change", "after"), CHANGES)
def test_every_change_forgets(
    question: str, change: Callable[[PythonTable], object], after: str
) -> None:
    held = table("x A 10.0.0.1")
    ask = Asker(responder(plan(table("y.other A 10.0.0.9"), zone="other."), plan(held)))
    before = ask(question)
    assert ask(question) == before
    assert after not in "\n".join(before)
    change(held)
    assert after in "\n".join(ask(question))


def test_new_plans_forget_and_the_old_table_is_followed_no_more() -> None:
    old, new = table("x A 10.0.0.1"), table("x A 10.0.0.2")
    ask = Asker(responder(plan(old)))
    ask("x A")
    ask.responder.serve([plan(new)])
    assert ask("x A")[1].endswith("10.0.0.2")
    assert not old.followers
    assert len(new.followers) == 1


def test_what_is_watched_is_not_kept() -> None:
    held = table("y A 10.0.0.1")
    seen: list[object] = []
    ask = Asker(responder(plan(held, observers=(lambda *answer: seen.append(answer),))))
    for _ in range(3):
        ask("y A")
    assert (len(seen), remembered(ask)) == (3, 0)


@pytest.mark.parametrize("question", ["x A", "_p._t.x SRV", "_P._T.X.CLUSTER.local. SRV"])
def test_what_takes_turns_goes_on_taking_them(question: str) -> None:
    text = "\n".join(f"x A 10.0.0.{n}" for n in range(5)) + "\n_p._t.x SRV 0 1 80 x"
    held, counted = table(text), Counters()
    ask = Asker(responder(plan(held, rotate=True, counters=counted)))
    orders = [tuple(ask(question, id=number % 3)) for number in range(240)]
    assert len(set(orders)) == 5
    assert {tuple(sorted(order)) for order in orders} == {tuple(sorted(orders[0]))}
    assert min(orders.count(order) for order in orders) >= 15
    assert remembered(ask) == 1
    assert [*counted.families().counts["responses_total"].values()] == [240]


def test_of_many_turns_none_is_kept() -> None:
    ask = Asker(
        responder(plan(table("\n".join(f"x A 10.0.0.{n}" for n in range(17))), rotate=True))
    )
    assert len({ask("x A")[1] for _ in range(100)}) > 10
    assert remembered(ask) == 0


def test_what_is_remembered_is_counted() -> None:
    counted = Counters()
    ask = Asker(responder(plan(table("x A 10.0.0.1"), counters=counted)))
    for round_ in range(1, 4):
        for _ in range(5):
            ask("x A")
            ask("nobody A")
        responses = counted.families().counts["responses_total"]
        assert sorted(responses.values()) == [5 * round_, 5 * round_]


def test_what_is_remembered_is_counted_when_cells_are_folded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(counters, "_CELLS_MAX", 4)
    counted = Counters()
    ask = Asker(responder(plan(table("x A 10.0.0.1"), counters=counted)))
    asked = 0
    for length in (1, 2, 3, 4, 5, 6, 7):
        for name in ("x", "n" * length):
            for _ in range(3):
                ask(f"{name} A")
                asked += 1
    assert sum(counted.families().counts["requests_total"].values()) == asked


def test_it_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REMEMBERED_OCTETS_MAX", 3000)
    text = "\n".join(f"big A 10.0.{n >> 8}.{n & 255}" for n in range(90))
    ask = Asker(responder(plan(table(text)), protocol="tcp"))
    for number in range(40):
        ask(f"n{number} A")
        assert 0 < remembered(ask) <= 8
    ask.responder.forget()
    ask("big A")  # a large answer is not kept, nor one to a long query
    packet = make_query("x A").to_wire() + bytes(400)
    assert isinstance(ask.responder.respond(packet, Somebody()), bytes)
    assert remembered(ask) == 0


OWNERS = ("x", "y", "a.x", "b.a.x", "_p._t.x")
step = st.one_of(
    st.tuples(st.just("put"), st.sampled_from(OWNERS), st.sampled_from([TWO, None])),
    st.tuples(
        st.just("ask"), st.sampled_from((*OWNERS, "p.t.x", "n")), st.sampled_from(["A", "TXT"])
    ),
)


@settings(max_examples=60)
@given(st.lists(step, max_size=25))
def test_a_responder_that_remembers_answers_as_one_that_does_not(
    steps: list[tuple[str, str, object]],
) -> None:
    held = table("", replace(OPTIONS, optional_underscores=True))
    served = plan(held)
    ask = Asker(responder(served))
    for what, name, value in steps:
        if what == "put":
            owner = names.from_text(f"{name}.cluster.local")
            held.update([(owner, c.A, value)])  # type: ignore[list-item]
            continue
        packet = make_query(f"{name} {value}", id=7).to_wire()
        fresh = responder(served)
        for _ in range(2):
            found = ask.responder.respond(packet, Somebody())
            assert not isinstance(found, Plan)
            assert found == fresh.respond(packet, Somebody())
        fresh.serve(())
