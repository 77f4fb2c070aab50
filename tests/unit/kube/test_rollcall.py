"""Which known keys a list does not name."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from podname.kube.rollcall import RollCall

KEYS = st.text("ab/-", min_size=1, max_size=3)


@given(st.sets(KEYS), st.lists(st.tuples(KEYS, st.booleans())))
def test_it_is_a_set_of_those_who_were_not_seen(
    known: set[str], calls: list[tuple[str, bool]]
) -> None:
    called, absent = RollCall(known), set(known)
    for key, is_seen in calls:
        if is_seen:
            called.see(key)
            absent.discard(key)
        else:
            called.miss(key)
            absent |= {key} & known
    assert called.absent() == sorted(absent)
