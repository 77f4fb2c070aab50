"""Which objects belong to something: an address, or a Service. One or, rarely, several.

Nearly every address belongs to one pod and one endpoint, so an object stands alone and becomes a tuple only when a
second comes. The objects themselves are kept, not their keys: a reference costs nothing, a text costs eighty octets.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar, cast

from podname.kube.objects import EndpointSlice, Pod, Service

K = TypeVar("K", bound=Hashable)
T = TypeVar("T", bound=Pod | EndpointSlice | Service)


class Index(Generic[K, T]):
    """Objects by what they belong to. Of one object (of one key) only the last state is kept.

    While indexes are filled they may have `places` in common, so that of equal ones there is one in memory.
    """

    def __init__(self) -> None:
        self.places: dict[K, K] | None = None
        self._objects: dict[K, T | tuple[T, ...]] = {}

    def add(self, place: K, obj: T) -> None:
        """Say that the object belongs here. Twice is once."""
        if self.places is not None:
            place = self.places.setdefault(place, place)
        known = self._objects.setdefault(place, obj)
        if known is not obj:
            others = tuple([one for one in _all(known) if not _is_same(one, obj)])
            self._objects[place] = (*others, obj) if others else obj

    def discard(self, place: K, obj: T) -> None:
        """Say that the object no longer belongs here."""
        known = self._objects.get(place)
        if known is None:
            return
        left = tuple([one for one in _all(known) if not _is_same(one, obj)])
        if not left:
            del self._objects[place]
        else:
            self._objects[place] = left[0] if len(left) == 1 else left

    def get(self, place: K) -> tuple[T, ...]:
        """Return the objects that belong here."""
        known = self._objects.get(place)
        return () if known is None else _all(known)

    def first(self, place: K) -> T | None:
        """Return the object that belongs here longest."""
        known = self._objects.get(place)
        return known[0] if type(known) is tuple else cast("T | None", known)

    def only(self, place: K) -> T | None:
        """Return the object that belongs here alone; None when there is none, or a second."""
        known = self._objects.get(place)
        return None if type(known) is tuple else cast("T | None", known)

    def all(self) -> Iterator[T]:
        """Return every object that there is now, as often as it belongs somewhere; it may change meanwhile."""
        for known in list(self._objects.values()):
            yield from _all(known)

    def __contains__(self, place: K) -> bool:
        """Return whether anything belongs here."""
        return place in self._objects

    def __len__(self) -> int:
        """Count the places."""
        return len(self._objects)


def _is_same(one: T, other: T) -> bool:
    """Return whether these are states of one object; to compare names first costs a place of many little."""
    return one is other or (one.name == other.name and one.key == other.key)


def _all(known: T | tuple[T, ...]) -> tuple[T, ...]:
    return known if type(known) is tuple else (cast("T", known),)
