"""TCP: connections on which queries come in a row and answers go back as they are ready.

Nothing that a client does, or leaves undone, may hold anything for long: a message must be there within seconds of the
one before it (however slowly its octets drip), answers that nobody takes end the connection, reading pauses while
many questions are under way or answers pile up, and the number of connections is bounded: for one more the one is
closed that has asked nothing for longest.

Sources: RFC 7766 §6.2 (pipelining, out-of-order answers, idle connections); RFC 1035 §4.2.2; miekg/dns
`serveTCPConn` (the timeouts are CoreDNS's).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import Counter, OrderedDict
from collections.abc import Sequence
from time import perf_counter
from typing import cast

from podname.dns.query import parse
from podname.engine.base import STREAM_LIMITS, Client, Plan
from podname.engine.misses import Misses, Question
from podname.engine.responding import Responder

CONNECTIONS_MAX = 1000  # per listener
CONNECTIONS_OF_A_CLIENT_MAX = CONNECTIONS_MAX // 4
BACKLOG = 1024  # connections that nobody has accepted yet
UNDER_WAY_MAX = 100  # misses of one connection before it is read no further


class Tcp:
    """The connections of one listener."""

    def __init__(self, server: str, misses: Misses) -> None:
        self.server = server
        self.misses = misses
        self.limits = STREAM_LIMITS
        self.connections: OrderedDict[Connection, None] = OrderedDict()  # who asked last comes last
        self._clients: Counter[str] = Counter()
        self._servers: list[asyncio.Server] = []
        self._gone = asyncio.Event()

    async def accept(self, bound: socket.socket, responder: Responder) -> None:
        """Begin to take connections from a bound socket, whose queries `responder` answers. Raises OSError."""
        server = await asyncio.get_running_loop().create_server(
            lambda: Connection(self, responder), sock=bound, backlog=BACKLOG
        )
        self._servers.append(server)

    def serve(self, plans: Sequence[Plan]) -> None:
        """Take the limits of what is served from now on."""
        self.limits = plans[0].streams if plans else STREAM_LIMITS

    def refuse(self) -> None:
        """Take no more connections."""
        for server in self._servers:
            server.close()

    async def close(self, grace_seconds: float) -> None:
        """Let each connection end when what it asked is answered, at the latest after so long."""
        for connection in list(self.connections):
            connection.finish()
        if self.connections:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._gone.wait(), grace_seconds)
        for connection in list(self.connections):
            connection.abort()

    def admit(self, connection: Connection) -> bool:
        """Take a connection in, if there is room, or the longest idle one (of a client with many, its own) makes it."""
        address = connection.client().address
        is_greedy = self._clients[address] >= CONNECTIONS_OF_A_CLIENT_MAX
        if is_greedy or len(self.connections) >= CONNECTIONS_MAX:
            idle = next(
                (
                    other
                    for other in self.connections
                    if other.is_idle() and (not is_greedy or other.client().address == address)
                ),
                None,
            )
            if idle is None:
                return False
            idle.finish()
            self.forget(idle)
        self._gone.clear()
        self._clients[address] += 1
        self.connections[connection] = None
        return True

    def asked(self, connection: Connection) -> None:
        """Note that a connection is not idle."""
        if connection in self.connections:
            self.connections.move_to_end(connection)

    def forget(self, connection: Connection) -> None:
        """Drop a connection that is lost."""
        if connection in self.connections:
            del self.connections[connection]
            address = connection.client().address
            self._clients[address] -= 1
            if not self._clients[address]:
                del self._clients[address]
        if not self.connections:
            self._gone.set()


class Connection(asyncio.Protocol):
    """One client. `client` serves as the source of its packets."""

    def __init__(self, tcp: Tcp, responder: Responder) -> None:
        self._tcp = tcp
        self._responder = responder
        self._loop = asyncio.get_running_loop()
        self._buffer = b""
        self._under_way = 0
        self._asked = 0
        self._questions: set[Question] = (
            set()
        )  # of those under way, what has not been answered at once
        self._full = False  # the client does not take its answers
        self._ending = False  # nothing more is read; closed when all is answered
        self._due = (
            self._loop.time() + tcp.limits.first_read_seconds
        )  # when the next message must be there

    # ------------------------------------------------------------ life

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, unless there are too many already and all of them at work."""
        self._transport = cast("asyncio.Transport", transport)
        self._reader_timer = self._loop.call_at(self._due, self._look_at_the_clock)
        self._writer_timer: asyncio.TimerHandle | None = None
        peer = transport.get_extra_info("peername") or ("", 0)
        self._client = Client(peer[0], peer[1], "tcp", self._tcp.server)
        if not self._tcp.admit(self):
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget everything."""
        self._ending, self._buffer = True, b""
        self._tcp.forget(self)
        for question in self._questions:
            question.give_up()
        self._questions.clear()
        self._reader_timer.cancel()
        if self._writer_timer is not None:
            self._writer_timer.cancel()

    def client(self) -> Client:
        """Return the client."""
        return self._client

    def is_idle(self) -> bool:
        """Return whether nothing is due here, neither an answer nor room for one."""
        return not self._under_way and not self._full

    def abort(self) -> None:
        """End now, whatever is under way."""
        self._transport.abort()

    def finish(self) -> None:
        """Read no more, and end when what was asked is answered."""
        self._ending, self._buffer = True, b""
        if not self._under_way and not self._transport.is_closing():
            self._transport.close()  # sends what is still to be sent
            self._give_up_writing_later()

    # --------------------------------------------------------- reading

    def data_received(self, data: bytes) -> None:
        """Answer what is complete."""
        if not self._ending:
            self._buffer = self._buffer + data if self._buffer else data
            self._answer_complete()

    def eof_received(self) -> bool:
        """Keep a connection that is closed on one side until its questions are answered."""
        self.finish()
        return bool(self._under_way)

    def _answer_complete(self) -> None:
        if self._transport.is_closing():
            return
        at, buffer = 0, self._buffer
        self._responder.clock = perf_counter()
        while not self._full and self._under_way < UNDER_WAY_MAX and not self._ending:
            behind = at + 2 + int.from_bytes(buffer[at : at + 2], "big")
            if behind > len(buffer) or len(buffer) - at < 2:
                break
            self._asked += 1
            self._answer(buffer[at + 2 : behind])
            at = behind
            if self._asked == self._tcp.limits.queries_most:
                self.finish()
        if at:
            self._due = self._loop.time() + self._tcp.limits.idle_seconds
            self._tcp.asked(self)
        if not self._ending:
            self._buffer = buffer[at:]
            self._read_on()

    def _read_on(self) -> None:
        """Read as long as there is room for answers."""
        full = self._full or self._under_way >= UNDER_WAY_MAX
        if full == self._transport.is_reading():
            (self._transport.pause_reading if full else self._transport.resume_reading)()

    def _look_at_the_clock(self) -> None:
        """End a connection whose next message is overdue."""
        now = self._loop.time()
        if self._under_way or self._full:
            self._due = now + self._tcp.limits.idle_seconds
        if now >= self._due:
            self.finish()
        else:
            self._reader_timer = self._loop.call_at(self._due, self._look_at_the_clock)

    # -------------------------------------------------------- answering

    def _answer(self, packet: bytes) -> None:
        try:
            response = self._responder.respond(packet, self)
        except Exception as error:  # nothing that one packet does may end the loop
            self._tcp.misses.report(error)
            response = self._responder.fail(packet)
        if isinstance(response, Plan):
            self._ask(response, packet)
        elif response is not None:
            self._send(response)

    def _ask(self, plan: Plan, packet: bytes) -> None:
        """Ask the plugin chain, unless the client leaves before."""
        self._under_way += 1
        asked: list[Question] = []

        def send(response: bytes | None) -> None:
            self._questions.difference_update(asked)
            self._later(response)

        started = self._tcp.misses.start(plan, parse(packet), self._responder, self._client, send)
        if started is not None:
            asked.append(started)
            self._questions.add(started)

    def _later(self, response: bytes | None) -> None:
        """Send what the plugin chain answered, and go on with what waits."""
        self._under_way -= 1
        if self._transport.is_closing():
            return
        if response is not None:
            self._send(response)
        self._due = self._loop.time() + self._tcp.limits.idle_seconds
        if self._ending:
            self.finish()
        else:
            self._loop.call_soon(self._answer_complete)

    def _send(self, response: bytes) -> None:
        self._transport.write(len(response).to_bytes(2, "big") + response)

    # --------------------------------------------------------- writing

    def pause_writing(self) -> None:
        """Read nothing more while the client does not take its answers, and not for long."""
        self._full = True
        self._give_up_writing_later()

    def resume_writing(self) -> None:
        """Go on where reading stopped."""
        self._full = False
        if self._writer_timer is not None and not self._ending:
            self._writer_timer.cancel()
            self._writer_timer = None
        self._loop.call_soon(self._answer_complete)

    def _give_up_writing_later(self) -> None:
        if self._writer_timer is None:
            self._writer_timer = self._loop.call_later(self._tcp.limits.write_seconds, self.abort)
