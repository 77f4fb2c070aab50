"""Gather what the plugins of a block know of a query, before the first of them answers.

Others read it from the request: `log`, `rewrite`, `template`, `view`. A value is made only when somebody asks for it.

Source: CoreDNS 1.15.0 plugin/metadata.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from podname.dns.names import longest_match
from podname.dns.query import Query
from podname.engine.base import Client
from podname.plugins.base import Metadata, Next, Plugin, Reply, Request


class Gatherer(Plugin):
    """The `metadata` directive of a server block."""

    name = "metadata"
    is_planned = True

    def __init__(self, zones: frozenset[bytes]) -> None:
        self.zones = zones
        self._providers: Sequence[Plugin] = ()

    def link(self, siblings: Mapping[str, Plugin]) -> None:
        """Learn who knows anything."""
        self._providers = [
            plugin for plugin in siblings.values() if type(plugin).provide is not Plugin.provide
        ]

    def gather(self, query: Query, client: Client) -> Metadata:
        """Return what is known of a query: nothing of one outside of the zones."""
        found: Metadata = {}
        if longest_match(query.folded, self.zones) is not None:
            for plugin in self._providers:
                found |= plugin.provide(query, client)
        return found

    async def serve(self, request: Request, next_: Next) -> Reply:
        """Hand the query on: the server has gathered already, since `view` asks before the chain begins."""
        return await next_(request)
