"""Deadlines, back-off and courtesy on the event loop."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from podname.runtime.backoff import Backoff
from podname.runtime.clock import Deadline, Pace, SystemClock
from tests.support.clock import FakeClock, until


async def test_a_deadline_ends_the_block() -> None:
    clock = FakeClock()
    asyncio.get_running_loop().call_soon(clock.advance, 10)
    with pytest.raises(TimeoutError):
        async with Deadline(clock, 10):
            await asyncio.Event().wait()
    await asyncio.sleep(0)  # nothing is left of the cancellation
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_a_deadline_may_be_extended_or_lifted() -> None:
    clock = FakeClock()
    async with Deadline(clock, 10) as deadline:
        clock.advance(9)
        deadline.extend(10)
        clock.advance(9)
        await asyncio.sleep(0)
        deadline.lift()
        clock.advance(100)
        await asyncio.sleep(0)


async def test_a_deadline_that_is_over_too_late_does_nothing() -> None:
    clock = FakeClock()
    async with Deadline(clock, 10) as deadline:
        pass
    deadline.expire()
    clock.advance(100)
    await asyncio.sleep(0)


async def test_somebody_elses_cancellation_stays_one() -> None:
    clock = FakeClock()

    async def work() -> None:
        async with Deadline(clock, 10):
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    clock.advance(10)
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_the_systems_clock() -> None:
    clock, called = SystemClock(), asyncio.Event()
    before = clock.monotonic()
    clock.call_later(0.001, called.set)
    await called.wait()
    await clock.sleep(0)
    assert clock.monotonic() > before


def test_waits_grow_to_thirty_seconds_and_are_jittered() -> None:
    clock = FakeClock()
    backoff = Backoff(clock, Random(7))
    waits = []
    for _ in range(8):
        waits.append(backoff.next_seconds())
        clock.advance(waits[-1])
    bases = [0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0]
    assert all(base <= wait <= 2 * base for base, wait in zip(bases, waits, strict=True))
    assert len({wait / base for base, wait in zip(bases, waits, strict=True)}) == 8


@pytest.mark.parametrize(("seconds", "is_reset"), [(119, False), (121, True)])
def test_two_minutes_of_health_begin_anew(seconds: float, is_reset: bool) -> None:
    clock = FakeClock()
    backoff = Backoff(clock, Random(7))
    for _ in range(5):
        backoff.next_seconds()
    clock.advance(seconds)
    assert (backoff.next_seconds() <= 1.6) is is_reset


async def test_long_work_lets_others_go_first() -> None:
    others, pace = 0, Pace(hold_seconds=0.0005)

    async def count() -> None:
        nonlocal others
        while True:
            others += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(count())
    while others < 20:
        if pace.is_due:
            await pace.yield_control()
    task.cancel()
    assert not pace.is_due
    await until(task.done)
