"""Changes of a table: a sequence of them ends where a replace with the outcome ends, and costs what it changes."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from podname.dns import constants as c
from podname.dns import names
from podname.dns.records import EMPTY_ANSWER, answer
from podname.engine.base import EMPTY_NON_TERMINAL, Change
from podname.engine.reference import PythonTable
from tests.support import engines
from tests.support.tables import OPTIONS, table

OWNERS = [
    names.from_text(f"{name}.cluster.local")
    for name in (
        *("a", "b.a", "c.b.a", "d.c.b.a", "c", "b.c", "a.b.c", "x.y.z.a"),
        *("svc", "default.svc", "web.default.svc", "_tcp.web.default.svc"),
    )
] + [names.from_text("cluster.local"), names.ROOT]
ONE = answer(c.A, 5, [bytes((10, 0, 0, 1))])
TWO = answer(c.A, 5, [bytes((10, 0, 0, 2))])

change = st.tuples(
    st.sampled_from(OWNERS),
    st.sampled_from([EMPTY_NON_TERMINAL, c.A, c.AAAA, c.SRV]),
    st.sampled_from([None, None, ONE, TWO]),
).map(
    lambda one: (
        one[0],
        one[1],
        EMPTY_ANSWER if one[1] == EMPTY_NON_TERMINAL and one[2] else one[2],
    )
)


def state(held: PythonTable) -> object:
    if not isinstance(held, PythonTable):
        types = (EMPTY_NON_TERMINAL, c.A, c.AAAA, c.SRV)
        return [(held.get(owner, qtype), held.exists(owner)) for owner in OWNERS for qtype in types]
    content = held._content
    by_type = {qtype: answers for qtype, answers in content.by_type.items() if answers}
    return by_type, content.held, content.children


@settings(max_examples=200)
@given(st.lists(st.lists(change, max_size=6), max_size=8))
def test_changes_one_by_one_equal_a_replace(batches: list[list[Change]]) -> None:
    changed, final = engines.current().table(OPTIONS), dict[tuple[bytes, int], bytes]()
    for batch in batches:
        changed.update(batch)
        for owner, qtype, ready in batch:
            final[owner, qtype] = ready  # type: ignore[assignment]
    there = [(owner, qtype, ready) for (owner, qtype), ready in final.items() if ready is not None]
    replaced = table("left.over A 10.0.0.9")
    replaced.replace(there)
    assert state(changed) == state(replaced)
    assert len(changed) == len(there)
    owners = {owner for owner, *_ in there}
    for name in OWNERS:
        below = any(names.is_subdomain(owner, name) for owner in owners)
        assert changed.exists(name) == (below or name == OPTIONS.zones[0].origin)


def test_get_gives_what_was_put() -> None:
    held = table("x A 10.0.0.1\ny EMPTY_NON_TERMINAL")
    x, y = (names.from_text(f"{name}.cluster.local") for name in "xy")
    assert held.get(x, c.A) == ONE
    assert held.get(x, c.AAAA) is None
    assert held.get(y, EMPTY_NON_TERMINAL) == EMPTY_ANSWER
    assert held.get(y, c.A) is None
    soa = held.get(OPTIONS.zones[0].origin, c.SOA)
    assert soa is not None
    assert soa[:6] == b"\x00\x01\x00\x00\x00\x00"
    assert len(held) == 2


class _Steps:
    """Counts the lines of Python that run, in the engine alone."""

    def __enter__(self) -> _Steps:
        self.count = 0
        sys.settrace(self._trace)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)

    def _trace(self, frame: FrameType, event: str, _: object) -> Any:
        if "/podname/engine/" not in frame.f_code.co_filename:
            return None
        self.count += event == "line"
        return self._trace


def steps_of_a_change(pods: int) -> list[int]:
    held = engines.current().table(OPTIONS)
    held.update(
        (names.from_text(f"pod-{n}.default.pod.cluster.local"), c.A, ONE) for n in range(pods)
    )
    new, old = (names.from_text(f"{pod}.default.pod.cluster.local") for pod in ("new", "pod-7"))
    counts = []
    for one in (
        (new, c.A, ONE),
        (new, c.A, TWO),
        (new, c.AAAA, TWO),
        (old, c.A, None),
        (new, c.A, None),
    ):
        with _Steps() as steps:
            held.update([one])
        counts.append(steps.count)
    return counts


def test_a_change_costs_the_same_at_a_hundred_pods_and_at_a_hundred_thousand() -> None:
    few = steps_of_a_change(100)
    assert few == steps_of_a_change(100_000)
    assert max(few) < 60
