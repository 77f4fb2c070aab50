"""Time limits for many answers at once, with one timer.

All have the same limit, so they end in the order in which they began: a queue serves, and an answer that came in time
costs nothing but its place there.
"""

from __future__ import annotations

import asyncio
from collections import deque

_Answer = asyncio.Future[bytes]


class Deadlines:
    """Ends futures that got no answer in `seconds` with TimeoutError."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._queue: deque[tuple[float, _Answer]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, answer: _Answer, loop: asyncio.AbstractEventLoop) -> None:
        """Return an answer its time limit, from now."""
        queue = self._queue
        while queue and queue[0][1].done():
            queue.popleft()
        queue.append((loop.time() + self.seconds, answer))
        if self._timer is None:
            self._timer = loop.call_at(queue[0][0], self._expire, loop)

    def close(self) -> None:
        """Forget all limits."""
        self._queue.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _expire(self, loop: asyncio.AbstractEventLoop) -> None:
        queue, now = self._queue, loop.time()
        while queue and (queue[0][0] <= now or queue[0][1].done()):
            answer = queue.popleft()[1]
            if not answer.done():
                answer.set_exception(TimeoutError())
        self._timer = loop.call_at(queue[0][0], self._expire, loop) if queue else None
