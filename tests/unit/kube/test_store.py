"""Stores: what handlers are told, and what they never see."""

from __future__ import annotations

from collections.abc import Collection

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podname.kube.objects import Pod
from podname.kube.store import Change, Replacement, Store

DEFAULT = "default"


def pod(name: str, address: str = "10.0.0.1") -> Pod:
    return Pod.of(DEFAULT, name, (address,), "Running")


class Mirror:
    """A handler that keeps what it was told, and checks that it makes sense."""

    def __init__(self, store: Store[Pod]) -> None:
        self.store = store
        self.objects: dict[str, Pod] = {}
        self.calls = self.differences = 0

    def on_change(self, changes: Collection[Change[Pod]], is_initial_list: bool) -> None:
        self.calls += 1
        keys = [(old or new).key for old, new in changes]  # type: ignore[union-attr]
        assert len(set(keys)) == len(keys) == len(changes)
        assert keys or is_initial_list
        assert not (is_initial_list and self.objects)
        for old, new in changes:
            self.differences += not is_initial_list
            self._follow(old, new)

    def _follow(self, old: Pod | None, new: Pod | None) -> None:
        assert old != new
        key = (old or new).key  # type: ignore[union-attr]
        assert old is None or new is None or old.key == new.key
        assert self.objects.get(key) == old
        if new is None:
            del self.objects[key]
        else:
            self.objects[key] = new


@pytest.fixture
def store() -> Store[Pod]:
    return Store()


def test_changes_are_told_one_by_one(store: Store[Pod]) -> None:
    store.replace([pod("a")])
    mirror = Mirror(store)
    store.add_event_handler(mirror.on_change)
    store.update(pod("b"))
    store.update(pod("b"))  # as it is: nobody is told
    store.update(pod("a", "10.0.0.2"))
    store.delete("default/b")
    store.delete("default/nothing")
    assert mirror.objects == store.objects == {"default/a": pod("a", "10.0.0.2")}
    assert mirror.calls == 4


def test_a_handler_that_comes_before_the_sync_waits_for_it(store: Store[Pod]) -> None:
    mirror = Mirror(store)
    store.add_event_handler(mirror.on_change)
    assert mirror.calls == 0
    store.replace([pod("a")])
    assert (mirror.calls, mirror.objects) == (1, {"default/a": pod("a")})
    store.remove_event_handler(mirror.on_change)
    store.update(pod("b"))
    assert mirror.calls == 1


def test_a_handlers_defect_costs_nobody_else(
    store: Store[Pod], caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: object, __: bool) -> None:
        raise RuntimeError("defect")

    mirror = Mirror(store)
    store.add_event_handler(fail)
    store.add_event_handler(mirror.on_change)
    store.replace([pod("a")])
    store.update(pod("b"))
    assert mirror.objects == store.objects
    assert caplog.text.count("a handler failed") == 2


CONTENTS = st.dictionaries(st.sampled_from("abcd"), st.sampled_from(["10.0.0.1", "10.0.0.2"]))


@given(st.lists(CONTENTS, min_size=1, max_size=5))
def test_replacing_tells_exactly_what_differs(contents: list[dict[str, str]]) -> None:
    store: Store[Pod] = Store()
    mirror = Mirror(store)
    store.add_event_handler(mirror.on_change)
    before: dict[str, Pod] = {}
    for number, content in enumerate(contents):
        calls, told = mirror.calls, mirror.differences
        store.replace(pod(name, address) for name, address in content.items())
        after = {f"default/{name}": pod(name, address) for name, address in content.items()}
        assert mirror.objects == store.objects == after
        differs = sum(before.get(key) != after.get(key) for key in before.keys() | after.keys())
        assert mirror.calls - calls == (bool(differs) if number else 1)
        assert mirror.differences - told == (differs if number else 0)
        before = after


STEPS = st.one_of(
    st.builds(pod, st.sampled_from("abc"), st.sampled_from(["10.0.0.1", "10.0.0.2"])),
    st.sampled_from(["default/a", "default/b", "default/c"]),  # is deleted
    st.none(),  # the list breaks off, and begins anew
)


@given(CONTENTS, st.lists(STEPS, max_size=12))
def test_a_list_is_published_whole_or_not_at_all(
    content: dict[str, str], steps: list[Pod | str | None]
) -> None:
    store: Store[Pod] = Store()
    store.replace(pod(name, address) for name, address in content.items())
    published = dict(store.objects)
    mirror, listed = Mirror(store), Replacement(store)
    store.add_event_handler(mirror.on_change)
    expected: dict[str, Pod] = {}
    for step in steps:
        if step is None:
            listed, expected = Replacement(store), {}
        elif isinstance(step, str):
            listed.delete(step)
            expected.pop(step, None)
        else:
            listed.update(step)
            expected[step.key] = step
        assert store.objects == mirror.objects == published
    for _ in listed.publish():
        assert store.objects == mirror.objects == published
    assert store.objects == mirror.objects == expected


def test_listing_what_is_known_keeps_no_second_copy(store: Store[Pod]) -> None:
    store.replace([pod("a"), pod("b")])
    kept = store.objects["default/a"]
    listed = Replacement(store)
    listed.update(pod("a"))
    listed.update(pod("b", "10.0.0.9"))
    for _ in listed.publish():
        pass
    assert store.objects["default/b"] == pod("b", "10.0.0.9")
    assert store.objects["default/a"] is kept


def test_an_empty_first_list_is_told_too(store: Store[Pod]) -> None:
    told: list[tuple[list[Change[Pod]], bool]] = []
    store.add_event_handler(lambda changes, is_initial: told.append((list(changes), is_initial)))
    store.replace([])
    store.replace([])
    assert told == [([], True)]
