"""A list is one change: an owner that exists before and after goes directly from its old answers to its new ones."""

from __future__ import annotations

import contextlib
import itertools
import sys
import threading
import time
from collections.abc import Iterator
from functools import lru_cache
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podname.kube.objects import EndpointSlice, Namespace, Pod, Service
from podname.names import endpoints
from podname.names.changes import OWNERS_PER_WRITE
from podname.names.options import ZoneOptions
from tests.support.engines import KINDS
from tests.unit.names.cluster import Cluster, endpoint_slice, options, pod, service, show
from tests.unit.names.test_following import all_options, objects

Answers = dict[int, list[str]]  # by type, as text in order
TYPES = (0, 1, 2, 5, 12, 16, 28, 33)
LISTED: list[type] = [Namespace, Service, EndpointSlice, Pod]


def answers(cluster: Cluster, owner: bytes) -> Answers:
    """Return what the engine has at a name."""
    found = {rtype: cluster.table.get(owner, rtype) for rtype in TYPES}
    return {
        rtype: _shown(owner, made) if rtype else []
        for rtype, made in found.items()
        if made is not None
    }


@lru_cache(maxsize=10_000)  # most answers are looked at after each write
def _shown(owner: bytes, made: bytes) -> list[str]:
    return sorted(show(owner, made))


def owners(*clusters: Cluster) -> set[bytes]:
    return {owner for cluster in clusters for owner, _ in cluster.table.content}


@contextlib.contextmanager
def small_steps() -> Iterator[None]:
    """Let a few objects be as much work as thousands."""
    with (
        mock.patch("podname.names.changes.OWNERS_PER_WRITE", 1),
        mock.patch("podname.names.service_names._LABELS_PER_STEP", 1),
        mock.patch("podname.names.slices.SLICES_SCANNED_MAX", 1),
        mock.patch("podname.names.slices._ENDPOINTS_PER_PART", 1),
    ):
        yield


class Relisted:
    """A cluster of which one kind is listed anew, compared with both states after every write."""

    def __init__(
        self, chosen: ZoneOptions, first: list[Any], second: list[Any], kind: type, engine: str
    ) -> None:
        self.followed = Cluster(chosen, engine).load(*first)
        self.before = Cluster(chosen, engine).load(*first)
        self.listed = [obj for obj in second if isinstance(obj, kind)]
        rest = [obj for obj in first if not isinstance(obj, kind)]
        self.after = Cluster(chosen, engine).load(*rest, *self.listed)
        self.store = self.followed._store_of(kind)
        self.known = {
            owner: (answers(self.before, owner), answers(self.after, owner))
            for owner in owners(self.before, self.after)
        }
        self.looks = 0

    def run(self) -> None:
        self.followed.table.after_write = self._look
        self.store.replace(self.listed)
        for owner, (_, after) in self.known.items():
            assert answers(self.followed, owner) == after
        assert self.followed.table.dashed == self.after.table.dashed

    def _look(self) -> None:
        self.looks += 1
        for owner, states in self.known.items():
            assert answers(self.followed, owner) in states, owner
            if all(each.table.exists(owner) for each in (self.before, self.after)):
                assert self.followed.table.exists(owner)


@pytest.mark.parametrize("engine", KINDS)
@settings(max_examples=60)
@given(
    all_options,
    st.lists(objects, max_size=12),
    st.lists(objects, max_size=12),
    st.sampled_from(LISTED),
)
def test_between_two_states_there_is_no_third(
    engine: str, chosen: ZoneOptions, first: list[Any], second: list[Any], kind: type
) -> None:
    """Each write is looked at, and each is as small as can be."""
    with small_steps():
        Relisted(chosen, first, second, kind, engine).run()


def headless(endpoints: int, prefix: str, per_slice: int = 100, shift: int = 0) -> list[Any]:
    """Return a headless Service of so many endpoints in slices of these names."""
    texts = [f"10.1.{i >> 8}.{i & 255} pod=p{i}" for i in range(endpoints)]
    texts = texts[shift:] + texts[:shift]
    starts = range(0, endpoints, per_slice)
    return [endpoint_slice(f"{prefix}{at}", "web", *texts[at : at + per_slice]) for at in starts]


@pytest.mark.parametrize("engine", KINDS)
@pytest.mark.parametrize("second", ["of other names", "moved"])
def test_issue_9_a_relist_denies_no_endpoint(engine: str, second: str) -> None:
    """600 endpoints of one headless Service, listed in slices of other names or moved between slices."""
    first = headless(600, "a")
    after = headless(600, "b") if second == "of other names" else headless(600, "a", shift=50)
    web, space = service("web"), Namespace("default")
    relisted = Relisted(
        options(pod_names=True), [space, web, *first], [space, web, *after], EndpointSlice, engine
    )
    relisted.run()
    assert relisted.looks > 5


def test_issue_9_pods_that_are_listed_with_other_addresses_are_never_denied() -> None:
    first = [Namespace("default"), *(pod(f"p{i}", f"10.0.{i >> 8}.{i & 255}") for i in range(300))]
    second = [pod(f"p{i}", f"10.0.{(i + 1) >> 8}.{(i + 1) & 255}") for i in range(300)]
    for mode in ("verified", "insecure"):
        relisted = Relisted(options(pod_names=True, pods=mode), first, second, Pod, "python")
        relisted.run()
        assert relisted.looks > 3


# ----------------------------------------------------------- asked meanwhile


class Asking:
    """Another thread that asks for names all the while, and says which answers are those of neither state."""

    def __init__(self, relisted: Relisted) -> None:
        self.relisted = relisted
        self.asked = 0
        self.wrong: list[object] = []
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._ask)

    def __enter__(self) -> Asking:
        self._thread.start()
        while not self.asked:  # or it might begin when all is over
            time.sleep(0)
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _ask(self) -> None:
        relisted, table = self.relisted, self.relisted.followed.table
        both = [(owner, *states) for owner, states in relisted.known.items() if all(states)]
        while not self._is_over.is_set():
            for owner, before, after in both:
                for rtype in before.keys() & after.keys() - {0}:
                    made = table.get(owner, rtype)
                    shown = None if made is None else _shown(owner, made)
                    if shown not in (before[rtype], after[rtype]):
                        self.wrong.append((owner, rtype, shown))
            self.asked += len(both)


@pytest.mark.parametrize("engine", KINDS)
def test_who_asks_meanwhile_gets_one_of_two_states(engine: str) -> None:
    space, web = Namespace("default"), service("web")
    first, second = headless(1000, "a"), headless(1000, "b", shift=70)
    relisted = Relisted(
        options(pod_names=True), [space, web, *first], [space, web, *second], EndpointSlice, engine
    )
    store = relisted.store
    with Asking(relisted) as asking:
        for listed in (relisted.listed, first, relisted.listed):
            store.replace(listed)
    assert asking.asked
    assert asking.wrong == []


# ------------------------------------------------------------------ its cost


def _large(endpoints: int) -> tuple[Cluster, list[EndpointSlice]]:
    slices = headless(endpoints, "a")
    cluster = Cluster(options(pod_names=True)).load(Namespace("default"), service("web"), *slices)
    cluster.compiler.services._monotonic = lambda: 0.0
    return cluster, slices


def _calls_of_an_event(endpoints: int) -> tuple[int, int]:
    """Count the names made, and the functions called, by an event that comes soon after another one."""
    cluster, _ = _large(endpoints)
    texts = [f"10.1.0.{i} pod=p{i}" for i in range(100)]
    cluster.put(endpoint_slice("a0", "web", *texts[:99]))
    made, calls = cluster.compiler.changes.made, 0

    def count(*_: object) -> None:
        nonlocal calls
        calls += 1

    sys.setprofile(count)
    try:
        cluster.put(endpoint_slice("a0", "web", *texts))
    finally:
        sys.setprofile(None)
    return cluster.compiler.changes.made - made, calls


def test_an_event_costs_the_same_in_a_large_service() -> None:
    (few_made, few), (many_made, many) = _calls_of_an_event(1000), _calls_of_an_event(5000)
    assert few_made == many_made < 10
    assert many < 1.2 * few  # what the number of slices costs, and caches


def test_the_own_names_of_a_large_service_are_made_now_and_then() -> None:
    cluster, _ = _large(1000)
    now = time.monotonic() + 100.0
    cluster.compiler.services._monotonic = lambda: now
    texts = [f"10.1.0.{i} pod=p{i}" for i in range(100)]
    name = "web.default.svc.cluster.local."

    def addresses() -> int:
        return sum(line.startswith("A ") for line in cluster.records(name))

    cluster.put(endpoint_slice("a0", "web", *texts[:99]))
    assert addresses() == 999  # nothing was made a moment ago
    cluster.put(endpoint_slice("a0", "web", *texts[:98]))
    assert (
        cluster.records("p98.web.default.svc.cluster.local.") == []
    )  # an endpoint's does not wait
    assert addresses() == 999
    later = cluster.compiler.later_seconds
    assert later is not None
    assert 0 < later <= 1
    now += later
    assert list(cluster.compiler.work())
    assert addresses() == 998
    assert cluster.compiler.later_seconds is None
    cluster.put(endpoint_slice("a0", "web", *texts[:97]))
    cluster.remove(service("web"))
    assert addresses() == 0  # what goes away does not wait


def test_no_step_is_long() -> None:
    """Thousands of endpoints and pods are listed anew; a step writes a hundred owners, or few more."""
    cluster, _ = _large(3000)
    work = cluster.compiler
    work._on_work = lambda: None
    cluster.slices.replace(headless(3000, "b"))
    cluster.pods.replace([pod(f"p{i}", f"10.1.{i >> 8}.{i & 255}") for i in range(3000)])
    written, made = [0], cluster.compiler.changes.made
    steps = 0
    for _ in work.work():
        steps += 1
        written.append(cluster.compiler.changes.made - made)
    assert steps > 3000
    most = max(after - before for before, after in itertools.pairwise(written))
    assert 0 < most <= 3 * OWNERS_PER_WRITE
    assert not work.is_busy


def test_a_slice_of_a_thousand_endpoints_is_followed_in_parts() -> None:
    """What one endpoint costs does not grow with its slice, and no step looks at all of it."""
    texts = [f"10.1.{i >> 8}.{i & 255} pod=p{i}" for i in range(1000)]
    cluster = Cluster(options(pod_names=True)).load(
        Namespace("default"), service("web"), endpoint_slice("a", "web", *texts)
    )
    cluster.compiler.services._monotonic = lambda: time.monotonic() + 100.0
    made = cluster.compiler.changes.made
    names = mock.Mock(side_effect=endpoints.names_in)
    with mock.patch("podname.names.slices.names_in", names):
        cluster.put(endpoint_slice("a", "web", *texts[:-1]))
    assert cluster.compiler.changes.made - made <= 10
    looked_at = [len(call.args[0].packed.split("\n")) for call in names.call_args_list]
    assert 0 < sum(looked_at) < 500
    assert cluster.records("p999.web.default.svc.cluster.local.") == []
    assert cluster.records("p998.web.default.svc.cluster.local.") == ["A 10.1.3.230"]
    whole = Cluster(options(pod_names=True)).load(
        Namespace("default"), service("web"), endpoint_slice("a", "web", *texts[:-1])
    )
    for owner in owners(whole, cluster):
        assert answers(cluster, owner) == answers(whole, owner)


def test_what_comes_meanwhile_waits_in_order() -> None:
    cluster, slices = _large(600)
    compiler = cluster.compiler
    compiler._on_work = lambda: None
    cluster.slices.replace(headless(600, "b"))
    steps = compiler.work()
    next(steps)
    for number in range(50):
        cluster.put(pod("p", f"10.9.0.{number}"))
        cluster.remove(service("web"))
        cluster.put(service("web"))
    assert compiler.is_busy
    assert sum(len(list(changes)) for changes in compiler._waiting.take().values()) <= 2
    cluster.put(pod("p", "10.9.1.1"))
    for _ in steps:
        pass
    assert not compiler.is_busy
    assert len(slices) == 6
