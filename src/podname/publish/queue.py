"""A queue of keys: what comes twice waits once, nobody works on a key that somebody works on, failures wait longer.

::

    add ──► waiting ──► get ──► worked on ──► done        an `add` meanwhile: waiting again after `done`
                                          └─► retry ──► after a pause: waiting

After a `done` a key rests for a moment, so that a rollout of a thousand pods is a few writes and not a thousand; a key
that failed rests until its pause is over, whatever happens meanwhile: events must not become a hot loop of failures.

Source: client-go util/workqueue.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from random import Random

from podname.runtime.backoff import Backoff
from podname.runtime.clock import Clock

REST_SECONDS = 0.1
FIRST_PAUSE_SECONDS = 0.2
JITTER = 0.5


class WorkQueue:
    """Keys that are to be worked on, in the order in which they came."""

    def __init__(self, clock: Clock, random: Random) -> None:
        self._clock = clock
        self._random = random
        self._waiting: dict[str, None] = {}
        self._busy: set[str] = set()  # worked on, or at rest
        self._again: set[str] = set()  # came meanwhile
        self._backoffs: dict[str, Backoff] = {}  # of those that failed last
        self._arrived = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting) + len(self._again)

    def add(self, key: str) -> None:
        """Let a key be worked on, once more if it is just now."""
        if key in self._busy:
            self._again.add(key)
        else:
            self._waiting[key] = None
            self._arrived.set()

    def add_all(self, keys: Iterable[str]) -> None:
        """Let many keys be worked on."""
        for key in keys:
            self.add(key)

    async def get(self) -> str:
        """Wait for a key and take it; `done` or `retry` must follow."""
        while not self._waiting:
            self._arrived.clear()
            await self._arrived.wait()
        key = next(iter(self._waiting))
        del self._waiting[key]
        self._busy.add(key)
        return key

    def done(self, key: str) -> None:
        """The work on a key succeeded."""
        self._backoffs.pop(key, None)
        self._clock.call_later(REST_SECONDS, lambda: self._rested(key))

    def retry(self, key: str, at_least_seconds: float = 0.0) -> float:
        """The work on a key failed: try again after a pause. Gives its length in seconds."""
        backoff = self._backoffs.get(key)
        if backoff is None:
            backoff = self._backoffs[key] = Backoff(
                self._clock, self._random, first_seconds=FIRST_PAUSE_SECONDS, jitter=JITTER
            )
        pause_seconds = max(backoff.next_seconds(), at_least_seconds)
        self._again.add(key)
        self._clock.call_later(pause_seconds, lambda: self._rested(key))
        return pause_seconds

    def _rested(self, key: str) -> None:
        self._busy.discard(key)
        if key in self._again:
            self._again.discard(key)
            self.add(key)
