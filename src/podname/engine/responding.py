"""What both engines' responders have in common: how a packet is refused, and what a packet may be answered with.

Sources: the design of podname (the path of a query); CoreDNS core/dnsserver `errorAndMetricsFunc`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from time import perf_counter
from typing import Protocol

from podname.dns import constants as c
from podname.dns import reply
from podname.dns.query import Query, parse
from podname.engine.base import Client, Plan
from podname.engine.counters import DROPPED, Counters


class Source(Protocol):
    """Where a packet came from; who that was is worked out only if somebody wants to know."""

    def client(self) -> Client:
        """Return the client."""


#: Octets to send, None for silence, or the plan whose `miss` must be asked.
Response = bytes | Plan | None


class Refuser:
    """Refuses the packets of one server, protocol and address family, and counts them as dropped."""

    def __init__(self, server: str, protocol: str, family: int, dropped: Counters) -> None:
        self.clock = perf_counter()  # when the question at hand was there; set by who feeds packets
        self._dropped = dropped.tally(server, DROPPED, protocol, family)
        self._over_udp = protocol == "udp"

    def size_limit(self, query: Query) -> int:
        """Return how many octets the response to a query may have."""
        return query.octets_max(over_udp=self._over_udp)

    def refuse(self, query: Query, rcode: int) -> bytes:
        """Answer an RCODE."""
        response = reply.finish(query, reply.deny(query, rcode), self.size_limit(query))
        self._dropped.count(
            query.qtype,
            rcode,
            "",
            request_octets=len(query.packet),
            response_octets=len(response),
            seconds=self.lap_seconds(),
            dnssec_ok=query.dnssec_ok,
        )
        return response

    def fail(self, packet: bytes) -> bytes | None:
        """Answer SERVFAIL where something of ours went wrong."""
        query = parse(packet)
        return self.refuse(query, c.SERVFAIL) if isinstance(query, Query) else None

    def lap_seconds(self) -> float:
        """Return the time since the packet was there, or since the answer to the one before it."""
        now = perf_counter()
        seconds, self.clock = now - self.clock, now
        return seconds


class Responder(Refuser, ABC):
    """Answers packets one by one. It does no I/O, and never raises on what a client sends."""

    @abstractmethod
    def serve(self, plans: Sequence[Plan]) -> None:
        """Swap what is served."""

    def close(self) -> None:
        """Let go of what is served."""
        self.serve(())

    @abstractmethod
    def respond(self, packet: bytes, source: Source) -> Response:
        """Answer a packet."""
