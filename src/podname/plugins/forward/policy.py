"""In which order upstreams are asked.

Source: CoreDNS plugin/forward policy.go.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from itertools import count
from typing import Protocol, TypeVar

T = TypeVar("T")


class Policy(Protocol):
    """Puts upstreams into the order in which they are asked for one question."""

    def __call__(self, upstreams: Sequence[T], /) -> Sequence[T]:
        """Return the order."""


def shuffled(upstreams: Sequence[T], /) -> Sequence[T]:
    """Return a random order: each upstream gets its share, and so does the one asked next."""
    if len(upstreams) == 1:
        return upstreams
    return random.sample(upstreams, len(upstreams))


def in_order(upstreams: Sequence[T], /) -> Sequence[T]:
    """Return the order of the Corefile: the second is asked when the first fails."""
    return upstreams


class RoundRobin:
    """Each question begins with the next upstream; the others follow in the Corefile's order."""

    def __init__(self) -> None:
        self._turns = count(1)

    def __call__(self, upstreams: Sequence[T], /) -> Sequence[T]:
        """Return the order for one question."""
        turn = next(self._turns) % len(upstreams)
        return [upstreams[turn], *upstreams[:turn], *upstreams[turn + 1 :]]


#: The words of `policy`, and what makes a policy of each.
POLICIES: dict[str, Callable[[], Policy]] = {
    "random": lambda: shuffled,
    "round_robin": RoundRobin,
    "sequential": lambda: in_order,
}
