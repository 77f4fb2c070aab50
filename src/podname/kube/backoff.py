"""How long to wait before the API server is asked again.

0.8 s, doubled up to 30 s, each lengthened by up to its own length at random, so that the replicas of a cluster do not
come back together. Two minutes without a failure start it anew.

Source: client-go `NewReflectorWithOptions` (wait.NewExponentialBackoffManager 800 ms, 30 s, 2 min, factor 2, jitter 1).
"""

from __future__ import annotations

from random import Random

from podname.kube.clock import Clock

FIRST_SECONDS = 0.8
LONGEST_SECONDS = 30.0
FACTOR = 2.0
JITTER = 1.0
HEALTHY_AFTER_SECONDS = 120.0


class Backoff:
    """Gives the next wait, in seconds."""

    def __init__(self, clock: Clock, random: Random) -> None:
        self._clock = clock
        self._random = random
        self._next_seconds = FIRST_SECONDS
        self._failed_at = float("-inf")

    def next_seconds(self) -> float:
        """Note a failure and give how long to wait after it."""
        now = self._clock.monotonic()
        if now - self._failed_at > HEALTHY_AFTER_SECONDS:
            self._next_seconds = FIRST_SECONDS
        self._failed_at = now
        wait_seconds = self._next_seconds
        self._next_seconds = min(wait_seconds * FACTOR, LONGEST_SECONDS)
        return wait_seconds * (1.0 + JITTER * self._random.random())
