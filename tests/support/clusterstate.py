"""The objects of a pretended cluster: versions, a history of changes, selectors."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

Obj = dict[str, Any]
Key = tuple[str, str]  # namespace, name


@dataclass(frozen=True)
class Change:
    """One entry of the history."""

    version: int
    plural: str
    old: Obj | None
    new: Obj | None


@dataclass
class Selection:
    """What a request asks for: one namespace or all, labels and fields."""

    plural: str
    namespace: str = ""
    labels: str = ""
    fields: str = ""

    def takes(self, obj: Obj | None) -> bool:
        if obj is None:
            return False
        metadata = obj.get("metadata") or {}
        if self.namespace and metadata.get("namespace") != self.namespace:
            return False
        labels = metadata.get("labels") or {}
        return all(
            _holds(labels.get(key), op, want) for key, op, want in _terms(self.labels)
        ) and all(_holds(_field(obj, key), op, want) for key, op, want in _terms(self.fields))


@dataclass
class ClusterState:
    """Put and delete objects; each change gets the next version and a place in the history."""

    version: int = 1000
    compacted: int = 0  # watches from before this version are gone
    loses_events: bool = False  # changes happen, no watcher hears of them
    history: list[Change] = field(default_factory=list)
    followers: list[Callable[[], None]] = field(default_factory=list)  # of `tell`
    _objects: dict[str, dict[Key, Obj]] = field(default_factory=dict)

    def put(self, plural: str, obj: Obj) -> Obj:
        obj = copy.deepcopy(obj)
        self.version += 1
        metadata = obj.setdefault("metadata", {})
        metadata["resourceVersion"] = str(self.version)
        key = (metadata.get("namespace", ""), metadata["name"])
        objects = self._objects.setdefault(plural, {})
        old = objects.get(key)
        objects[key] = obj
        self._record(Change(self.version, plural, old, obj))
        return obj

    def delete(self, plural: str, name: str, namespace: str = "") -> None:
        old = self._objects.get(plural, {}).pop((namespace, name), None)
        if old is not None:
            self.version += 1
            self._record(Change(self.version, plural, old, None))

    def tell(self) -> None:
        """Let every server that shares this state send what its watchers have not heard."""
        for follower in self.followers:
            follower()

    def get(self, plural: str, namespace: str, name: str) -> Obj | None:
        return self._objects.get(plural, {}).get((namespace, name))

    def select(self, selection: Selection) -> list[Obj]:
        objects = self._objects.get(selection.plural, {})
        return [obj for _, obj in sorted(objects.items()) if selection.takes(obj)]

    def events(self, selection: Selection, change: Change) -> Iterator[tuple[str, Obj]]:
        """What a watcher with this selection hears of a change: it may enter or leave the selection."""
        if change.plural != selection.plural:
            return
        before, after = selection.takes(change.old), selection.takes(change.new)
        if after and change.new is not None:
            yield ("MODIFIED" if before else "ADDED"), change.new
        elif before and change.old is not None:
            last = copy.deepcopy(change.new or change.old)
            last["metadata"]["resourceVersion"] = str(change.version)
            yield "DELETED", last

    def compact(self) -> None:
        """Forget the history: whoever watches from an older version gets 410."""
        self.version += 1
        self.compacted = self.version

    def _record(self, change: Change) -> None:
        if not self.loses_events:
            self.history.append(change)


def _terms(selector: str) -> list[tuple[str, str, str]]:
    terms = []
    for term in filter(None, selector.split(",")):
        op = "!=" if "!=" in term else "="
        key, _, want = term.partition(op)
        terms.append((key.strip(), op, want.lstrip("=").strip()))
    return terms


def _holds(have: str | None, op: str, want: str) -> bool:
    return (have == want) if op == "=" else (have != want)


def _field(obj: Obj, path: str) -> str:
    value: Any = obj
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value if isinstance(value, str) else ""
