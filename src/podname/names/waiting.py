"""Changes that wait for their turn, while those before them are worked on.

They stay in order, in batches: what a list changes is one batch, never split; events that come one by one share the
last batch that waits. Of one object a batch holds one change, from its first old state to its last new one, so what
waits is never more than what there is, however often it changes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from typing import Any

Change = tuple[Any, Any]  # old, new
Batch = dict[str, Collection[Change]]  # by kind


class Waiting:
    """Batches of changes, the oldest first."""

    def __init__(self) -> None:
        self._batches: deque[dict[str, dict[str, Change] | Collection[Change]]] = deque()

    def __bool__(self) -> bool:
        """Return whether anything waits."""
        return bool(self._batches)

    def add(self, kind: str, changes: Collection[Change]) -> None:
        """Let changes that happened at once wait. O(1)."""
        is_list = len(changes) > 1
        last = self._batches[-1].get(kind) if self._batches else ()
        if last is not None and (is_list or not isinstance(last, dict)):
            self._batches.append({})
        if is_list:
            self._batches[-1][kind] = changes
            return
        events = self._batches[-1].setdefault(kind, {})
        assert isinstance(events, dict)  # noqa: S101
        _merge(events, *next(iter(changes)))

    def forget(self, kind: str) -> None:
        """Let no change of this kind wait any more."""
        for batch in self._batches:
            batch.pop(kind, None)

    def take(self) -> Batch:
        """Return the oldest batch."""
        batch = self._batches.popleft()
        return {kind: c.values() if isinstance(c, dict) else c for kind, c in batch.items()}


def _merge(events: dict[str, Change], old: Any, new: Any) -> None:
    key = (new or old).key
    if key in events:
        old, _ = events.pop(key)
    if old is not None or new is not None:
        events[key] = (old, new)
