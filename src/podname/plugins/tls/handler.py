"""The certificate that the listeners of a block show.

Source: CoreDNS 1.15.0 plugin/tls.
"""

from __future__ import annotations

from podname.plugins.base import Plugin
from podname.plugins.tls.certificate import Certificate
from podname.runtime.tasks import Tasks


class TlsPlugin(Plugin):
    """The `tls` of a server block. It answers nothing."""

    name = "tls"

    def __init__(self, certificate: Certificate) -> None:
        self.certificate = certificate
        self._tasks = Tasks()

    async def start(self) -> None:
        """Follow the files."""
        self._tasks.start(self.certificate.follow())

    async def stop(self) -> None:
        """Follow them no more."""
        await self._tasks.end()
