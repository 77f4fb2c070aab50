"""Python's garbage collector, kept from holding the loop while much is made of a cluster.

A list of ten thousand endpoints makes and drops millions of objects, nearly all of them by their counts of references.
The collector counts what is made less what is dropped, so it may look at a hundred thousand young objects in one go,
and at everything that there is now and then: 20 to 60 ms each. So it is off meanwhile. What is there after that stays,
mostly: it is frozen, so that no later look has to pass it. A cycle that became garbage meanwhile stays, too; before it
begins the collector takes what is there by then.

Source: Python's `gc` module.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_paused = 0


@contextmanager
def paused() -> Iterator[None]:
    """Let the collector wait until the block ends, and the blocks of others that began meanwhile."""
    global _paused  # noqa: PLW0603  # there is one collector in a process
    if not _paused:
        gc.collect(1)
        gc.disable()
    _paused += 1
    try:
        yield
    finally:
        _paused -= 1
        if not _paused:
            gc.freeze()
            gc.enable()
