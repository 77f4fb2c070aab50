"""What is asked of the API server, and that nothing is when somebody else may be writing."""

from __future__ import annotations

import json

import msgspec
import pytest

from podname.errors import KubeError
from podname.publish.planning import Plan
from podname.publish.writing import NotLeading, Writer, Written
from tests.support.requester import Asked, FakeRequester
from tests.unit.publish.making import Slices, pods, service


class Api(FakeRequester):
    """Notes what is asked for and fails with a code, if there is one."""

    def __init__(self, code: int = 0, said: bytes = b"{}") -> None:
        self.code, self.said = code, said
        self.requests: list[tuple[str, str, dict[str, str], dict[str, object]]] = []

    async def answer(self, asked: Asked) -> bytes:
        self.requests.append((asked.method, asked.path, asked.parameters, json.loads(asked.body)))
        if self.code:
            raise KubeError("as asked for", self.code)
        return self.said


def plans() -> tuple[Plan, Plan, Plan]:
    """Return the plans that create, change and delete a slice."""
    slices = Slices()
    return (
        slices.follow(service(), pods([1])),
        slices.follow(service(), pods([1, 2])),
        slices.follow(None, []),
    )


async def test_who_does_not_lead_asks_for_nothing() -> None:
    for plan in plans():
        asked = Api()
        with pytest.raises(NotLeading):
            await Writer(asked, lambda: False).carry_out(plan)
        assert asked.requests == []


async def test_a_new_slice_is_applied_without_force_and_a_known_one_with_its_version() -> None:
    creating, changing, _ = plans()
    for plan, forced in ((creating, False), (changing, True)):
        asked = Api(409)
        with pytest.raises(KubeError):
            await Writer(asked, lambda: True).carry_out(plan)
        ((method, path, parameters, body),) = asked.requests
        assert (method, path.rpartition("/")[2]) == ("PATCH", "web-podname-ipv4-0")
        assert parameters == {"fieldManager": "podname", **({"force": "true"} if forced else {})}
        assert isinstance(body["metadata"], dict)
        assert ("resourceVersion" in body["metadata"]) == forced


@pytest.mark.parametrize(("code", "is_done"), [(0, True), (404, True), (409, False), (500, False)])
async def test_a_deletion_is_conditional_and_one_that_is_done_is_done(
    *, code: int, is_done: bool
) -> None:
    *_, deleting = plans()
    asked, (gone,) = Api(code), deleting.deletes
    writer = Writer(asked, lambda: True)
    if is_done:
        await writer.carry_out(deleting)
    else:
        with pytest.raises(KubeError):
            await writer.carry_out(deleting)
    ((_, _, _, body),) = asked.requests
    assert body == {"preconditions": {"uid": gone.uid, "resourceVersion": gone.version}}
    assert writer.writes["delete"] == is_done


@pytest.mark.parametrize("answer", [b"", b"[]", b"{}", b"[" * 100_000, b"\xff"])
async def test_an_answer_that_is_none_is_an_error(answer: bytes) -> None:
    creating, *_ = plans()
    with pytest.raises(KubeError, match="is not what was written"):
        await Writer(Api(said=answer), lambda: True).carry_out(creating)


def test_what_was_written_counts_until_the_watch_tells() -> None:
    slices = Slices()
    slices.follow(service(), pods([1]))
    (old,) = slices.all.values()
    slices.follow(service(), pods([1, 2]))
    (new,) = slices.all.values()
    written = Written()
    written.put(new)
    assert written.over("default/web", {old.key: old}) == [new]
    assert written.over("default/other", {}) == []
    written.heard(None, old)  # the watch is behind
    assert written.over("default/web", {old.key: old}) == [new]
    written.heard(old, new)
    assert written.over("default/web", {}) == []
    written.remove(new)
    assert written.over("default/web", {new.key: new}) == []
    again = msgspec.structs.replace(new, uid="another")
    assert written.over("default/web", {again.key: again}) == [again]
    written.heard(new, None)
    assert written.over("default/web", {new.key: new}) == [new]


def test_what_the_watch_can_never_tell_is_forgotten() -> None:
    slices = Slices()
    slices.follow(service(), pods([1]))
    (only,) = slices.all.values()
    written = Written()
    written.put(only)
    written.clear()
    assert written.over("default/web", {}) == []
