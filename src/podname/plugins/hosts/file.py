"""A hosts file and what it says. One that is gone, or cannot be read, leaves what it said last.

Source: CoreDNS 1.15.0 plugin/hosts hostsfile.go (`readHosts`).
"""

from __future__ import annotations

from pathlib import Path

from podname.plugins.changing_file import ChangingFile
from podname.plugins.hosts.entries import Entries, parse


class HostsFile:
    """One file and what it said when it was last read."""

    def __init__(self, path: Path, zones: frozenset[bytes], *, reverse: bool) -> None:
        self.entries = Entries()
        self._file = ChangingFile(path)
        self._zones = zones
        self._reverse = reverse

    @property
    def modified_seconds(self) -> float | None:
        """When what it says was written; None before it was read."""
        return self._file.modified_seconds

    def read(self) -> bool:
        """Read the file if it changed; say whether it did. Blocks."""
        try:
            octets = self._file.read()
        except OSError:
            return False
        if octets is None:
            return False
        self.entries = parse(octets, self._zones, reverse=self._reverse)
        return True
