"""Waiting for a condition, never for a time."""

import time
from collections.abc import Callable
from typing import TypeVar

from tests.cluster.harness import ClusterError

Value = TypeVar("Value")


def until(
    condition: Callable[[], Value],
    what: str | Callable[[], str],
    *,
    deadline_seconds: float = 30,
    interval_seconds: float = 0.02,
) -> Value:
    """Ask again until the condition gives something true, and return that.

    An exception of the operating system (refused, timed out, closed) counts as "not yet". When the
    deadline passes, the error names what was waited for; `what` may be a function that looks at
    the world as it is then.
    """
    ends = time.monotonic() + deadline_seconds
    last: object = None
    while time.monotonic() < ends:
        try:
            value = condition()
        except OSError as error:
            last = error
        else:
            if value:
                return value
            last = value
        time.sleep(interval_seconds)
    text = what() if callable(what) else what
    raise ClusterError(f"after {deadline_seconds:g} s still waiting for {text} (last: {last!r})")
