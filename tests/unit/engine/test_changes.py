"""Answers are never older than the last change, take turns, and are all counted."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from podname.dns import constants as c
from podname.dns import names
from podname.dns.records import answer
from podname.engine.counters import Counters
from podname.engine.reference import PythonTable
from tests.support.tables import OPTIONS, Asker, plan, responder, table

X = names.from_text("x.cluster.local")
TWO = answer(c.A, 5, [bytes((10, 0, 0, 2))])


CHANGES: list[tuple[str, Callable[[PythonTable], object], str]] = [
    ("x A", lambda held: held.update([(X, c.A, TWO)]), "10.0.0.2"),
    ("x A", lambda held: held.update([(X, c.A, None)]), "NXDOMAIN"),
    ("x A", lambda held: held.replace([(X, c.A, TWO)]), "10.0.0.2"),
    ("nobody A", lambda held: held.set_serial(99), " 99 "),
    ("nobody A", lambda held: setattr(held, "synced", False), "SERVFAIL"),
    ("1-2-3-4 A", lambda held: held.set_dashed(OPTIONS.zones[0].origin, open_=True), "1.2.3.4"),
]


@pytest.mark.parametrize(("question", "change", "after"), CHANGES)
def test_every_change_shows_in_the_next_answer(
    question: str, change: Callable[[PythonTable], object], after: str
) -> None:
    held = table("x A 10.0.0.1")
    ask = Asker(responder(plan(table("y.other A 10.0.0.9"), zone="other."), plan(held)))
    before = ask(question)
    assert ask(question) == before
    assert after not in "\n".join(before)
    change(held)
    assert after in "\n".join(ask(question))


def test_new_plans_are_served_at_once() -> None:
    ask = Asker(responder(plan(table("x A 10.0.0.1"))))
    ask("x A")
    ask.responder.serve([plan(table("x A 10.0.0.2"))])
    assert ask("x A")[1].endswith("10.0.0.2")


@pytest.mark.parametrize("question", ["x A", "_p._t.x SRV", "_P._T.X.CLUSTER.local. SRV"])
def test_what_takes_turns_goes_on_taking_them(question: str) -> None:
    text = "\n".join(f"x A 10.0.0.{n}" for n in range(5)) + "\n_p._t.x SRV 0 1 80 x"
    counted = Counters()
    ask = Asker(responder(plan(table(text), rotate=True, counters=counted)))
    orders = [tuple(ask(question, id=number % 3)) for number in range(240)]
    assert len(set(orders)) == 5
    assert {tuple(sorted(order)) for order in orders} == {tuple(sorted(orders[0]))}
    assert min(orders.count(order) for order in orders) >= 15
    assert [*counted.families().counts["responses_total"].values()] == [240]


def test_every_answer_is_counted() -> None:
    counted = Counters()
    ask = Asker(responder(plan(table("x A 10.0.0.1"), counters=counted)))
    for round_ in range(1, 4):
        for _ in range(5):
            ask("x A")
            ask("nobody A")
        responses = counted.families().counts["responses_total"]
        assert sorted(responses.values()) == [5 * round_, 5 * round_]
