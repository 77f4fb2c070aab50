"""Changes on their way to the table, collected while a batch of events is worked on.

What an owner has in the end is put here once, so it goes from its old answers to its new ones in one write. What is put
may be written while more is made; what goes away is written when all is made, so that nothing which stays is missing in
between, nor a name above it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from podname.dns import constants as c
from podname.dns.records import ReadyAnswers
from podname.engine.base import EMPTY_NON_TERMINAL, Change, Table

#: Every type that an owner of ours may have.
_TYPES = (EMPTY_NON_TERMINAL, c.A, c.NS, c.CNAME, c.PTR, c.TXT, c.AAAA, c.SRV)
#: So many owners are written at a time: it takes less than a millisecond.
OWNERS_PER_WRITE = 100


class Changes:
    """What is to be written. `made` counts all answers ever put or dropped, as a measure of work."""

    def __init__(self, table: Table) -> None:
        self.made = 0
        self.is_fresh = (
            False  # whether no owner has anything yet, so that nothing need be taken away
        )
        self._table = table
        self._put: dict[bytes, ReadyAnswers] = {}
        self._gone: dict[bytes, ReadyAnswers] = {}
        self._parents: dict[bytes, bool | None] = {}

    def put(self, names: Mapping[bytes, ReadyAnswers]) -> None:
        """Let these owners have exactly these answers."""
        for owner, answers in names.items():
            self.put_one(owner, answers)

    def put_one(self, owner: bytes, answers: ReadyAnswers) -> None:
        """Let this owner have exactly these answers."""
        to, other = (self._put, self._gone) if answers else (self._gone, self._put)
        other.pop(owner, None)
        to[owner] = answers

    def drop(self, owners: Iterable[bytes]) -> None:
        """Let these owners have none."""
        for owner in owners:
            self.put_one(owner, {})

    def set_dashed(self, parent: bytes, *, open_: bool | None) -> None:
        """Let `parent` be a dashed parent, or (None) none."""
        self._parents[parent] = open_

    @property
    def is_full(self) -> bool:
        """Whether there is enough for one write."""
        return len(self._put) >= OWNERS_PER_WRITE

    def write_put(self) -> None:
        """Write what was put so far."""
        put, self._put = self._put, {}
        self._set_parents()
        self._write(put)

    def finish(self) -> Iterator[None]:
        """Write the rest, and what goes away last: a step at a time. One write does if there is little."""
        gone, self._gone = self._gone, {}
        self._set_parents()
        first, self._put = self._put, {}
        first.update(_some(gone, OWNERS_PER_WRITE - len(first)))
        self._write(first)
        while some := dict(_some(gone, OWNERS_PER_WRITE)):
            yield
            self._write(some)
        for parent in self._parents:
            self._table.set_dashed(parent, open_=None)
        self._parents = {}

    def _set_parents(self) -> None:
        for parent, open_ in self._parents.items():
            if open_ is not None:
                self._table.set_dashed(parent, open_=open_)
        self._parents = {parent: None for parent, open_ in self._parents.items() if open_ is None}

    def _write(self, owners: Mapping[bytes, ReadyAnswers]) -> None:
        if not owners:
            return
        self.made += len(owners)
        changes: list[Change] = [
            (owner, rtype, has.get(rtype))
            for owner, has in owners.items()
            for rtype in (has if self.is_fresh else _TYPES)
        ]
        self._table.update(changes)


def _some(owners: dict[bytes, ReadyAnswers], at_most: int) -> Iterator[tuple[bytes, ReadyAnswers]]:
    """Take some out: to let go of a hundred thousand at once would be a long step."""
    for _ in range(min(at_most, len(owners))):
        yield owners.popitem()
