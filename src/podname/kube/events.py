"""What a reflector tells: an explicit list first, then changes; and how that is brought into a store.

::

    Init ── InitApply* ── InitDone ──► (Apply | Delete)* ──► Init … (listed again)

Between Init and InitDone nothing is published: objects come in any order and the list may break off, then the next
Init begins anew. InitDone swaps the content at once. A consumer of these events cannot forget the swap.

`version` is the resource version as a number: Kubernetes promises since 1.35 that they can be compared (KEP-5504),
and they always could. One that is no number counts as 0, "not known".

Sources: kube-rs `watcher::Event`; client-go tools/cache `Reflector`, `ThreadSafeStore.Replace`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic

from msgspec import Struct

from podname.kube.kinds import T
from podname.kube.store import Change, Store, differences


class Init(Struct, frozen=True):
    """A list begins."""


class InitApply(Struct, Generic[T], frozen=True, gc=False):
    """An object of the list."""

    key: str
    version: int
    object: T


class InitDone(Struct, frozen=True):
    """The list is complete, as of `version`."""

    version: int


class Apply(Struct, Generic[T], frozen=True, gc=False):
    """An object was added or changed."""

    key: str
    version: int
    object: T


class Delete(Struct, frozen=True, gc=False):
    """An object is gone."""

    key: str
    version: int


class Progress(Struct, frozen=True, gc=False):
    """Nothing happened up to `version`: a bookmark, or an object that is of no use.

    `initial_events_end` marks the bookmark that ends the initial events of a WatchList.
    """

    version: int
    initial_events_end: bool = False


class StoreWriter(Generic[T]):
    """Brings a reflector's events into a store.

    A list makes a content of its own, in which what is known already is the same object: listing a hundred thousand
    known objects again costs one more dictionary, not a second copy of the cluster.
    """

    def __init__(self, store: Store[T]) -> None:
        self.store = store
        self._listed: dict[str, T] | None = None  # None: no list is running

    def write(
        self, event: Init | InitApply[T] | InitDone | Apply[T] | Delete
    ) -> Iterator[None] | None:
        """Follow one event. What ends a list gives steps of work, to be gone through before the next event."""
        match event:
            case InitApply():
                self._list(event.object)
            case Apply():
                self._apply(event.object)
            case Delete():
                self._delete(event.key)
            case Init():
                self._listed = {}
            case InitDone():
                return self._publish()
        return None

    def _apply(self, obj: T) -> None:
        if self._listed is None:
            self.store.put(obj)
        else:
            self._list(obj)

    def _delete(self, key: str) -> None:
        if self._listed is None:
            self.store.remove(key)
        else:
            self._listed.pop(key, None)

    def _list(self, obj: T) -> None:
        assert self._listed is not None, "InitApply without Init"  # noqa: S101
        known = self.store.objects.get(obj.key)
        if known == obj:
            obj = known
        self._listed[obj.key] = obj  # a pod's own key: no second text of it

    def _publish(self) -> Iterator[None]:
        """Find what differs a step at a time, then swap the content at once."""
        assert self._listed is not None, "InitDone without Init"  # noqa: S101
        content, changes = self._listed, list[Change[T]]()
        if self.store.has_synced:
            for change in differences(self.store.objects, content):
                if change is not None:
                    changes.append(change)
                yield
        self._listed = None
        if self.store.has_synced:
            self.store.merge(content, changes)
        else:
            self.store.load(content)
