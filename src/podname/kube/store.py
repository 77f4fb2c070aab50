"""Where the objects of one kind are kept, and who is told when they change.

A source (a reflector, or a folder of manifests) writes; handlers (compilers) follow. A list replaces the whole content
at once, so nobody ever sees half a cluster; a handler that comes later gets what is already there the same way.

The words are client-go's: Store, key, `has_synced`. Everything happens on the event loop's thread.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Generic, Protocol, TypeVar

from podname.kube.objects import Keyed

logger = logging.getLogger(__name__)

T = TypeVar("T", bound=Keyed)
T_contra = TypeVar("T_contra", bound=Keyed, contravariant=True)


class Handler(Protocol[T_contra]):
    """Follows a store. Objects are immutable; `old` and `new` of one change have the same key."""

    def replaced(self, objects: Mapping[str, T_contra]) -> None:
        """Take a whole new content: the first list, or a relist that differs too much to tell."""

    def changed(self, old: T_contra | None, new: T_contra | None) -> None:
        """Follow one change: added (no old), updated, deleted (no new)."""


class Store(Generic[T]):
    """Objects of one kind by key. `has_synced` turns true with the first `replace` and stays true."""

    def __init__(self) -> None:
        self.objects: dict[str, T] = {}
        self.has_synced = False
        self._handlers: list[Handler[T]] = []

    def follow(self, handler: Handler[T]) -> None:
        """Add a handler; it is given the present content at once if there has been a sync."""
        self._handlers.append(handler)
        if self.has_synced:
            _guarded(handler.replaced, self.objects)

    def forget(self, handler: Handler[T]) -> None:
        """Tell `handler` nothing more."""
        self._handlers.remove(handler)

    def put(self, obj: T) -> None:
        """Add or update one object. An object that has not changed tells nobody."""
        old = self.objects.get(obj.key)
        if old != obj:
            self.objects[obj.key] = obj
            self._tell(old, obj)

    def remove(self, key: str) -> None:
        """Remove an object; one that is not there is no error."""
        old = self.objects.pop(key, None)
        if old is not None:
            self._tell(old, None)

    def replace(self, objects: Iterable[T]) -> None:
        """Swap the content for the result of a list.

        The first time, handlers take it whole; later they are told what differs, deletions included.
        """
        content = {obj.key: obj for obj in objects}
        if not self.has_synced:
            self.load(content)
            return
        before = self.objects
        changed = {key: new for key, new in content.items() if before.get(key) != new}
        self.merge(changed, [key for key in before if key not in content])

    def load(self, content: dict[str, T]) -> None:
        """Take a whole content by key, which must not be changed afterwards; handlers take it whole too."""
        self.objects = content
        self.has_synced = True
        for handler in list(self._handlers):
            _guarded(handler.replaced, content)

    def merge(self, changed: Mapping[str, T], removed: Iterable[str]) -> None:
        """Take all differences of a list at once, then tell handlers of each: deletions first."""
        gone = [old for key in removed if (old := self.objects.pop(key, None)) is not None]
        told = [(self.objects.get(key), new) for key, new in changed.items()]
        self.objects.update(changed)
        for old in gone:
            self._tell(old, None)
        for before, new in told:
            self._tell(before, new)

    def _tell(self, old: T | None, new: T | None) -> None:
        for handler in list(self._handlers):
            _guarded(handler.changed, old, new)


def _guarded(tell: Callable[..., None], *arguments: object) -> None:
    """A handler's defect, met by one odd object, costs neither the other handlers nor the objects after it."""
    try:
        tell(*arguments)
    except Exception:
        logger.exception("a handler failed")
