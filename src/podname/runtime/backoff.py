"""How long to wait before something that failed is tried again.

Each wait is twice the one before, up to 30 s, and lengthened at random, so that the replicas of a cluster do not come
back together. Two minutes without a failure start it anew. The API server is asked again after 0.8 s at first, and each
wait is lengthened by up to its own length.

Source: client-go `NewReflectorWithOptions` (wait.NewExponentialBackoffManager 800 ms, 30 s, 2 min, factor 2, jitter 1).
"""

from __future__ import annotations

from random import Random

from podname.runtime.clock import Clock

FIRST_SECONDS = 0.8
LONGEST_SECONDS = 30.0
FACTOR = 2.0
JITTER = 1.0
HEALTHY_AFTER_SECONDS = 120.0


class Backoff:
    """Gives the next wait, in seconds. `jitter` is by how much of itself a wait may be lengthened."""

    def __init__(
        self,
        clock: Clock,
        random: Random,
        *,
        first_seconds: float = FIRST_SECONDS,
        jitter: float = JITTER,
    ) -> None:
        self._clock = clock
        self._random = random
        self._jitter = jitter
        self._first_seconds = self._next_seconds = first_seconds
        self._failed_at = float("-inf")

    def next_seconds(self) -> float:
        """Note a failure and give how long to wait after it."""
        now = self._clock.monotonic()
        if now - self._failed_at > HEALTHY_AFTER_SECONDS:
            self._next_seconds = self._first_seconds
        self._failed_at = now
        wait_seconds = self._next_seconds
        self._next_seconds = min(wait_seconds * FACTOR, LONGEST_SECONDS)
        return wait_seconds * (1.0 + self._jitter * self._random.random())
