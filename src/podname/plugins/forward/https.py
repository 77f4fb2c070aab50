"""DNS messages over HTTPS: HTTP/2, each question a stream.

The id of a question is 0, so that a cache on the way knows it again. As in CoreDNS the path is `/dns-query`, and a
response counts by the message in it, whatever its status and its content type say.

Sources: RFC 8484 §4.1, §6; RFC 9113; CoreDNS plugin/pkg/doh; h2, "API documentation".
"""

from __future__ import annotations

import asyncio
import base64

from h2 import events
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.exceptions import H2Error

from podname.dns import constants as c
from podname.dns.message import BadMessage, Message, with_id
from podname.plugins.forward.failures import UpstreamError
from podname.plugins.forward.streams import Answer, ConnectionEnded, StreamConnection

METHODS = ("GET", "POST")
PATH = "/dns-query"
CONTENT_TYPE = "application/dns-message"
#: What the handshake must agree on.
ALPN = "h2"
_NO_ID = b"\0\0"


class HttpsConnection(StreamConnection):
    """One connection that speaks HTTP/2."""

    def __init__(self, path: str, method: str, authority: str) -> None:
        super().__init__(path)
        self._method, self._authority = method, authority
        self._state = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self._bodies: dict[int, bytearray] = {}

    @property
    def is_full(self) -> bool:
        """Whether the server lets no more streams be open."""
        return (
            self._state.open_outbound_streams >= self._state.remote_settings.max_concurrent_streams
        )

    def ask(self, packet: bytes, answer: Answer) -> None:
        """Send a query as a request; the message in the response ends `answer`. Raises UpstreamError."""
        if not self.alive:
            raise UpstreamError(f"upstream {self._authority} does not speak HTTP/2")
        query = with_id(packet, _NO_ID)
        body, path = (query, PATH) if self._method == "POST" else (b"", _path_with(query))
        try:
            number = self._state.get_next_available_stream_id()
            self._state.send_headers(number, self._fields(path, body), end_stream=not body)
            self._send(number, body)
        except H2Error as error:
            raise UpstreamError(f"http2: {error}") from error
        self._waiting[number], self._bodies[number] = answer, bytearray()
        self._flush()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to speak HTTP/2, if the handshake agreed on it."""
        super().connection_made(transport)
        tls = transport.get_extra_info("ssl_object")
        if tls is None or tls.selected_alpn_protocol() != ALPN:
            self.alive = False
            return
        self._state.initiate_connection()
        self._flush()

    def data_received(self, data: bytes) -> None:
        """Hand out the responses that are complete."""
        if not self.alive and not self._waiting:
            return
        try:
            for event in self._state.receive_data(data):
                self._take(event)
        except H2Error as error:
            self.end(UpstreamError(f"http2: {error}"))
        self._flush()

    def _take(self, event: events.Event) -> None:
        if isinstance(event, events.DataReceived):
            self._state.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            self._add(event.stream_id, event.data)
        elif isinstance(event, events.StreamEnded):
            self._answered(event.stream_id)
        elif isinstance(event, events.StreamReset):
            self._forget(event.stream_id, f"stream error: {event.error_code}")
        elif isinstance(event, events.ConnectionTerminated):
            self.end(ConnectionEnded("http2: the server sent GOAWAY"))

    def _add(self, number: int, data: bytes) -> None:
        body = self._bodies.get(number)
        if body is None:
            return
        body += data
        if len(body) > c.MESSAGE_OCTETS_MAX:
            self._state.reset_stream(number, ErrorCodes.CANCEL)
            self._forget(number, "the response is too large for a DNS message")

    def _answered(self, number: int) -> None:
        body = bytes(self._bodies.pop(number, b""))
        try:
            Message(body).records  # noqa: B018  # it is a whole message, or it raises
        except BadMessage as error:
            self._forget(number, f"the response is no DNS message: {error}")
        else:
            self.answered(number, body)

    def _forget(self, number: int, why: str) -> None:
        self._bodies.pop(number, None)
        self.fail(number, UpstreamError(f"upstream {self._authority}: {why}"))

    def _fields(self, path: str, body: bytes) -> list[tuple[str, str]]:
        fields = [
            (":method", self._method),
            (":scheme", "https"),
            (":authority", self._authority),
            (":path", path),
            ("accept", CONTENT_TYPE),
            ("content-type", CONTENT_TYPE),
        ]
        return [*fields, ("content-length", str(len(body)))] if body else fields

    def _send(self, number: int, body: bytes) -> None:
        """Send a body. One that the server has no room for raises H2Error: it is larger than any query of a client."""
        octets_most = self._state.max_outbound_frame_size
        for at in range(0, len(body), octets_most):
            part = body[at : at + octets_most]
            self._state.send_data(number, part, end_stream=at + octets_most >= len(body))

    def _flush(self) -> None:
        self.transport.write(self._state.data_to_send())


def _path_with(query: bytes) -> str:
    return f"{PATH}?dns={base64.urlsafe_b64encode(query).rstrip(b'=').decode()}"
