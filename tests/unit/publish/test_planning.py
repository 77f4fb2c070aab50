"""The pure function: tables."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from podname.publish.choosing import choose
from podname.publish.objects import IPV4, IPV6, Slice
from podname.publish.planning import plan
from tests.unit.publish.making import Slices, named, pod, pods, ports, service


def test_one_pod_is_one_slice() -> None:
    slices = Slices()
    made = slices.follow(service(), [pod("web-0", "10.0.0.1")])
    (write,) = made.writes
    assert (write.namespace, write.name, write.before) == ("default", "web-podname-ipv4-0", None)
    assert (write.content.service, write.content.owner) == ("web", "u-web")
    (endpoint,) = write.content.endpoints
    assert (endpoint.hostname, endpoint.addresses) == ("web-0", ("10.0.0.1",))
    assert made.endpoints == 1


def test_both_families_are_a_slice_each() -> None:
    slices = Slices()
    slices.follow(service(), [pod("web-0", "10.0.0.1", "2001:db8::1")])
    assert sorted(slices.all) == ["web-podname-ipv4-0", "web-podname-ipv6-0"]
    slices.follow(service(families=(IPV6,)), [pod("web-0", "10.0.0.1", "2001:db8::1")])
    assert sorted(slices.all) == ["web-podname-ipv6-0"]


def test_nothing_is_written_twice() -> None:
    slices = Slices()
    slices.follow(service(), pods(range(250)))
    assert slices.sizes == [100, 100, 50]
    assert slices.follow(service(), reversed(pods(range(250)))).writes == ()
    assert slices.writes == 3


def test_one_pod_that_changes_is_one_write() -> None:
    slices = Slices()
    slices.follow(service(), pods(range(250)))
    changed = pods(range(250))
    changed[120] = msgspec.structs.replace(changed[120], is_ready=False)
    made = slices.follow(service(), changed)
    assert len(made.writes) == 1
    assert not made.deletes


def test_holes_are_filled_before_a_slice_is_begun() -> None:
    slices = Slices()
    slices.follow(service(), pods(range(200)))
    slices.follow(service(), pods([*range(50), *range(100, 200)]))
    assert slices.sizes == [50, 100]
    made = slices.follow(service(), pods([*range(50), *range(100, 260)]))
    assert slices.sizes == [100, 100, 10]
    assert [write.name for write in made.writes] == ["web-podname-ipv4-0", "web-podname-ipv4-2"]


def test_newcomers_go_where_something_is_written_anyway() -> None:
    slices = Slices()
    slices.follow(service(), pods(range(150)))
    made = slices.follow(service(), pods([*range(1, 150), 300]))
    assert len(made.writes) == 1  # pod 0's slice, although the other one is half empty
    assert slices.sizes == [100, 50]


def test_newcomers_go_where_they_fill_a_hole_best() -> None:
    slices = Slices()
    slices.follow(service(), pods(range(300)))
    homes = slices.homes
    for slice_name, count in (("web-podname-ipv4-0", 30), ("web-podname-ipv4-1", 5)):
        leaving = [name for (_, name), home in homes.items() if home == slice_name][:count]
        for name in leaving:
            del homes[IPV4, name]
        slices.follow(service(), [each for each in pods(range(300)) if (IPV4, each.name) in homes])
    assert slices.sizes == [70, 95, 100]
    stay = [each for each in pods(range(300)) if (IPV4, each.name) in homes]
    made = slices.follow(service(), stay + pods(range(400, 404)))
    assert [write.name for write in made.writes] == ["web-podname-ipv4-1"]


def test_an_empty_slice_is_deleted_and_its_number_used_again() -> None:
    slices = Slices()
    slices.follow(service(), pods(range(200)))
    first = [name for (_, name), home in slices.homes.items() if home.endswith("-0")]
    rest = [each for each in pods(range(200)) if each.name not in first]
    made = slices.follow(service(), rest)
    assert [each.name for each in made.deletes] == ["web-podname-ipv4-0"]
    slices.follow(service(), rest + pods(range(300, 310)))
    assert sorted(slices.all) == ["web-podname-ipv4-0", "web-podname-ipv4-1"]


def test_a_pod_that_comes_back_under_its_name_is_another_one() -> None:
    slices = Slices()
    slices.follow(service(), [pod("web-0", "10.0.0.1", uid="a")])
    made = slices.follow(service(), [pod("web-0", "10.0.0.2", uid="b")])
    (write,) = made.writes
    assert [each.uid for each in write.content.endpoints] == ["b"]
    assert not made.deletes


def test_other_ports_change_slices_in_place() -> None:
    slices = Slices()
    before = service(ports=ports(epmd=4369))
    slices.follow(before, pods(range(250)))
    homes = slices.homes
    made = slices.follow(service(ports=ports(epmd=4370)), pods(range(250)))
    assert (len(made.writes), made.deletes) == (3, ())
    assert slices.homes == homes


def test_pods_that_resolve_a_port_otherwise_have_slices_of_their_own() -> None:
    slices = Slices()
    wanted = service(ports=ports(dist="dist"))
    old, new = named(dist=9100), named(dist=9200)
    slices.follow(wanted, pods(range(3), ports=old))
    slices.follow(wanted, [*pods(range(2), ports=old), *pods([7, 8], ports=new)])
    assert slices.sizes == [2, 2]
    assert [each.content.ports[0].number for _, each in sorted(slices.all.items())] == [9100, 9200]
    made = slices.follow(wanted, pods([7, 8], ports=new))
    assert [each.name for each in made.deletes] == ["web-podname-ipv4-0"]


def test_a_slice_that_is_joined_is_written_before_the_one_that_is_left() -> None:
    slices = Slices()
    wanted = service(ports=ports(dist="dist"))
    slices.follow(wanted, [*pods([1, 2, 3], ports=named(dist=1))])
    slices.follow(wanted, [*pods([1, 2, 3], ports=named(dist=1)), *pods([4], ports=named(dist=2))])
    moved = [*pods([1], ports=named(dist=1)), *pods([2, 3, 4], ports=named(dist=2))]
    made = slices.follow(wanted, moved)
    assert [write.name for write in made.writes] == ["web-podname-ipv4-1", "web-podname-ipv4-0"]


@pytest.mark.parametrize(
    "after",
    [
        None,
        service(None),
        service(selects=True),
        service(is_headless=False),
        service(type="ExternalName", is_headless=False),
    ],
    ids=["no service", "no annotation", "a selector", "not headless", "external"],
)
def test_a_service_that_asks_no_more_loses_its_slices(after: Any) -> None:
    slices = Slices()
    slices.follow(service(), pods(range(150)))
    made = slices.follow(after, pods(range(150)))
    assert made.writes == ()
    assert slices.all == {}


def test_a_typing_error_keeps_the_pods_that_live_and_adds_none() -> None:
    slices = Slices()
    slices.follow(service(), pods(range(5)))
    alive = [*pods([1, 2], is_ready=False), *pods([3, 9])]
    slices.follow(service("app=web,"), alive)
    assert sorted(name for _, name in slices.homes) == ["web-001", "web-002", "web-003"]
    (only,) = slices.all.values()
    assert [each.ready for each in only.content.endpoints] == [False, False, True]
    assert Slices().follow(service("app=web,"), alive).writes == ()


def test_pods_whose_names_are_no_labels_are_published_and_told() -> None:
    long, dotted = pod("a" * 64, "10.0.0.1"), pod("a.b", "10.0.0.2")
    made = Slices().follow(service(), [long, dotted, pod("b", "10.0.0.3"), pod("c.d")])
    (write,) = made.writes
    assert [each.hostname for each in write.content.endpoints] == ["", "", "b"]
    assert made.nameless == ("a.b", "a" * 64) or made.nameless == ("a" * 64, "a.b")
    assert made.endpoints == 3


def _foreign(ours: Slice, **changes: Any) -> Slice:
    return msgspec.structs.replace(ours, is_ours=False, **changes)


@pytest.mark.parametrize("asks", [service(), service(None), None])
def test_what_is_not_ours_is_not_touched(asks: Any) -> None:
    slices = Slices()
    slices.follow(service(), pods(range(3)))
    foreign = [_foreign(each, name="theirs") for each in slices.all.values()]
    made = plan(choose(asks), pods(range(9)), foreign)
    assert made.deletes == ()
    assert all(write.before is None and write.name != "theirs" for write in made.writes)


@pytest.mark.parametrize(
    "changes", [{"is_labelled": False}, {"owners": ()}, {"owners": ("u-before",)}]
)
def test_what_others_took_away_is_given_back(changes: dict[str, Any]) -> None:
    slices = Slices()
    slices.follow(service(), pods(range(3)))
    (before,) = slices.all.values()
    slices.all[before.name] = msgspec.structs.replace(before, **changes)
    slices.follow(service(), pods(range(3)))
    (after,) = slices.all.values()
    assert (after.content, after.owners, after.is_labelled) == (before.content, ("u-web",), True)


def test_what_others_added_is_no_reason_to_write() -> None:
    slices = Slices()
    slices.follow(service(), pods(range(3)))
    (before,) = slices.all.values()
    slices.all[before.name] = msgspec.structs.replace(before, owners=("other", "u-web"))
    assert slices.follow(service(), pods(range(3))).writes == ()


def test_an_endpoint_in_two_slices_stays_in_one() -> None:
    slices = Slices()
    slices.follow(service(), pods(range(3)))
    (first,) = slices.all.values()
    twin = msgspec.structs.replace(first, name="web-podname-ipv4-1", uid="u-twin")
    slices.all[twin.name] = twin
    slices.follow(service(), pods(range(3)))
    assert slices.sizes == [3]


def test_a_slice_that_somebody_filled_too_much_is_split() -> None:
    slices = Slices()
    slices.follow(service(), pods(range(200)))
    first, second = sorted(slices.all.values(), key=lambda each: each.name)
    both = first.content.endpoints + second.content.endpoints
    content = msgspec.structs.replace(first.content, endpoints=both)
    slices.all = {first.name: msgspec.structs.replace(first, content=content)}
    slices.follow(service(), pods(range(200)))
    assert slices.sizes == [100, 100]


def test_a_slice_of_a_strange_family_goes() -> None:
    slices = Slices()
    slices.follow(service(), pods(range(2)))
    (mine,) = slices.all.values()
    content = msgspec.structs.replace(mine.content, family="FQDN")
    slices.all["odd"] = msgspec.structs.replace(mine, name="odd", content=content)
    made = slices.follow(service(), pods(range(2)))
    assert [each.name for each in made.deletes] == ["odd"]
    assert made.writes == ()
