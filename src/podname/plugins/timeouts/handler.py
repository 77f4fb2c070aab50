"""Tell the engine how long connections may take. It is asked nothing.

Source: CoreDNS 1.15.0 plugin/timeouts.
"""

from __future__ import annotations

from collections.abc import Mapping

from podname.plugins.base import Draft, Plugin


class Timeouts(Plugin):
    """The `timeouts` of a server block; `limits` by the fields of `podname.engine.base.StreamLimits`."""

    name = "timeouts"

    def __init__(self, limits: Mapping[str, float]) -> None:
        self.limits = limits

    def plan(self, draft: Draft) -> None:
        """Set them."""
        draft.streams |= self.limits
