"""The certificate that the listeners of a block show.

Source: CoreDNS 1.15.0 plugin/tls.
"""

from __future__ import annotations

import asyncio

from podname.plugins.base import Plugin
from podname.plugins.tls.certificate import Certificate


class TlsPlugin(Plugin):
    """The `tls` of a server block. It answers nothing."""

    name = "tls"

    def __init__(self, certificate: Certificate) -> None:
        self.certificate = certificate
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Follow the files."""
        self._task = asyncio.create_task(self.certificate.follow())

    async def stop(self) -> None:
        """Follow them no more."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
