"""The `forward` directives of a server block: the first that covers a name answers for it.

Sources: CoreDNS 1.15.0 plugin/forward; core/dnsserver (`EnableChaos`: a block that forwards lets other classes pass).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from podname.engine.base import Code, Forwarded
from podname.plugins.base import Draft, Next, Plugin, Reply, Request
from podname.plugins.forward.forwarder import Forwarder, Tally

if TYPE_CHECKING:
    from prometheus_client.core import Metric

_EVERY_CLASS = 255


class Forward(Plugin):
    """All `forward` directives of a block, in the order of the Corefile."""

    name = "forward"

    def __init__(self, forwarders: Sequence[Forwarder], tally: Tally) -> None:
        self.forwarders = forwarders
        self.tally = tally
        self._last = forwarders[-1]

    def plan(self, draft: Draft) -> None:
        """Let the engine ask, where it can, or hand over every question that may be forwarded, whatever its class."""
        for forwarder in self.forwarders:
            zone, relay = forwarder.options.zone, forwarder.relay
            if relay is None or not draft.is_whole:
                draft.layers.append(Code((zone,)))
            else:
                excepted = tuple(sorted(forwarder.options.excepted))
                draft.layers.append(Forwarded(zone, excepted, relay, self.name))
        draft.classes.add(_EVERY_CLASS)

    async def start(self) -> None:
        """Let relays know which upstreams are alive."""
        for forwarder in self.forwarders:
            forwarder.follow_health()

    async def stop(self) -> None:
        """Let them know no more."""
        for forwarder in self.forwarders:
            forwarder.leave_health()

    async def serve(self, request: Request, next_: Next) -> Reply:
        """Forward a query, or hand it on when no directive covers its name."""
        folded = request.query.folded
        for forwarder in self.forwarders:
            if forwarder.options.covers(folded):
                request.plugin = self.name
                message = await forwarder.ask(request)
                if forwarder is self._last or not forwarder.passes_on(message):
                    return message
        return await next_(request)

    def collect(self) -> Iterable[Metric]:
        """Return the counts of the directives and of each upstream."""
        from podname.plugins.forward import metrics  # noqa: PLC0415 - start time counts

        upstreams = dict.fromkeys(up for forwarder in self.forwarders for up in forwarder.upstreams)
        return metrics.collect(self.tally, upstreams, self.forwarders)
