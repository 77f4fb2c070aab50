"""Work that is done twice a minute, so that whatever somebody breaks is right again soon.

What fails is told once and tried again, soon at first and then more seldom.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random

from podname.errors import KubeError
from podname.runtime.backoff import Backoff
from podname.runtime.clock import Clock

logger = logging.getLogger(__name__)

ROUND_SECONDS = 30.0
_CONFLICT = 409


def utc_now() -> datetime:
    """Return the time that certificates are written in."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Time:
    """What passes and what the calendar says: tests move both."""

    clock: Clock
    random: Random
    now: Callable[[], datetime] = utc_now


class Rounds:
    """Goes round for ever, and at once when woken."""

    def __init__(self, time: Time) -> None:
        self._time = time
        self._backoff = Backoff(time.clock, time.random)
        self._woken = asyncio.Event()
        self._told = ""

    def wake(self) -> None:
        """Let the next round be now."""
        self._woken.set()

    async def run(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do it until cancelled. What `work` raises as KubeError is told."""
        while True:
            self._woken.clear()
            timer = self._time.clock.call_later(await self._seconds(work), self.wake)
            await self._woken.wait()
            timer.cancel()

    async def _seconds(self, work: Callable[[], Awaitable[None]]) -> float:
        """Work, and give how long it is until the next time."""
        try:
            await work()
        except KubeError as error:
            self._tell(error)
            return self._backoff.next_seconds()
        self._told = ""
        return ROUND_SECONDS * (0.9 + 0.2 * self._time.random.random())

    def _tell(self, error: KubeError) -> None:
        text = str(error)
        if text != self._told and error.code != _CONFLICT:  # another replica was faster
            hint = ": apply deploy/webhook" if error.code in {403, 404} else ""
            logger.warning("podname webhook: %s%s", text, hint)
        self._told = text
