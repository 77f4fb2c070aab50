"""DNS messages on a connection, plain or within TLS: many questions at once, answered in any order.

Each question has an id of its own on its connection, and a reply is for the question that has its id.

Sources: RFC 7766 §6.2.1, §7; RFC 7858 §3.3; RFC 1035 §4.2.2.
"""

from __future__ import annotations

import os

from podname.dns.framing import Unframer, framed
from podname.dns.message import id_of, with_id
from podname.plugins.forward.streams import Answer, StreamConnection


class TcpConnection(StreamConnection):
    """One connection for messages behind their length."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self._unframer = Unframer()

    @property
    def is_within_message(self) -> bool:
        """Whether a message has begun that did not end yet."""
        return bool(self._unframer)

    def ask(self, packet: bytes, answer: Answer) -> None:
        """Send a query under an id of our own; its reply ends `answer`."""
        message_id = os.urandom(2)
        while message_id in self._waiting:
            message_id = os.urandom(2)
        self._waiting[message_id] = answer
        self.transport.write(framed(with_id(packet, message_id)))

    def data_received(self, data: bytes) -> None:
        """Hand out the replies that are complete."""
        for message in self._unframer.feed(data):
            self.answered(id_of(message), message)
