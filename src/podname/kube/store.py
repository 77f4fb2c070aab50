"""Where the objects of one kind are kept, and who is told when they change.

A source (a reflector, or a folder of manifests) writes; handlers (compilers) follow. A list replaces the whole content
at once, and handlers get all that differs as one batch, so nobody ever sees half a cluster: an object that a list names
otherwise than before is never gone in between. A handler that comes later gets what is already there the same way.

The words are client-go's: Store, key, `has_synced`, event handlers. Everything happens on the event loop's thread.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Generic, Protocol, TypeVar

from podname.kube.objects import Keyed

logger = logging.getLogger(__name__)

T = TypeVar("T", bound=Keyed)
T_contra = TypeVar("T_contra", bound=Keyed, contravariant=True)

#: One object before and after: no old one when it is new, no new one when it is gone. Both have the same key.
Change = tuple[T | None, T | None]


class ResourceEventHandler(Protocol[T_contra]):
    """Follows a store. Objects are immutable.

    It is called with what happened at once: one event, or all that differs in a list; each object is named once. The
    first call, made even when there is nothing, brings the initial list: by then the store has synced.
    """

    def __call__(
        self,
        changes: Collection[tuple[T_contra | None, T_contra | None]],
        is_initial_list: bool,
        /,
    ) -> None:
        """Take changes."""


class Store(Generic[T]):
    """Objects of one kind by key. `has_synced` turns true with the first list and stays true."""

    def __init__(self) -> None:
        self.objects: dict[str, T] = {}
        self.has_synced = False
        self._handlers: list[ResourceEventHandler[T]] = []

    def add_event_handler(self, handler: ResourceEventHandler[T]) -> None:
        """Add a handler; it is given the present content at once if there has been a sync."""
        self._handlers.append(handler)
        if self.has_synced:
            _call(handler, _Initial(self.objects), is_initial_list=True)

    def remove_event_handler(self, handler: ResourceEventHandler[T]) -> None:
        """Tell `handler` nothing more."""
        self._handlers.remove(handler)

    def update(self, obj: T) -> None:
        """Add or update one object. An object that has not changed tells nobody."""
        old = self.objects.get(obj.key)
        if old != obj:
            self.objects[obj.key] = obj
            self._tell([(old, obj)])

    def delete(self, key: str) -> None:
        """Remove an object; one that is not there is no error."""
        old = self.objects.pop(key, None)
        if old is not None:
            self._tell([(old, None)])

    def replace(self, objects: Iterable[T]) -> None:
        """Swap the content for the result of a list, which is short."""
        content = {obj.key: obj for obj in objects}
        self.swap(content, [change for change in self.compare(content) if change is not None])

    def compare(self, content: Mapping[str, T]) -> Iterator[Change[T] | None]:
        """Return what of a list differs; None for what does not, so that others can have their turn.

        Before the first list nothing does: that is told whole.
        """
        before = self.objects
        for key, new in content.items() if self.has_synced else ():
            old = before.get(key)
            yield None if old is new or old == new else (old, new)
        for key, old in before.items():
            yield None if key in content else (old, None)

    def swap(self, content: dict[str, T], changes: Sequence[Change[T]]) -> None:
        """Swap the content for that of a list, which nobody else may change, and tell in what it differs."""
        self.objects = content
        if not self.has_synced:
            self.has_synced = True
            self._tell(_Initial(content), is_initial_list=True)
        elif changes:
            self._tell(changes)

    def _tell(self, changes: Collection[Change[T]], *, is_initial_list: bool = False) -> None:
        for handler in list(self._handlers):
            _call(handler, changes, is_initial_list=is_initial_list)


class Replacement(Generic[T]):
    """The content of a list while it comes: it is published whole, or not at all.

    What is known already is the same object in it: listing a hundred thousand known objects again costs one more
    dictionary, not a second copy of the cluster.
    """

    def __init__(self, store: Store[T]) -> None:
        self._store = store
        self._content: dict[str, T] = {}

    def update(self, obj: T) -> None:
        """Add an object, or a newer version of it."""
        known = self._store.objects.get(obj.key)
        if known == obj:
            obj = known
        self._content[obj.key] = obj  # a pod's own key: no second text of it

    def delete(self, key: str) -> None:
        """Take an object out that went while the list came."""
        self._content.pop(key, None)

    def publish(self) -> Iterator[None]:
        """Find what differs a step at a time, then swap the store's content at once."""
        changes = list[Change[T]]()
        for change in self._store.compare(self._content):
            if change is not None:
                changes.append(change)
            yield
        self._store.swap(self._content, changes)


class _Initial(Collection[Change[T]]):
    """A whole content as changes, which are made only for who asks for them."""

    def __init__(self, content: Mapping[str, T]) -> None:
        self._content = content

    def __len__(self) -> int:
        return len(self._content)

    def __iter__(self) -> Iterator[Change[T]]:
        return ((None, obj) for obj in self._content.values())

    def __contains__(self, change: object) -> bool:
        return any(each == change for each in self)


def _call(
    handler: ResourceEventHandler[T], changes: Collection[Change[T]], *, is_initial_list: bool
) -> None:
    """A handler's defect, met by one odd object, costs neither the other handlers nor the objects after it."""
    try:
        handler(changes, is_initial_list)
    except Exception:
        logger.exception("a handler failed")
