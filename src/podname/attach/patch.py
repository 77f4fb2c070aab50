"""The difference between two plain trees, as JSON Patch operations: a webhook answers them, a file is edited by them.

Only what injecting needs: keys are added or replaced, list elements are added at the end; nothing is removed. What is
empty is replaced as a whole, so that all that comes into it comes in one operation.

Source: RFC 6902, RFC 6901.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

Path = tuple[str | int, ...]
END = "-"
"""The step after the last element of a list."""


@dataclass(frozen=True, slots=True)
class Operation:
    """Add or replace what is at a path."""

    op: Literal["add", "replace"]
    path: Path
    value: Any

    def as_json(self) -> dict[str, Any]:
        """Return the operation as RFC 6902 writes it."""
        return {"op": self.op, "path": pointer(self.path), "value": self.value}

    def below(self, prefix: Path) -> Operation:
        """Return the same for a tree in which this one is at `prefix`."""
        return Operation(self.op, (*prefix, *self.path), self.value)


def pointer(path: Path) -> str:
    """Write a JSON pointer."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


def copied(tree: Any) -> Any:
    """Copy a plain tree. What is no mapping and no list cannot be changed, and stays the same object."""
    if isinstance(tree, dict):
        return {key: copied(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [copied(value) for value in tree]
    return tree


def changes(old: Any, new: Any, path: Path = ()) -> Iterator[Operation]:
    """Return what makes `new` of `old`. Fast for a `new` that began as `copied(old)`."""
    if old in ({}, []) and type(old) is type(new) and len(new) > 1:
        yield Operation("replace", path, new)
    elif isinstance(old, dict) and isinstance(new, dict):
        for key, value in new.items():
            if key not in old:
                yield Operation("add", (*path, key), value)
            elif value is not old[key]:
                yield from changes(old[key], value, (*path, key))
    elif isinstance(old, list) and isinstance(new, list) and len(new) >= len(old):
        for number, (one, other) in enumerate(zip(old, new, strict=False)):
            if one is not other:
                yield from changes(one, other, (*path, number))
        for value in new[len(old) :]:
            yield Operation("add", (*path, END), value)
    elif old != new or type(old) is not type(new):
        yield Operation("replace", path, new)


def applied(tree: Any, operations: list[Operation]) -> Any:
    """Return a copy of a tree with operations applied."""
    tree = copied(tree)
    for operation in operations:
        at = tree
        for step in operation.path[:-1]:
            at = at[step]
        last = operation.path[-1]
        if isinstance(at, list) and last == END:
            at.append(copied(operation.value))
        else:
            at[last] = copied(operation.value)
    return tree
