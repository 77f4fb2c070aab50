"""A roll call: which of many known keys a list does not name, for as little memory as that takes.

A set of a hundred thousand keys takes four megabytes, which a process keeps once it had them. The keys in order and a
mark for each take nine octets a key; where a key stands is found by halving.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable


class RollCall:
    """Keys that are expected; whoever is not seen is absent."""

    def __init__(self, keys: Iterable[str] = ()) -> None:
        self._keys = sorted(keys)  # they nearly are: lists come in order
        self._seen = bytearray(len(self._keys))

    def see(self, key: str) -> None:
        """Mark a key as seen; one that nobody expects is no matter."""
        self._mark(key, 1)

    def miss(self, key: str) -> None:
        """Take the mark away."""
        self._mark(key, 0)

    def absent(self) -> list[str]:
        """List the keys that were not seen."""
        return [key for key, seen in zip(self._keys, self._seen, strict=True) if not seen]

    def _mark(self, key: str, seen: int) -> None:
        at = bisect_left(self._keys, key)
        if at < len(self._keys) and self._keys[at] == key:
            self._seen[at] = seen
