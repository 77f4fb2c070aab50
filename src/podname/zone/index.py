"""Which objects have an address: one or, rarely, several keys.

Nearly every address belongs to one object, so a key stands alone and becomes a tuple only when a second comes.
"""

from __future__ import annotations


class AddressIndex:
    """Keys by address octets."""

    def __init__(self) -> None:
        self._keys: dict[bytes, str | tuple[str, ...]] = {}

    def add(self, address: bytes, key: str) -> None:
        """Say that the object `key` has this address. Twice is once."""
        known = self._keys.get(address)
        if known is None:
            self._keys[address] = key
        elif isinstance(known, str):
            if known != key:
                self._keys[address] = (known, key)
        elif key not in known:
            self._keys[address] = (*known, key)

    def discard(self, address: bytes, key: str) -> None:
        """Say that the object no longer has it."""
        known = self._keys.get(address)
        if known == key:
            del self._keys[address]
        elif isinstance(known, tuple):
            left = tuple(k for k in known if k != key)
            self._keys[address] = left[0] if len(left) == 1 else left

    def keys(self, address: bytes) -> tuple[str, ...]:
        """Give the keys of the objects that have the address."""
        known = self._keys.get(address)
        if known is None:
            return ()
        return (known,) if isinstance(known, str) else known

    def __len__(self) -> int:
        """Count the addresses."""
        return len(self._keys)
