"""Look now and then whether the Corefile has changed, and serve it if it has.

The file is read as a whole and compared by its words, imports put in place: that notices the symlink
swap of a ConfigMap, and costs no watch. A file that was refused is not tried again before it changes.

Source: CoreDNS plugin/reload.
"""

from __future__ import annotations

import asyncio
import logging

from podname.errors import CorefileError, PodnameError
from podname.plugins.reload.handler import Reload
from podname.server.lifecycle import Server

_log = logging.getLogger("podname.plugins.reload")


class Watch:
    """Reloads a server when its Corefile changes, as its `reload` directive says."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._refused = ""  # the digest, or the error, of what was refused last

    async def run(self) -> None:
        """Look for ever."""
        while True:
            plugin = self._plugin()
            try:
                async with asyncio.timeout(plugin.next_look_seconds() if plugin else None):
                    await self._server.changed.wait()
                self._server.changed.clear()
                self._tell()
            except TimeoutError:
                try:
                    await self.look()
                except Exception:  # whatever a file made of us, the next one is looked at
                    _log.exception("Could not look at the Corefile")

    async def look(self) -> None:
        """Read the Corefile and reload if it is another one."""
        try:
            corefile = self._server.source.read()
        except CorefileError as error:
            if self._refused != str(error):
                self._refused = str(error)
                self._fail("Corefile parse failed", error)
            return
        serving = self._server.configuration
        if serving is None or corefile.text_digest in {serving.digest, self._refused}:
            return
        if plugin := self._plugin():
            plugin.counters.digest = corefile.text_digest
        try:
            await self._server.reload(corefile)
        except Exception as error:
            self._refused = corefile.text_digest
            self._fail("Corefile changed but reload failed", error)

    def _plugin(self) -> Reload | None:
        serving = self._server.configuration
        plugin = serving.plugin("reload") if serving else None
        return plugin if isinstance(plugin, Reload) else None

    def _tell(self) -> None:
        if self._plugin() and self._server.configuration:
            _log.info("Running configuration SHA512 = %s", self._server.configuration.digest)

    def _fail(self, what: str, error: Exception) -> None:
        if plugin := self._plugin():
            plugin.counters.failed += 1
        log_failure(_log, what, error)


def log_failure(log: logging.Logger, what: str, error: Exception) -> None:
    """Log why a reload failed: every mistake of the Corefile, or the fault with its traceback."""
    others = error.others if isinstance(error, CorefileError) else ()
    for told in (error, *others):
        known = isinstance(told, OSError | PodnameError)
        log.error("%s: %s", what, told, exc_info=None if known else told)
