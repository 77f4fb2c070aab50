"""Changes on their way to the table, collected while one event is worked on and written at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from podname.engine.base import HOLD, Change, Table
from podname.wire import constants as c
from podname.wire.records import ReadyAnswers

#: Every type that an owner of ours may have.
_TYPES = (HOLD, c.A, c.NS, c.CNAME, c.PTR, c.TXT, c.AAAA, c.SRV)


class Changes:
    """What is to be written. `made` counts all answers ever put or dropped, as a measure of work."""

    def __init__(self, table: Table) -> None:
        self.made = 0
        self._table = table
        self._owners: dict[bytes, ReadyAnswers] = {}

    def put(self, names: Mapping[bytes, ReadyAnswers]) -> None:
        """Let these owners have exactly these answers."""
        self._owners.update(names)

    def put_one(self, owner: bytes, answers: ReadyAnswers) -> None:
        """Let this owner have exactly these answers."""
        self._owners[owner] = answers

    def drop(self, owners: Iterable[bytes]) -> None:
        """Let these owners have none."""
        self._owners.update({owner: {} for owner in owners})

    def write(self, *, fresh: bool = False) -> bool:
        """Write to the table; say whether there was anything. `fresh` owners have nothing to take away."""
        if not self._owners:
            return False
        owners, self._owners = self._owners, {}
        if fresh:
            changes: list[Change] = [
                (owner, rtype, made) for owner, has in owners.items() for rtype, made in has.items()
            ]
        else:
            changes = [
                (owner, rtype, has.get(rtype)) for owner, has in owners.items() for rtype in _TYPES
            ]
        self.made += len(owners)
        self._table.update(changes)
        return True
