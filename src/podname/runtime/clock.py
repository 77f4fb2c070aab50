"""Time, as something that is handed in: tests move it, and no test sleeps.

`Pace` is the courtesy of long work on the event loop, on which a DNS server is answering.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from types import TracebackType
from typing import Protocol

#: So long may work hold the event loop before it lets others go first.
HOLD_SECONDS = 0.001


class Timer(Protocol):
    """Something that will happen, unless it is cancelled."""

    def cancel(self) -> None:
        """Let it not happen."""


class Clock(Protocol):
    """What the reflector needs of time."""

    def monotonic(self) -> float:
        """Seconds since some moment; never goes back."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call back after `seconds`."""


class SystemClock:
    """The event loop's time."""

    def monotonic(self) -> float:
        """Return the system's monotonic time."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait on the event loop."""
        await asyncio.sleep(seconds)

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call back on the event loop."""
        return asyncio.get_running_loop().call_later(seconds, callback)


class Deadline:
    """`async with Deadline(clock, seconds)`: the block is cancelled when the time is over; then TimeoutError.

    As `asyncio.timeout`, on a clock of ours. Without `seconds` it ends only when somebody calls `expire`.
    """

    def __init__(self, clock: Clock, seconds: float | None = None) -> None:
        self._clock = clock
        self._seconds = seconds
        self._timer: Timer | None = None
        self._task: asyncio.Task[object] | None = None
        self._has_expired = False
        self._cancelling = 0

    async def __aenter__(self) -> Deadline:
        self._task = asyncio.current_task()
        self._cancelling = self._task.cancelling() if self._task else 0
        if self._seconds is not None:
            self.extend(self._seconds)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.lift()
        task, self._task = self._task, None
        if not self._has_expired or task is None:
            return
        if task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def extend(self, seconds: float) -> None:
        """Begin anew, with so many seconds from now."""
        self.lift()
        self._timer = self._clock.call_later(seconds, self.expire)

    def lift(self) -> None:
        """Let the block run as long as it likes."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def expire(self) -> None:
        """End the block now."""
        self._timer = None
        if self._task is not None and not self._has_expired:
            self._has_expired = True
            self._task.cancel()


class Pace:
    """Long work calls `yield_control` between its steps; every millisecond others go first."""

    def __init__(self, hold_seconds: float = HOLD_SECONDS) -> None:
        self._hold_seconds = hold_seconds
        self._since = time.perf_counter()

    @property
    def is_due(self) -> bool:
        """Whether the event loop has been held long enough."""
        return time.perf_counter() - self._since > self._hold_seconds

    async def yield_control(self) -> None:
        """Let others go first."""
        await asyncio.sleep(0)
        self._since = time.perf_counter()
