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

from typing import Generic

from msgspec import Struct

from podname.kube.kinds import T
from podname.kube.rollcall import RollCall
from podname.kube.store import Store


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

    While a list runs, only what differs from the store is kept aside: listing a hundred thousand known objects again
    costs a roll call of their keys, not a second copy of the cluster.
    """

    def __init__(self, store: Store[T]) -> None:
        self.store = store
        self._staged: dict[str, T] | None = None  # None: no list is running
        self._called = RollCall()

    def write(self, event: Init | InitApply[T] | InitDone | Apply[T] | Delete) -> None:
        """Follow one event."""
        match event:
            case InitApply():
                self._stage(event.key, event.object)
            case Apply():
                self._apply(event.key, event.object)
            case Delete():
                self._delete(event.key)
            case Init():
                self._staged, self._called = {}, RollCall(self.store.objects)
            case InitDone():
                self._publish()

    def _stage(self, key: str, obj: T) -> None:
        assert self._staged is not None, "InitApply without Init"  # noqa: S101
        self._called.see(key)
        if self.store.objects.get(key) == obj:
            self._staged.pop(key, None)
        else:
            self._staged[key] = obj

    def _apply(self, key: str, obj: T) -> None:
        if self._staged is None:
            self.store.put(obj)
        else:
            self._stage(key, obj)

    def _delete(self, key: str) -> None:
        if self._staged is None:
            self.store.remove(key)
            return
        self._staged.pop(key, None)
        self._called.miss(key)

    def _publish(self) -> None:
        assert self._staged is not None, "InitDone without Init"  # noqa: S101
        staged, called = self._staged, self._called
        self._staged, self._called = None, RollCall()
        if self.store.has_synced:
            self.store.merge(staged, called.absent())
        else:
            self.store.load(staged)
