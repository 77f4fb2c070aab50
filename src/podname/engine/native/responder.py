"""Answers packets one by one from native tables: for TCP, and for tests.

Sources: rust/src/responder.rs.
"""

from __future__ import annotations

from collections.abc import Sequence

from podname import _core
from podname.engine.base import Plan
from podname.engine.counters import Counters
from podname.engine.native.routes import Routing, plugins_of
from podname.engine.responding import Responder, Response, Source


class NativeResponder(Responder):
    """A responder whose answers are made in Rust."""

    def __init__(self, server: str, protocol: str, family: int, dropped: Counters) -> None:
        self.core = _core.Responder(protocol == "udp")
        self._routing = Routing(server, protocol, family, dropped)
        super().__init__(server, protocol, family, dropped)

    def serve(self, plans: Sequence[Plan]) -> None:
        """Swap what is served."""
        _, numbered, routes = self._routing.routes(plans)
        self.core.serve(routes)
        self._plans = numbered

    def respond(self, packet: bytes, source: Source) -> Response:
        """Answer a packet: octets to send, None for silence, or the plan whose `miss` must be asked."""
        number, plugin, response = self.core.respond(packet)
        if number < 0:
            return response
        plan = self._plans[number]
        if response is None:
            return plan
        if plan.observers:
            seconds = self.lap_seconds()
            name, client = plugins_of(plan)[plugin], source.client()
            for observe in plan.observers:
                observe(packet, response, client, name, seconds)
        return response

    def close(self) -> None:
        """Fold the counts a last time."""
        self._routing.close()
