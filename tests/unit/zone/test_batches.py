"""A list is one change: an owner that exists before and after goes directly from its old answers to its new ones."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import lru_cache
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podname.kube.objects import EndpointSlice, Namespace, Pod, Service
from podname.zone.options import ZoneOptions
from tests.support.engines import KINDS
from tests.unit.zone.cluster import Cluster, endpoint_slice, options, pod, service, show
from tests.unit.zone.test_following import all_options, objects

Answers = dict[int, list[str]]  # by type, as text in order
TYPES = (0, 1, 2, 5, 12, 16, 28, 33)
LISTED: list[type] = [Namespace, Service, EndpointSlice, Pod]


def answers(cluster: Cluster, owner: bytes) -> Answers:
    """Give what the engine has at a name."""
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
        mock.patch("podname.zone.changes.OWNERS_PER_WRITE", 1),
        mock.patch("podname.zone.service_names._LABELS_PER_STEP", 1),
        mock.patch("podname.zone.reverse_names._ADDRESSES_PER_STEP", 1),
        mock.patch("podname.zone.slices.SLICES_SCANNED_MAX", 1),
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
    """Give a headless Service of so many endpoints in slices of these names."""
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
