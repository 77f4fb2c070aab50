"""Return whether every plugin can answer, at `/ready`.

Each server block that has `ready` reports its plugins on one board, which every address shows. A
plugin that has been ready counts as ready from then on, unless it is monitored continuously. While
a reload brings up new plugins, the old ones still answer: the board says OK as long as either can.
When the server is told to end, it is not ready at once.

Source: CoreDNS plugin/ready.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from podname.plugins.base import Plugin
from podname.runtime.http.endpoint import Endpoint
from podname.runtime.http.messages import text

_log = logging.getLogger(__name__)


class Board:
    """What every `ready` of the server reports, by configuration. Outlives a reload."""

    def __init__(self) -> None:
        self.ending = False
        self.shown = text(self._answer)
        self._reports: list[Ready] = []

    def join(self, report: Ready) -> None:
        """Let one more server block report."""
        self._reports.append(report)

    def leave(self, report: Ready) -> None:
        """Forget a server block."""
        if report in self._reports:
            self._reports.remove(report)

    async def close(self) -> None:
        """Hold nothing."""

    def _answer(self) -> tuple[int, str]:
        if self.ending:
            return 503, "Shutting down"
        unready: list[str] = []
        for configuration in dict.fromkeys(report.configuration for report in self._reports):
            unready = self._unready(configuration)
            if not unready:
                return 200, "OK"
        _log.info('Plugins not ready: "%s"', ",".join(unready))
        return 503, ",".join(unready)

    def _unready(self, configuration: object) -> list[str]:
        reports = [report for report in self._reports if report.configuration is configuration]
        return sorted({name for report in reports for name in report.unready()})


class Ready(Plugin):
    """`ready`: 200 OK, or 503 and the names of those that are not ready."""

    name = "ready"

    def __init__(
        self, endpoint: Endpoint, board: Board, configuration: object, *, continuously: bool
    ) -> None:
        self.endpoint = endpoint
        self.configuration = configuration
        self._board = board
        self._continuously = continuously
        self._watched: list[Plugin] = []
        self.cold = False  # the sockets are there, but nothing is served on them yet

    def link(self, siblings: Mapping[str, Plugin]) -> None:
        """Watch the plugins of the block."""
        self._watched = list(siblings.values())

    def unready(self) -> list[str]:
        """Name the plugins of the block that cannot answer yet; itself while nobody can."""
        if self.cold:
            return [self.name]
        unready = [plugin for plugin in self._watched if not plugin.ready()]
        if not self._continuously:
            self._watched = unready
        return [plugin.name for plugin in unready]

    async def start(self) -> None:
        """Report, and open the endpoint."""
        self._board.join(self)
        self.endpoint.add("/ready", self._board.shown)
        await self.endpoint.open()

    async def drain(self) -> None:
        """Turn clients away."""
        self._board.ending = True

    async def stop(self) -> None:
        """Report no more."""
        self._board.leave(self)
        self.endpoint.remove("/ready", self._board.shown)
