"""Where the objects of one kind are kept, and who is told when they change.

A source (a reflector, or a folder of manifests) writes; handlers (compilers) follow. A list replaces the whole content
at once, and handlers get all that differs as one batch, so nobody ever sees half a cluster: an object that a list names
otherwise than before is never gone in between. A handler that comes later gets what is already there the same way.

The words are client-go's: Store, key, `has_synced`. Everything happens on the event loop's thread.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Generic, Protocol, TypeVar

from podname.kube.objects import Keyed

logger = logging.getLogger(__name__)

T = TypeVar("T", bound=Keyed)
T_contra = TypeVar("T_contra", bound=Keyed, contravariant=True)

#: One object before and after: no old one when it is new, no new one when it is gone. Both have the same key.
Change = tuple[T | None, T | None]


class Handler(Protocol[T_contra]):
    """Follows a store. Objects are immutable."""

    def replaced(self, objects: Mapping[str, T_contra]) -> None:
        """Take the first content: that of the first list."""

    def changed(self, changes: Sequence[tuple[T_contra | None, T_contra | None]]) -> None:
        """Follow what happened at once: one event, or all that differs in a list. Each object is named once."""


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
            self._tell([(old, obj)])

    def remove(self, key: str) -> None:
        """Remove an object; one that is not there is no error."""
        old = self.objects.pop(key, None)
        if old is not None:
            self._tell([(old, None)])

    def replace(self, objects: Iterable[T]) -> None:
        """Swap the content for the result of a list.

        The first time, handlers take it whole; later they are told what differs, deletions included.
        """
        content = {obj.key: obj for obj in objects}
        if not self.has_synced:
            self.load(content)
        else:
            differ = differences(self.objects, content)
            self.merge(content, [change for change in differ if change is not None])

    def load(self, content: dict[str, T]) -> None:
        """Take a first content by key, which must not be changed afterwards; handlers take it whole too."""
        self.objects = content
        self.has_synced = True
        for handler in list(self._handlers):
            _guarded(handler.replaced, content)

    def merge(self, content: dict[str, T], changes: Sequence[Change[T]]) -> None:
        """Swap the content for that of a list, and tell handlers at once in what it differs."""
        self.objects = content
        if changes:
            self._tell(changes)

    def _tell(self, changes: Sequence[Change[T]]) -> None:
        for handler in list(self._handlers):
            _guarded(handler.changed, changes)


def differences(before: Mapping[str, T], after: Mapping[str, T]) -> Iterator[Change[T] | None]:
    """Return what differs in two contents; None for what does not, so that others can have their turn."""
    for key, new in after.items():
        old = before.get(key)
        yield None if old is new or old == new else (old, new)
    for key, old in before.items():
        yield None if key in after else (old, None)


def _guarded(tell: Callable[..., None], *arguments: object) -> None:
    """A handler's defect, met by one odd object, costs neither the other handlers nor the objects after it."""
    try:
        tell(*arguments)
    except Exception:
        logger.exception("a handler failed")
