"""Time that a test moves, and a way to wait for what happens on the event loop."""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Callable
from itertools import count


class Timer:
    """Something that happens when the clock gets there."""

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class FakeClock:
    """A clock (`podname.runtime.clock.Clock`) that stands still until it is told to go on."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now
        self.slept: list[float] = []
        self._wakings: list[float] = []  # when those who sleep will be woken
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = count()

    def monotonic(self) -> float:
        return self.now

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        timer = Timer(callback)
        heapq.heappush(self._timers, (self.now + seconds, next(self._order), timer))
        return timer

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        woken = asyncio.get_running_loop().create_future()
        self.call_later(seconds, lambda: None if woken.done() else woken.set_result(None))
        self._wakings.append(self.now + seconds)
        await woken

    def advance(self, seconds: float) -> None:
        """Let so much time pass; what is due happens in order."""
        end = self.now + seconds
        while self._timers and self._timers[0][0] <= end:
            self.now, _, timer = heapq.heappop(self._timers)
            if timer.callback is not None:
                timer.callback()
        self.now = end

    def skip_sleep(self, at_most_seconds: float = 70.0) -> None:
        """If somebody sleeps, and not for long, let the time pass until the first one wakes."""
        self._wakings = sorted(waking for waking in self._wakings if waking > self.now)
        if self._wakings and self._wakings[0] - self.now <= at_most_seconds:
            self.advance(self._wakings[0] - self.now)


async def until(
    condition: Callable[[], object], clock: FakeClock | None = None, deadline_seconds: float = 10.0
) -> None:
    """Wait for a condition; with a clock, short sleeps (back-offs) are skipped meanwhile."""
    end = time.monotonic() + deadline_seconds
    looks = 0
    while not condition():
        assert time.monotonic() < end, "the condition did not come true"
        looks += 1
        await asyncio.sleep(0 if looks < 200 else 0.001)
        if clock is not None:
            clock.skip_sleep()
