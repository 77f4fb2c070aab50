"""A certificate and its key in files, shown to clients, and looked at now and then.

What is broken, or gone, leaves the one that is shown.

Sources: Python `ssl`; CoreDNS 1.15.0 plugin/tls (which reads the files once).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path

from podname.runtime.http.tls import Tls

LOOK_SECONDS = 10.0

_log = logging.getLogger(__name__)


class Certificate:
    """What one `tls` directive shows. It outlives a reload that does not change the directive."""

    def __init__(self, paths: Sequence[Path], client_auth: str, key_log: Path | None) -> None:
        self.tls = Tls()
        self._certificate, self._key, *authorities = paths
        self._authority = authorities[0] if authorities else None
        self._client_auth, self._key_log = client_auth, key_log
        self._shown: tuple[bytes, bytes] | None = None

    def read(self) -> None:
        """Show what the files hold; ask clients for theirs. Raises OSError or ValueError."""
        files = self._certificate.read_bytes(), self._key.read_bytes()
        if self._shown is None:
            if self._client_auth in {"verify_if_given", "require_and_verify"}:
                require = self._client_auth == "require_and_verify"
                self.tls.ask_clients(self._authority, require=require)
            elif self._authority is not None:
                Tls().ask_clients(self._authority, require=False)  # it must be one all the same
            if self._key_log is not None:
                self.tls.context.keylog_filename = str(self._key_log)
        if files != self._shown:
            self.tls.show(*files)
            self._shown = files

    async def follow(self) -> None:
        """Look for ever."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await asyncio.to_thread(self.read)
            except (OSError, ValueError) as error:
                _log.error("The certificate %s stays as it was: %s", self._certificate, error)

    async def close(self) -> None:
        """Let go of nothing."""
