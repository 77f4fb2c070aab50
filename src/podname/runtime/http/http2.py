"""HTTP/2 on a connection, by h2: many requests at once, each a stream.

Of the hundred streams that h2 lets a client have open each answers one request; who resets more of them than are
answered is turned away.

Sources: RFC 9113; h2, "API documentation"; CVE-2023-44487 ("rapid reset").
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from h2 import events
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.exceptions import ProtocolError

from podname.runtime.http.exchange import HEAD_OCTETS, Exchange
from podname.runtime.http.messages import Response

if TYPE_CHECKING:
    from podname.runtime.http.connection import Connection

_RESETS_MAX = 100


class Http2:
    """One connection that speaks HTTP/2."""

    slice_octets = 512
    is_full = False

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._state = H2Connection(H2Configuration(client_side=False, header_encoding=None))
        self._streams: dict[int, Exchange] = {}  # the oldest comes first
        self._unsent: dict[int, memoryview] = {}
        self._resets_left = _RESETS_MAX
        self._is_over = False
        self._state.decoder.max_header_list_size = HEAD_OCTETS
        self._state.initiate_connection()
        self._flush()

    @property
    def oldest(self) -> Exchange | None:
        """The oldest request that is not wholly answered."""
        return next(iter(self._streams.values()), None)

    def receive(self, octets: bytes) -> None:
        """Take what has come in."""
        try:
            for event in self._state.receive_data(octets):
                if not self._is_over:
                    self._take(event)
        except ProtocolError:  # h2 has written what is wrong into a GOAWAY
            self._end()
        else:
            self.go_on()

    def respond(self, exchange: Exchange, response: Response) -> None:
        """Send a response."""
        if exchange.number not in self._streams:
            return
        length = str(len(response.body))
        fields = {":status": str(response.status), **response.headers, "content-length": length}
        body = b"" if exchange.method == "HEAD" else response.body
        self._state.send_headers(exchange.number, list(fields.items()), end_stream=not body)
        if body:
            self._unsent[exchange.number] = memoryview(body)
        else:
            del self._streams[exchange.number]
        self._resets_left += 1
        self._connection.is_finishing |= self._connection.service.is_draining
        self.go_on()

    def go_on(self) -> None:
        """Send of the bodies what the client has room for, now that what was written has gone out."""
        for number in list(self._unsent) if self._connection.is_written else ():
            self._send_body(number)
        self._flush()
        if self._connection.is_finishing:
            self.finish()

    def finish(self) -> None:
        """Close once all is answered; h2 can say GOAWAY only then."""
        if not self._streams:
            self._end(ErrorCodes.NO_ERROR)

    def cancel(self) -> None:
        """Let no request be answered."""
        for exchange in self._streams.values():
            exchange.cancel()
        self._streams.clear()
        self._unsent.clear()

    def _take(self, event: events.Event) -> None:
        if isinstance(event, events.RequestReceived):
            self._begin(event.stream_id, event.headers)
        elif isinstance(event, events.DataReceived):
            self._state.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            if exchange := self._streams.get(event.stream_id):
                exchange.add(event.data, self._connection.service.body_octets)
        elif isinstance(event, events.StreamEnded):
            if exchange := self._streams.get(event.stream_id):
                self._connection.answer(exchange)
        elif isinstance(event, events.StreamReset):
            self._forget(event.stream_id)
        elif isinstance(event, events.ConnectionTerminated):
            self._end(ErrorCodes.NO_ERROR)

    def _begin(self, number: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        if self._connection.is_finishing:
            self._state.reset_stream(number, ErrorCodes.REFUSED_STREAM)  # to be asked elsewhere
            return
        pseudo = dict(headers)
        self._streams[number] = Exchange(
            self._connection.loop.time(),
            number,
            pseudo.get(b":method", b"").decode("latin-1"),
            pseudo.get(b":path", b""),
            [field for field in headers if not field[0].startswith(b":")],
        )
        self._connection.watch()

    def _forget(self, number: int) -> None:
        """Stop answering what the client does not want any more."""
        self._unsent.pop(number, None)
        if exchange := self._streams.pop(number, None):
            exchange.cancel()
        self._resets_left -= 1
        if not self._resets_left:
            self._end(ErrorCodes.ENHANCE_YOUR_CALM)

    def _send_body(self, number: int) -> None:
        rest = self._unsent[number]
        while rest and (room := self._state.local_flow_control_window(number)) > 0:
            octets = min(len(rest), room, self._state.max_outbound_frame_size)
            self._state.send_data(number, rest[:octets], end_stream=octets == len(rest))
            rest = rest[octets:]
        if rest:
            self._unsent[number] = rest
        else:
            del self._unsent[number], self._streams[number]

    def _flush(self) -> None:
        self._connection.write(self._state.data_to_send())

    def _end(self, why: ErrorCodes | None = None) -> None:
        """Say why, unless h2 has, and close."""
        if why is not None and not self._is_over:
            self._state.close_connection(why)
        self._is_over = True
        self._flush()
        self.cancel()
        self._connection.close()
