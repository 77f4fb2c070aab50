"""A hosts file that is read again when it changes.

A file that is gone, or cannot be read, leaves what it said last. It counts as changed when its time, size or inode do:
a ConfigMap is changed by pointing a link elsewhere.

Source: CoreDNS 1.15.0 plugin/hosts hostsfile.go (`readHosts`).
"""

from __future__ import annotations

import os
from pathlib import Path

from podname.plugins.hosts.entries import Entries, parse


class HostsFile:
    """One file and what it said when it was last read."""

    def __init__(self, path: Path, zones: frozenset[bytes], *, reverse: bool) -> None:
        self.path = path
        self.entries = Entries()
        self.modified_seconds: float | None = None  # None: it was never read
        self._zones = zones
        self._reverse = reverse
        self._signature: tuple[int, ...] = ()

    def read(self) -> bool:
        """Read the file if it changed; say whether it did. Blocks."""
        try:
            with self.path.open("rb") as file:
                stat = os.fstat(file.fileno())
                signature = (stat.st_mtime_ns, stat.st_size, stat.st_ino, stat.st_ctime_ns)
                if signature == self._signature:
                    return False
                octets = file.read()
        except OSError:
            return False
        self.entries = parse(octets, self._zones, reverse=self._reverse)
        self._signature, self.modified_seconds = signature, stat.st_mtime
        return True
