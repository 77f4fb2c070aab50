"""At most one replica writes, and soon another one when it is gone."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.publish.replicas import Replicas

MICRO_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"


async def test_the_first_one_leads_and_renews() -> None:
    async with Replicas("a") as replicas:
        assert (replicas.leading, replicas.working) == (["a"], ["a"])
        first = replicas.lease["spec"]
        assert first["holderIdentity"] == "a"
        assert (first["leaseDurationSeconds"], first["leaseTransitions"]) == (15, 0)
        assert re.fullmatch(MICRO_TIME, first["acquireTime"])
        await replicas.wait(60)
        last = replicas.lease["spec"]
        assert last["acquireTime"] == first["acquireTime"]
        assert last["renewTime"] > first["renewTime"]
        assert replicas["a"].election.changes == 1
        assert replicas["a"].line.requests[:2] == ["GET", "POST"]
        assert set(replicas["a"].line.requests[2:]) == {"PUT"}


async def test_a_second_one_stands_by() -> None:
    async with Replicas("a", "b") as replicas:
        await replicas.wait(120)
        assert replicas.working == ["a"]
        assert set(replicas["b"].line.requests) == {"GET"}


async def test_a_released_lease_is_taken_at_the_next_look() -> None:
    async with Replicas("a", "b") as replicas:
        await replicas["a"].stop()
        assert replicas.holder == ""
        assert replicas.lease["spec"]["leaseDurationSeconds"] == 1
        assert replicas.working == []
        await replicas.wait(5)
        assert replicas.working == ["b"]
        assert replicas.lease["spec"]["leaseTransitions"] == 1


@pytest.mark.parametrize("fault", ["cut", "hangs"])
async def test_who_cannot_renew_stops_before_another_begins(fault: str) -> None:
    async with Replicas("a", "b") as replicas:
        await replicas.wait(10)
        setattr(replicas["a"].line, fault, True)
        await replicas.wait(7)
        assert replicas.working == ["a"]
        await replicas.wait(4)
        assert replicas.working == []
        assert replicas.leading == []
        await replicas.wait(10)
        assert replicas.working == ["b"]
        setattr(replicas["a"].line, fault, False)
        await replicas.wait(30)
        assert replicas.working == ["b"]


async def test_a_short_outage_changes_nothing() -> None:
    async with Replicas("a", "b") as replicas:
        for each in ("a", "b"):
            replicas[each].line.cut = True
        await replicas.wait(7)
        for each in ("a", "b"):
            replicas[each].line.cut = False
        await replicas.wait(30)
        assert replicas.working == ["a"]
        assert replicas["a"].election.changes == 1


async def test_a_long_outage_ends_with_one_leader() -> None:
    async with Replicas("a", "b") as replicas:
        for each in ("a", "b"):
            replicas[each].line.cut = True
        await replicas.wait(60)
        assert replicas.working == []
        for each in ("a", "b"):
            replicas[each].line.cut = False
        await replicas.wait(20)
        assert len(replicas.working) == 1


async def test_an_answer_that_is_lost_costs_nothing() -> None:
    async with Replicas("a") as replicas:
        replicas["a"].line.loses_answers = True
        await replicas.wait(5)
        replicas["a"].line.loses_answers = False
        await replicas.wait(30)
        assert replicas["a"].election.changes == 1
        assert replicas.working == ["a"]


async def test_a_lease_that_somebody_takes_ends_the_work_at_once() -> None:
    async with Replicas("a") as replicas:
        lease = replicas.lease
        lease["spec"] |= {"holderIdentity": "intruder", "leaseDurationSeconds": 30}
        replicas.state.put("leases", lease)
        await replicas.wait(2.5)
        assert replicas.working == []
        await replicas.wait(25)
        assert replicas.working == []
        await replicas.wait(10)  # it was not renewed for the 30 seconds it lasts
        assert replicas.working == ["a"]


async def test_a_lease_that_is_deleted_is_made_again() -> None:
    async with Replicas("a") as replicas:
        replicas.state.delete("leases", "podname-publish", "home")
        await replicas.wait(10)
        assert replicas.working == ["a"]
        assert replicas.holder == "a"


async def test_without_permission_it_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    replicas = Replicas("a")
    replicas["a"].line.forbids = True
    async with replicas:
        await replicas.wait(60)
        assert replicas.working == []
        (line,) = [each.getMessage() for each in caplog.records]
        assert line == "the Lease home/podname-publish: leases is forbidden"


@settings(max_examples=25)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "c"]),
            st.sampled_from(["cut", "hangs", "loses_answers", "forbids", "stop", "start"]),
            st.sampled_from([0, 1, 3, 8, 20]),
        ),
        max_size=8,
    )
)
async def test_whatever_happens_never_two_lead_and_in_the_end_one(
    history: list[tuple[str, str, int]],
) -> None:
    async with Replicas("a", "b", "c") as replicas:
        for name, what, seconds in history:
            replica = replicas[name]
            if what == "stop":
                replica.line.hangs = False
                await replica.stop()
            elif what == "start":
                if replica.task is None:
                    replica.start()
            else:
                setattr(replica.line, what, not getattr(replica.line, what))
            await replicas.wait(seconds)
        for replica in replicas.all.values():
            line = replica.line
            line.cut = line.hangs = line.loses_answers = line.forbids = False
            if replica.task is None:
                replica.start()
        await replicas.wait(45)
        assert len(replicas.working) == 1
        assert replicas.holder == replicas.working[0]
