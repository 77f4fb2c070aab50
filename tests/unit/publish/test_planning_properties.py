"""The pure function, whatever comes: it converges, moves nobody, and writes as little as can be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from podname.publish import placement
from podname.publish.choosing import choose
from podname.publish.endpoints import Group, endpoints_of
from podname.publish.objects import Pod, Slice
from podname.publish.planning import plan
from tests.unit.publish.making import Slices, named, pod, ports, service

WANTED = service(ports=ports(dist="dist"))
NUMBERS = st.integers(0, 40)
FULL = 10


@pytest.fixture(autouse=True, scope="module")
def small_slices() -> Iterator[None]:
    """Ten endpoints fill a slice: small examples meet every case."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(placement, "ENDPOINTS_MAX", FULL)
        yield


@st.composite
def populations(draw: st.DrawFn) -> list[Pod]:
    """Some tens of pods: ranges, so that slices fill; two ports, two families, any readiness."""
    found: dict[int, Pod] = {}
    for _ in range(draw(st.integers(0, 4))):
        first, count = draw(NUMBERS), draw(st.integers(0, 15))
        number = draw(st.sampled_from([1, 1, 1, 2]))
        ready, dual = draw(st.booleans()), draw(st.booleans())
        for each in range(first, first + count):
            addresses = [f"10.1.{each // 250}.{each % 250}", f"fd00::{each + 1:x}"][: 1 + dual]
            made = pod(f"p-{each:04}", *addresses, is_ready=ready, ports=named(dist=number))
            found[each] = made
    return draw(st.permutations(list(found.values())))


histories = st.lists(populations(), min_size=1, max_size=4)


def expected(population: list[Pod]) -> Counter[object]:
    return Counter(pair for each in population for pair in endpoints_of(WANTED, each))


def group_of(each: Slice) -> Group:
    return Group(each.content.family, each.content.ports)


def held(slices: Slices) -> Counter[object]:
    return Counter(
        (group_of(each), endpoint)
        for each in slices.all.values()
        for endpoint in each.content.endpoints
    )


@given(histories)
def test_it_converges_at_once(history: list[list[Pod]]) -> None:
    slices = Slices()
    for population in history:
        slices.follow(WANTED, population)
        assert held(slices) == expected(population)
        assert all(0 < size <= FULL for size in slices.sizes)
        again = plan(choose(WANTED), population[::-1], slices.all.values())
        assert (again.writes, again.deletes) == ((), ())


@given(histories)
def test_nobody_is_moved(history: list[list[Pod]]) -> None:
    slices = Slices()
    before: dict[object, str] = {}
    for population in history:
        slices.follow(WANTED, population)
        after: dict[object, str] = {
            (each.content.family, each.content.ports, endpoint.uid): each.name
            for each in slices.all.values()
            for endpoint in each.content.endpoints
        }
        assert all(before[key] == home for key, home in after.items() if key in before)
        before = after


@given(populations(), populations())
def test_only_what_must_be_is_written(first: list[Pod], second: list[Pod]) -> None:
    slices = Slices()
    slices.follow(WANTED, first)
    known = dict(slices.all)
    made = slices.follow(WANTED, second)
    wanted = expected(second)
    for write in made.writes:
        assert write.before is None or not write.before.says(write.content)
    written = {write.name for write in made.writes}
    for name, each in known.items():
        is_right = all(wanted[group_of(each), end] for end in each.content.endpoints)
        assert is_right or name in written or name not in slices.all


@given(populations(), populations())
def test_a_slice_is_begun_only_when_all_others_are_full(
    first: list[Pod], second: list[Pod]
) -> None:
    slices = Slices()
    slices.follow(WANTED, first)
    made = slices.follow(WANTED, second)
    for begun in (write.name for write in made.writes if write.before is None):
        group = group_of(slices.all[begun])
        others = [
            each for each in slices.all.values() if each.name != begun and group_of(each) == group
        ]
        open_ones = [each for each in others if len(each.content.endpoints) < FULL]
        assert len(open_ones) <= 1, "at most the last of several that were begun together"


@given(populations(), st.data())
def test_a_change_of_k_pods_writes_at_most_as_many_slices(
    population: list[Pod], data: st.DataObject
) -> None:
    slices = Slices()
    slices.follow(WANTED, population)
    changed = (
        data.draw(st.sets(st.sampled_from(range(len(population))), max_size=5))
        if population
        else set()
    )
    after = [
        msgspec.structs.replace(each, is_ready=not each.is_ready) if number in changed else each
        for number, each in enumerate(population)
    ]
    made = slices.follow(WANTED, after)
    families = sum(len(population[number].addresses) for number in changed)
    assert len(made.writes) <= families
    assert not made.deletes


@given(populations(), st.data())
def test_no_name_goes_away_for_a_moment(first: list[Pod], data: st.DataObject) -> None:
    """A rollout changes a port: pods of the old one go over to slices of the new one."""
    old = [msgspec.structs.replace(each, ports=named(dist=1)) for each in first]
    slices = Slices()
    slices.follow(WANTED, old)
    moved = data.draw(st.sets(st.integers(0, max(len(old) - 1, 0))))
    gone = data.draw(st.sets(st.integers(0, max(len(old) - 1, 0))))
    second = [
        msgspec.structs.replace(each, ports=named(dist=2)) if number in moved else each
        for number, each in enumerate(old)
        if number not in gone
    ]
    lasting = set(slices.homes) & {
        (family, each.name) for each in second for family in ("IPv4", "IPv6")
    }
    made = plan(choose(WANTED), second, slices.all.values())
    for write in made.writes:
        slices.apply(write.name, write)
        assert lasting <= set(slices.homes)
    for each in made.deletes:
        del slices.all[each.name]
        assert lasting <= set(slices.homes)
