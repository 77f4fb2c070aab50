"""Connections to one upstream that wait to be used again, oldest first.

Taking the oldest makes questions change their source port as often as can be (RFC 5452 §9.2). A connection that was
idle for `expire_seconds`, or has lived for `max_age_seconds`, is not used again.

Sources: CoreDNS plugin/pkg/proxy persistent.go; RFC 5452; RFC 7766 §6.2.3.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from time import monotonic
from typing import Generic, Protocol, TypeVar

_SWEEP_SECONDS_LEAST = 1.0


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """How long connections are kept, and how many. Zero is no limit for `max_age_seconds` and `idle_most`."""

    expire_seconds: float = 10.0
    max_age_seconds: float = 0.0
    idle_most: int = 0


class Connection(Protocol):
    """What a pool keeps."""

    alive: bool
    created_seconds: float
    used_seconds: float

    def close(self) -> None:
        """Close it; whoever waits for an answer on it is told."""


C = TypeVar("C", bound=Connection)


class Pool(Generic[C]):
    """Idle connections of one kind, and the counts of those found and not found."""

    def __init__(self, limits: PoolLimits) -> None:
        self.hits = 0
        self.misses = 0
        self._limits = limits
        self._idle: deque[C] = deque()
        self._busy: set[C] = set()
        self._drained: asyncio.Event | None = None
        self._sweep: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._idle)

    def take(self) -> C | None:
        """Take the connection that is idle for longest, or None: open a new one."""
        idle, now = self._idle, monotonic()
        while idle:
            connection = idle.popleft()
            if connection.alive and not self._is_old(connection, now):
                self.hits += 1
                return connection
            connection.close()
        self.misses += 1
        return None

    def give(self, connection: C) -> None:
        """Keep a connection for the next question, or close it if there are enough."""
        most = self._limits.idle_most
        if not connection.alive or (most and len(self._idle) >= most):
            connection.close()
            return
        connection.used_seconds = monotonic()
        self._idle.append(connection)
        if self._sweep is None:
            self._arm()

    def done(self, connection: C) -> None:
        """Take a connection back that no question is under way on any more."""
        self._busy.discard(connection)
        self.give(connection)
        if self._drained is not None and not self._busy:
            self._drained.set()

    async def drain(self) -> None:
        """Wait until no question is under way."""
        self._drained = asyncio.Event()
        if self._busy:
            await self._drained.wait()

    def close(self) -> None:
        """Close every connection; whoever waits for an answer is told."""
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None
        for connection in (*self._idle, *self._busy):
            connection.close()
        self._idle.clear()

    def _is_old(self, connection: C, now: float) -> bool:
        limits = self._limits
        return now - connection.used_seconds > limits.expire_seconds or (
            0 < limits.max_age_seconds < now - connection.created_seconds
        )

    def _arm(self) -> None:
        seconds = max(self._limits.expire_seconds, _SWEEP_SECONDS_LEAST)
        self._sweep = asyncio.get_running_loop().call_later(seconds, self._sweep_out)

    def _sweep_out(self) -> None:
        """Close what nobody asked for. The rest is looked at again, as long as there is a rest."""
        now, kept = monotonic(), deque[C]()
        for connection in self._idle:
            if connection.alive and not self._is_old(connection, now):
                kept.append(connection)
            else:
                connection.close()
        self._idle, self._sweep = kept, None
        if kept:
            self._arm()
