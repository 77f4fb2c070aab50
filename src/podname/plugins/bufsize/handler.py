"""Bound the EDNS size of queries, so that no answer is cut into fragments on its way.

Source: CoreDNS 1.15.0 plugin/bufsize.
"""

from __future__ import annotations

from podname.plugins.base import Draft, Plugin


class Bufsize(Plugin):
    """`bufsize`: the engine bounds every query of the block before anybody sees it."""

    name = "bufsize"

    def __init__(self, octets_max: int) -> None:
        self.octets_max = octets_max

    def plan(self, draft: Draft) -> None:
        """Let the engine bound it."""
        draft.edns_octets_max = self.octets_max
