"""One zone and its file, looked at now and then.

What is broken, or gone, leaves the zone as it was.

Source: CoreDNS 1.15.0 plugin/file reload.go.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from podname.corefile import Token
from podname.dns.names import to_text
from podname.zones import BadZoneFile, Zone, read_zone

_log = logging.getLogger(__name__)


class ZoneFile:
    """A zone as its file says; `is_empty` until that could be read. `word` names the file in the Corefile."""

    def __init__(
        self, path: Path, origin: bytes, word: Token, reload_seconds: float, *, by_mtime: bool
    ) -> None:
        self.path, self.origin, self.word = path, origin, word
        self.reload_seconds = reload_seconds
        self.zone = Zone(origin)
        self._by_mtime = by_mtime
        self._modified_ns = 0

    async def read(self) -> None:
        """Read the file. Raises BadZoneFile or OSError."""
        self._modified_ns = self.path.stat().st_mtime_ns
        self.zone = await asyncio.to_thread(read_zone, self.path, self.origin)

    async def look(self) -> None:
        """Read the file again, and take the zone if it is another one; log what is wrong with it."""
        name = to_text(self.origin)
        try:
            modified_ns = self.path.stat().st_mtime_ns
            if self._by_mtime and modified_ns <= self._modified_ns:
                return
            zone = await asyncio.to_thread(read_zone, self.path, self.origin)
        except (BadZoneFile, OSError) as error:
            _log.error("Zone %s stays as it was: %s", name, error)
            return
        self._modified_ns = modified_ns
        if self._by_mtime or zone.serial != self.zone.serial:
            self.zone = zone
            _log.info(
                "Zone %s was read from %s again, with serial %s", name, self.path, zone.serial
            )

    async def follow(self) -> None:
        """Look for ever."""
        while self.reload_seconds:
            await asyncio.sleep(self.reload_seconds)
            await self.look()
