"""What the whole server counts, over every reload.

Sources: CoreDNS plugin/metrics/vars.
"""

from __future__ import annotations

from podname.engine.counters import Counters
from podname.plugins.base import Resources


class ServerTotals:
    """The counts that belong to no plugin."""

    def __init__(self) -> None:
        self.counters = Counters()  # of the server blocks that have `prometheus`
        self.panics = 0  # faults of ours that cost a query its answer

    async def close(self) -> None:
        """Hold nothing."""


def claim(resources: Resources) -> ServerTotals:
    """Return the server's totals."""
    return resources.claim("server totals", ServerTotals)
