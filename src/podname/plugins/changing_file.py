"""A file that is read again when it changes.

It counts as changed when its time, size or inode do: a ConfigMap is changed by pointing a link elsewhere.
"""

from __future__ import annotations

import os
from pathlib import Path


class ChangingFile:
    """One file, as it was when it was last read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.modified_seconds: float | None = None  # None: it was never read
        self._signature: tuple[int, ...] = ()

    def read(self) -> bytes | None:
        """Return what is in the file; None if it is what it was last time. Blocks. Raises OSError."""
        with self.path.open("rb") as file:
            stat = os.fstat(file.fileno())
            signature = (stat.st_mtime_ns, stat.st_size, stat.st_ino, stat.st_ctime_ns)
            if signature == self._signature:
                return None
            octets = file.read()
        self._signature, self.modified_seconds = signature, stat.st_mtime
        return octets
