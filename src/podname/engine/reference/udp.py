"""UDP: a socket whose packets are answered as they come.

On Linux in batches (`podname.engine.reference.batch`), elsewhere one by one. What waits is answered before the event
loop goes on, but for at most a few batches, so that nobody else starves.

Sources: RFC 1035 §4.2.1; the figures in bench/README.md, which decided for batches.
"""

from __future__ import annotations

import logging
import socket
import struct
from time import perf_counter
from typing import Protocol

from podname.dns.query import parse
from podname.engine.base import Client, EngineStats, Plan
from podname.engine.reference import batch
from podname.engine.reference.batch import PACKET_OCTETS_MAX, PACKETS_MAX, Batch
from podname.engine.reference.misses import Misses
from podname.engine.reference.origin import (
    CONTROL_OCTETS,
    Address,
    Origin,
    ask_for_destinations,
    without_interface,
)
from podname.engine.reference.responder import Responder
from podname.engine.unsent import count_unsent

ROUNDS_MAX = 4  # batches before the event loop goes on
RECEIVE_BUFFER_OCTETS = 4 << 20  # or as much of it as the system allows: a burst may wait
SEND_MICROSECONDS_MAX = 50_000  # that the server waits for room in a full send buffer

_log = logging.getLogger(__name__)


def prepare(sock: socket.socket, *, wildcard: bool) -> None:
    """Set what a UDP socket needs before it is read."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_OCTETS)
    patience = struct.pack("@ll", 0, SEND_MICROSECONDS_MAX)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, patience)
    sock.setblocking(True)
    if wildcard:
        ask_for_destinations(sock)


def udp(
    sock: socket.socket, server: str, responder: Responder, misses: Misses, stats: EngineStats
) -> Udp:
    """Answer the packets of a bound socket in the best way that the platform has."""
    wildcard = sock.getsockname()[0] in {"0.0.0.0", "::"}
    prepare(sock, wildcard=wildcard)
    if batch.supported():
        buffers = Batch(sock, wildcard=wildcard)
        return BatchedUdp(sock, server, responder, misses, stats, buffers)
    return Udp(sock, server, responder, misses, stats)


class Place(Protocol):
    """Where a packet came from, for as long as it is being answered."""

    def client(self) -> Client:
        """Return the client."""

    def origin(self) -> Origin:
        """Return what a later answer needs."""


class Udp:
    """Answers the packets of a socket one by one."""

    def __init__(
        self,
        sock: socket.socket,
        server: str,
        responder: Responder,
        misses: Misses,
        stats: EngineStats,
    ) -> None:
        self.sock = sock
        self.server = server
        self.responder = responder
        self.misses = misses
        self._stats = stats

    def readable(self) -> None:
        """Answer what waits. For the event loop to call."""
        for _ in range(ROUNDS_MAX * PACKETS_MAX):
            try:
                packet, ancillary, _, address = self.sock.recvmsg(
                    PACKET_OCTETS_MAX, CONTROL_OCTETS, socket.MSG_DONTWAIT
                )
            except OSError:
                return
            self.responder.clock = perf_counter()
            place = _Received(address, Origin(address, without_interface(ancillary)), self.server)
            response = self.answer(packet, place)
            self.responder.settle()
            if response is not None:
                self.send(response, place.origin())

    def answer(self, packet: bytes, place: Place) -> bytes | None:
        """Answer a packet at once; None is silence, or a plugin chain that was asked."""
        try:
            response = self.responder.respond(packet, place)
        except Exception as error:  # nothing that one packet does may end the loop
            self.misses.report(error)
            return self.responder.fail(packet)
        if response.__class__ is bytes:
            return response
        if isinstance(response, Plan):
            self.ask(response, packet, place)
        return None

    def ask(self, plan: Plan, packet: bytes, place: Place) -> None:
        """Ask the plan's plugin chain, and send what it answers when it does."""
        origin = place.origin()

        def send(response: bytes | None) -> None:
            if response is not None:
                self.send(response, origin)

        self.misses.start(plan, parse(packet), self.responder, place.client(), send)

    def send(self, response: bytes, origin: Origin) -> None:
        """Send one response."""
        try:
            origin.answer(self.sock, response)
        except OSError as error:  # no way back, no room, or already closed
            count_unsent(self._stats, 1)
            _log.debug("an answer to %s could not be sent: %s", origin.address, error)


class BatchedUdp(Udp):
    """Answers the packets of a socket in batches."""

    def __init__(  # noqa: PLR0917
        self,
        sock: socket.socket,
        server: str,
        responder: Responder,
        misses: Misses,
        stats: EngineStats,
        buffers: Batch,
    ) -> None:
        super().__init__(sock, server, responder, misses, stats)
        self._batch = buffers
        self._places = [_Slot(buffers, number, server) for number in range(PACKETS_MAX)]

    def readable(self) -> None:
        """Answer what waits. For the event loop to call."""
        for _ in range(ROUNDS_MAX):
            lengths = self._batch.receive()
            if lengths:
                self._answer_all(lengths)
            if len(lengths) < PACKETS_MAX:
                return

    def _answer_all(self, lengths: list[int]) -> None:
        buffers, places, responder = self._batch, self._places, self.responder
        packets, outgoing, answer_lengths = (
            buffers.packets,
            buffers.outgoing,
            buffers.answer_lengths,
        )
        responder.clock = perf_counter()
        waiting = 0  # the first answer that is not sent yet: they go out together, or up to a gap
        for number, length in enumerate(lengths):
            packet = packets[number][:length].tobytes()
            response = self.answer(packet, places[number])
            if response is not None and len(response) <= PACKET_OCTETS_MAX:
                at, octets = number * PACKET_OCTETS_MAX, len(response)
                outgoing[at : at + octets] = response
                answer_lengths[number] = octets
                continue
            if response is not None:
                self.send(response, places[number].origin())
            count_unsent(self._stats, buffers.send(waiting, number - waiting))
            waiting = number + 1
        responder.settle()
        count_unsent(self._stats, buffers.send(waiting, len(lengths) - waiting))


class _Received:
    __slots__ = ("_address", "_origin", "_server")

    def __init__(self, address: Address, origin: Origin, server: str) -> None:
        self._address = address
        self._origin = origin
        self._server = server

    def client(self) -> Client:
        return Client(self._address[0], self._address[1], "udp", self._server)

    def origin(self) -> Origin:
        return self._origin


class _Slot:
    __slots__ = ("_batch", "_number", "_server")

    def __init__(self, buffers: Batch, number: int, server: str) -> None:
        self._batch = buffers
        self._number = number
        self._server = server

    def client(self) -> Client:
        address = self._batch.address(self._number)
        return Client(address[0], address[1], "udp", self._server)

    def origin(self) -> Origin:
        return self._batch.origin(self._number)
