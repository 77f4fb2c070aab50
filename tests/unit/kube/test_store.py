"""Stores: what handlers are told, and what they never see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podname.kube.events import Apply, Delete, Init, InitApply, InitDone, StoreWriter
from podname.kube.objects import Pod
from podname.kube.store import Change, Store

DEFAULT = "default"


def pod(name: str, address: str = "10.0.0.1") -> Pod:
    return Pod.of(DEFAULT, name, (address,), "Running")


class Mirror:
    """A handler that keeps what it was told, and checks that it makes sense."""

    def __init__(self, store: Store[Pod]) -> None:
        self.store = store
        self.objects: dict[str, Pod] = {}
        self.calls = self.differences = 0

    def replaced(self, objects: Mapping[str, Pod]) -> None:
        self.calls += 1
        self.objects = dict(objects)

    def changed(self, changes: Sequence[Change[Pod]]) -> None:
        self.calls += 1
        keys = [(old or new).key for old, new in changes]  # type: ignore[union-attr]
        assert len(set(keys)) == len(keys) > 0
        for old, new in changes:
            self.differences += 1
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
    store.follow(mirror)
    store.put(pod("b"))
    store.put(pod("b"))  # as it is: nobody is told
    store.put(pod("a", "10.0.0.2"))
    store.remove("default/b")
    store.remove("default/nothing")
    assert mirror.objects == store.objects == {"default/a": pod("a", "10.0.0.2")}
    assert mirror.calls == 4


def test_a_handler_that_comes_before_the_sync_waits_for_it(store: Store[Pod]) -> None:
    mirror = Mirror(store)
    store.follow(mirror)
    assert mirror.calls == 0
    store.replace([pod("a")])
    assert (mirror.calls, mirror.objects) == (1, {"default/a": pod("a")})
    store.forget(mirror)
    store.put(pod("b"))
    assert mirror.calls == 1


def test_a_handlers_defect_costs_nobody_else(
    store: Store[Pod], caplog: pytest.LogCaptureFixture
) -> None:
    class Defect(Mirror):
        def changed(self, changes: Sequence[Change[Pod]]) -> None:
            raise RuntimeError("defect")

        def replaced(self, objects: Mapping[str, Pod]) -> None:
            raise RuntimeError("defect")

    mirror = Mirror(store)
    store.follow(Defect(store))
    store.follow(mirror)
    store.replace([pod("a")])
    store.put(pod("b"))
    assert mirror.objects == store.objects
    assert caplog.text.count("a handler failed") == 2


CONTENTS = st.dictionaries(st.sampled_from("abcd"), st.sampled_from(["10.0.0.1", "10.0.0.2"]))


@given(st.lists(CONTENTS, min_size=1, max_size=5))
def test_replacing_tells_exactly_what_differs(contents: list[dict[str, str]]) -> None:
    store: Store[Pod] = Store()
    mirror = Mirror(store)
    store.follow(mirror)
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
    st.builds(
        lambda name, address: Apply(f"default/{name}", 1, pod(name, address)),
        st.sampled_from("abc"),
        st.sampled_from(["10.0.0.1", "10.0.0.2"]),
    ),
    st.builds(lambda name: Delete(f"default/{name}", 1), st.sampled_from("abc")),
    st.builds(Init),
)


@given(CONTENTS, st.lists(STEPS, max_size=12))
def test_a_list_is_published_whole_or_not_at_all(
    content: dict[str, str], steps: list[object]
) -> None:
    store: Store[Pod] = Store()
    store.replace(pod(name, address) for name, address in content.items())
    published = dict(store.objects)
    mirror, writer = Mirror(store), StoreWriter(store)
    store.follow(mirror)
    writer.write(Init())
    expected: dict[str, Pod] = {}
    for step in steps:
        writer.write(step)  # type: ignore[arg-type]
        if isinstance(step, Init):
            expected = {}
        elif isinstance(step, Delete):
            expected.pop(step.key, None)
        elif isinstance(step, Apply):
            expected[step.key] = step.object
        assert store.objects == mirror.objects == published
    for _ in writer.write(InitDone(5)) or ():
        assert store.objects == mirror.objects == published
    assert store.objects == mirror.objects == expected


def test_listing_what_is_known_keeps_no_second_copy(store: Store[Pod]) -> None:
    store.replace([pod("a"), pod("b")])
    kept = store.objects["default/a"]
    writer = StoreWriter(store)
    writer.write(Init())
    writer.write(InitApply("default/a", 1, pod("a")))
    writer.write(InitApply("default/b", 1, pod("b", "10.0.0.9")))
    for _ in writer.write(InitDone(1)) or ():
        pass
    assert store.objects["default/b"] == pod("b", "10.0.0.9")
    assert store.objects["default/a"] is kept
