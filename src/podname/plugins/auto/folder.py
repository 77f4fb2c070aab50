"""The zones that the files of a folder hold: each file's name says which.

Source: CoreDNS 1.15.0 plugin/auto walk.go.
"""

from __future__ import annotations

import asyncio
import logging
import os
from dataclasses import dataclass
from pathlib import Path

from podname.corefile import Token
from podname.corefile.regexp import Regexp, expand
from podname.dns.names import BadName, from_text, to_text
from podname.plugins.file.zonefile import ZoneFile
from podname.zones import BadZoneFile

#: Files that are looked at; of a folder with more the rest is left out, with a warning.
FILES_MAX = 100_000

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Naming:
    """Where files are, and how a zone's name comes out of a file's."""

    folder: Path
    pattern: Regexp
    template: str
    word: Token  # that names the folder

    def origin_of(self, name: str) -> bytes | None:
        """Return the zone that a file of this name holds, None when it holds none."""
        groups = self.pattern.find(name)
        if groups is None:
            return None
        try:
            return from_text(expand(self.template, groups).lower())
        except BadName as error:
            _log.warning("The file %s names no zone: %s", name, error)
            return None


class ZoneFolder:
    """The zones of a folder, by origin."""

    def __init__(self, naming: Naming, reload_seconds: float) -> None:
        self.files: dict[bytes, ZoneFile] = {}
        self._naming, self._reload_seconds = naming, reload_seconds

    async def look(self) -> None:
        """Take new files in, leave out those that are gone, read again those with another serial."""
        found = await asyncio.to_thread(self._scan)
        for origin in self.files.keys() - found.keys():
            del self.files[origin]
            _log.info("Zone %s is gone", to_text(origin))
        for origin, path in found.items():
            known = self.files.get(origin)
            if known is not None:
                known.path = path
                await known.look()
                continue
            file = ZoneFile(path, origin, self._naming.word, 0, by_mtime=False)
            try:
                await file.read()
            except (BadZoneFile, OSError) as error:
                _log.warning("Zone %s: %s", to_text(origin), error)
            else:
                self.files[origin] = file
                _log.info("Zone %s was read from %s", to_text(origin), path)

    async def follow(self) -> None:
        """Look for ever."""
        while self._reload_seconds:
            await asyncio.sleep(self._reload_seconds)
            await self.look()

    def _scan(self) -> dict[bytes, Path]:
        """Return the file of each zone, the first one in the order of their paths."""
        found: dict[bytes, Path] = {}
        for path in self._paths():
            origin = self._naming.origin_of(path.name)
            if origin is None:
                continue
            if origin in found:
                used = found[origin]
                _log.warning("Zone %s: %s is used, not %s", to_text(origin), used, path)
            found.setdefault(origin, path)
        return found

    def _paths(self) -> list[Path]:
        paths: list[Path] = []
        for folder, inner, names in os.walk(self._naming.folder.resolve()):
            inner.sort()
            paths += [Path(folder, name) for name in names]
            if len(paths) > FILES_MAX:
                _log.warning("Only %d files of %s are looked at", FILES_MAX, self._naming.folder)
                break
        return sorted(paths[:FILES_MAX])
