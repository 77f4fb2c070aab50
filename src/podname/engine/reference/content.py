"""What a table holds: ready answers by type and owner, and which names exist.

A name that has records costs one entry per type and nothing else. A name exists when it has records, is held, or
has names below it; for the last, `children` counts the existing names right below a name. It follows that a name whose
parent is not in `children` does not exist, which is what most denials are decided by.

Sources: RFC 1034 §4.3.2; RFC 8020 (an empty non-terminal exists).
"""

from __future__ import annotations

from collections.abc import Iterable

from podname.dns.names import ROOT
from podname.engine.base import EMPTY_NON_TERMINAL, Change, Owner, ReadyAnswer


class Content:
    """Owner names and their ready answers. Each change costs O(labels of the name)."""

    __slots__ = ("by_type", "children", "held")

    def __init__(self, changes: Iterable[Change] = ()) -> None:
        self.by_type: dict[int, dict[Owner, ReadyAnswer]] = {}
        self.held: dict[Owner, ReadyAnswer] = {}
        self.children: dict[Owner, int] = {}
        self.update(changes)

    def update(self, changes: Iterable[Change]) -> None:
        """Put answers, then remove others: a name that stays is never missing in between."""
        last = {(owner, qtype): ready for owner, qtype, ready in changes}
        for (owner, qtype), ready in last.items():
            if ready is not None:
                self._put(owner, qtype, ready)
        for (owner, qtype), ready in last.items():
            if ready is None:
                self._remove(owner, qtype)

    def has_records(self, owner: Owner) -> bool:
        """Return whether there is a record of any type, or the name is held."""
        if owner in self.held:
            return True
        for answers in self.by_type.values():  # noqa: SIM110  # a generator costs more than the loop
            if owner in answers:
                return True
        return False

    def has_records_besides(self, owner: Owner, rtypes: frozenset[int]) -> bool:
        """Return whether there is a record of another type than these, or the name is held."""
        return owner in self.held or any(
            owner in answers for rtype, answers in self.by_type.items() if rtype not in rtypes
        )

    def exists(self, owner: Owner) -> bool:
        """Return whether there is a record, the name is held, or something stands below it."""
        return owner in self.children or (
            (owner == ROOT or owner[1 + owner[0] :] in self.children) and self.has_records(owner)
        )

    def _of_type(self, qtype: int) -> dict[Owner, ReadyAnswer]:
        if qtype == EMPTY_NON_TERMINAL:
            return self.held
        answers = self.by_type.get(qtype)
        if answers is None:
            answers = self.by_type[qtype] = {}
        return answers

    def _put(self, owner: Owner, qtype: int, ready: ReadyAnswer) -> None:
        answers = self._of_type(qtype)
        is_new = owner not in answers and not self.exists(owner)
        answers[owner] = ready
        if is_new:
            self._appear(owner)

    def _remove(self, owner: Owner, qtype: int) -> None:
        if self._of_type(qtype).pop(owner, None) is not None:
            self._vanish(owner)

    def _appear(self, owner: Owner) -> None:
        """Count a new name at its parent, and the parent at its own if that makes it exist."""
        children = self.children
        while owner != ROOT:
            owner = owner[1 + owner[0] :]
            count = children.get(owner, 0)
            children[owner] = count + 1
            if count or (owner != ROOT and self.has_records(owner)):
                return

    def _vanish(self, owner: Owner) -> None:
        """Undo `_appear` when nothing is left of a name."""
        children = self.children
        while owner != ROOT and owner not in children and not self.has_records(owner):
            owner = owner[1 + owner[0] :]
            count = children[owner] - 1
            if count:
                children[owner] = count
                return
            del children[owner]
