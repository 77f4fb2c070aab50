"""A server block's plugins, one behind the other.

Each plugin answers or asks the next one. The last one that was asked is noted on the request, for
the metrics: it answered, since those before it handed the query on. Plugins that never see a query
are left out of the chain; a block whose plugins all never do refuses its queries, as in CoreDNS.

Sources: CoreDNS plugin.NextOrFailure, core/dnsserver/server.go.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable

from podname.dns import constants as c
from podname.errors import ServeError
from podname.plugins.base import Next, Plugin, Reply, Request, end_of_chain


def build_chain(plugins: Iterable[Plugin]) -> Next:
    """Join plugins, given in chain order, into one handler."""
    serving = [plugin for plugin in plugins if type(plugin).serve is not Plugin.serve]
    if not serving:
        return _refuse
    chain = end_of_chain(serving[-1].name)
    for plugin in reversed(serving):
        chain = _joined(plugin, chain)
    return chain


def _joined(plugin: Plugin, next_: Next) -> Next:
    serve, name = plugin.serve, plugin.name

    def step(request: Request) -> Awaitable[Reply]:
        request.plugin = name
        return serve(request, next_)

    return step


async def _refuse(request: Request) -> Reply:
    raise ServeError(c.REFUSED, "no plugin of this server block answers queries")
