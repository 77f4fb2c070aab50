"""Asking one server many questions at once, over one UDP socket and one TCP connection.

Questions are sent by the window; a reply finds its question by its id. What has no reply when nobody
has said anything for a while is asked once more before it counts as silence.
"""

import contextlib
import itertools
import select
import socket
from collections.abc import Sequence
from struct import pack, unpack_from

from tests.cluster.harness.namespace import Namespace
from tests.cluster.oracle.questions import Question

WINDOW = 24
SILENCE_SECONDS = 1.0
RECEIVE_BUFFER_OCTETS = 8 << 20
SO_RCVBUFFORCE = 33  # socket(7); the socket module does not know it


class Asker:
    """A client of one server at one port."""

    def __init__(self, namespace: Namespace, address: str, port: int) -> None:
        self._namespace, self._address, self._port = namespace, address, port
        self._udp = namespace.open_socket()
        self._udp.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER_OCTETS)
        self._udp.connect((address, port))
        self._udp.setblocking(False)
        self._tcp: socket.socket | None = None
        self._received = b""
        self._numbers = itertools.count(1)
        self._waiting: dict[int, int] = {}
        self._over_tcp: set[int] = set()
        self._replies: list[bytes | None] = []

    def close(self) -> None:
        """Close the sockets."""
        self._udp.close()
        self._hang_up()

    @property
    def ports(self) -> frozenset[int]:
        """The ports that it asks from, which a server may speak of."""
        return frozenset(one.getsockname()[1] for one in (self._udp, self._tcp) if one)

    def send(self, questions: Sequence[Question]) -> None:
        """Send a window of questions."""
        self._replies, self._waiting, self._over_tcp = [None] * len(questions), {}, set()
        for place, question in enumerate(questions):
            number = next(self._numbers) & 0xFFFF
            self._waiting[number] = place
            packet = question.packet(number)
            if question.tcp:
                self._over_tcp.add(number)
                self._send_over_tcp(packet)
            else:
                with contextlib.suppress(ConnectionRefusedError):
                    self._udp.send(packet)

    def receive(self, silence_seconds: float = SILENCE_SECONDS) -> list[bytes | None]:
        """Wait for the replies, without their ids; None is silence."""
        while self._waiting and not self._is_hung_up():
            sources = [self._udp, *([self._tcp] if self._tcp else [])]
            ready, _, _ = select.select(sources, [], [], silence_seconds)
            if not ready:
                break
            if self._udp in ready:
                self._read_udp()
            if self._tcp in ready:
                self._read_tcp()
        return self._replies

    def _is_hung_up(self) -> bool:
        return self._tcp is None and self._over_tcp.issuperset(self._waiting)

    def _read_udp(self) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
            while True:
                self._accept(self._udp.recv(65535))

    def _read_tcp(self) -> None:
        assert self._tcp is not None
        try:
            more = self._tcp.recv(1 << 18)
        except OSError:
            more = b""
        if not more:
            self._hang_up()
            return
        self._received += more
        while len(self._received) > 1:
            (length,) = unpack_from("!H", self._received)
            if len(self._received) < 2 + length:
                return
            self._accept(self._received[2 : 2 + length])
            self._received = self._received[2 + length :]

    def _accept(self, octets: bytes) -> None:
        place = self._waiting.pop(int.from_bytes(octets[:2], "big"), None)
        if place is not None:
            self._replies[place] = octets

    def _send_over_tcp(self, packet: bytes) -> None:
        frame = pack("!H", len(packet)) + packet
        for _ in range(2):  # the server closes a connection that was idle for a while
            if self._tcp is None:
                self._tcp = self._namespace.connect(self._address, self._port, timeout_seconds=5)
            try:
                self._tcp.sendall(frame)
            except OSError:
                self._hang_up()
            else:
                return

    def _hang_up(self) -> None:
        self._received = b""
        if self._tcp is not None:
            self._tcp.close()
            self._tcp = None


def ask_all(
    askers: Sequence[Asker], questions: Sequence[Question]
) -> list[tuple[bytes | None, ...]]:
    """Ask every asker the same questions at the same time; give the replies per question."""
    out: list[tuple[bytes | None, ...]] = []
    # A server may hang up on a packet that it cannot read, and with it on those behind.
    size = 1 if any(one.tcp and one.raw is not None for one in questions) else WINDOW
    for start in range(0, len(questions), size):
        window = questions[start : start + size]
        replies = _ask_window(askers, window)
        unanswered = [place for place, row in enumerate(replies) if None in row]
        rest = [window[place] for place in unanswered]
        again = _ask_window(askers, rest) if rest else []
        for place, row in zip(unanswered, again, strict=True):
            pairs = zip(replies[place], row, strict=True)
            replies[place] = tuple(first or second for first, second in pairs)
        out += replies
    return out


def _ask_window(
    askers: Sequence[Asker], window: Sequence[Question]
) -> list[tuple[bytes | None, ...]]:
    for asker in askers:
        asker.send(window)
    return list(zip(*(asker.receive() for asker in askers), strict=True))
