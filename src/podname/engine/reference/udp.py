"""UDP: a socket whose packets are answered one by one, as they come.

What waits is answered before the event loop goes on, but for at most a bounded number, so that nobody else starves.

Source: RFC 1035 §4.2.1.
"""

from __future__ import annotations

import logging
import socket
from time import perf_counter

from podname.dns.query import parse
from podname.engine.base import Client, EngineStats, Plan
from podname.engine.datagrams import CONTROL_OCTETS, Address, Ancillary, prepare, without_interface
from podname.engine.misses import Misses
from podname.engine.responding import Responder
from podname.engine.unsent import count_unsent

PACKETS_MAX = 64  # before the event loop goes on
#: A longer query is cut, and malformed by that.
PACKET_OCTETS_MAX = 4096

_log = logging.getLogger(__name__)


class Udp:
    """Answers the packets of a bound socket."""

    def __init__(
        self,
        sock: socket.socket,
        server: str,
        responder: Responder,
        misses: Misses,
        stats: EngineStats,
    ) -> None:
        prepare(sock)
        self.sock = sock
        self._server = server
        self._responder = responder
        self._misses = misses
        self._stats = stats

    def readable(self) -> None:
        """Answer what waits. For the event loop to call."""
        for _ in range(PACKETS_MAX):
            try:
                packet, ancillary, _, address = self.sock.recvmsg(
                    PACKET_OCTETS_MAX, CONTROL_OCTETS, socket.MSG_DONTWAIT
                )
            except OSError:
                return
            self._responder.clock = perf_counter()
            self._answer(packet, Datagram(address, without_interface(ancillary), self._server))

    def _answer(self, packet: bytes, source: Datagram) -> None:
        try:
            response = self._responder.respond(packet, source)
        except Exception as error:  # nothing that one packet does may end the loop
            self._misses.report(error)
            response = self._responder.fail(packet)
        if isinstance(response, Plan):
            self._ask(response, packet, source)
        elif response is not None:
            self._send(response, source)

    def _ask(self, plan: Plan, packet: bytes, source: Datagram) -> None:
        """Ask the plan's plugin chain, and send what it answers when it does."""

        def send(response: bytes | None) -> None:
            if response is not None:
                self._send(response, source)

        self._misses.start(plan, parse(packet), self._responder, source.client(), send)

    def _send(self, response: bytes, source: Datagram) -> None:
        try:
            self.sock.sendmsg([response], source.ancillary, 0, source.address)
        except OSError as error:  # no way back, no room, or already closed
            count_unsent(self._stats, 1)
            _log.debug("an answer to %s could not be sent: %s", source.address, error)


class Datagram:
    """Where a packet came from, and how its answer goes back there."""

    __slots__ = ("_server", "address", "ancillary")

    def __init__(self, address: Address, ancillary: Ancillary, server: str) -> None:
        self.address, self.ancillary, self._server = address, ancillary, server

    def client(self) -> Client:
        """Return the client."""
        return Client(self.address[0], self.address[1], "udp", self._server)
