"""HTTP/1.1 and 1.0 on a connection, by h11: one request after the other; the next is read when one is answered.

Sources: RFC 9112; h11, "API documentation".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import h11

from podname.runtime.http.exchange import HEAD_OCTETS, Exchange
from podname.runtime.http.messages import Response, plain

if TYPE_CHECKING:
    from podname.runtime.http.connection import Connection

_SLICE_OCTETS = 2048
_BODY_SLICE_OCTETS = 64 * 1024
_CONTINUE = h11.InformationalResponse(status_code=100, headers=[])


class Http1:
    """One connection that speaks HTTP/1. `oldest` is its one request, from the first octet on."""

    def __init__(self, connection: Connection) -> None:
        self.oldest: Exchange | None = None
        self._connection = connection
        self._body_left_octets = 0  # of a body whose length was told
        self._state = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_OCTETS)

    @property
    def slice_octets(self) -> int:
        """How much is taken at once: little of a head or of chunks, but a body in one piece costs nothing to read."""
        return max(_SLICE_OCTETS, min(self._body_left_octets, _BODY_SLICE_OCTETS))

    @property
    def is_full(self) -> bool:
        """Whether the next request has to wait."""
        return self.oldest is not None and self.oldest.task is not None

    def receive(self, octets: bytes) -> None:
        """Take what has come in."""
        self._state.receive_data(octets)
        self._advance()

    def respond(self, exchange: Exchange, response: Response) -> None:
        """Send a response, and go on to the next request."""
        self._send(response, is_head=exchange.method == "HEAD")
        if {self._state.our_state, self._state.their_state} == {h11.DONE}:
            self.oldest = None
            self._state.start_next_cycle()
            self.go_on()
        else:
            self._connection.close()

    def go_on(self) -> None:
        """Take the next request, if the response before it has gone out."""
        if self._connection.is_written:
            self._advance()

    def finish(self) -> None:
        """Close, unless a request has come."""
        if self.oldest is None or not self.oldest.method:
            self._connection.close()

    def cancel(self) -> None:
        """Let the request not be answered."""
        if self.oldest is not None:
            self.oldest.cancel()

    def _advance(self) -> None:
        """Take from h11 what there is, until it wants more or the next request has to wait."""
        try:
            while (event := self._state.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
                self._take(event)
        except h11.RemoteProtocolError as error:
            self._refuse(error)
            return
        if self._state.trailing_data[0] and self.oldest is None:
            self._begun()

    def _take(self, event: object) -> None:
        exchange = self._begun()
        if isinstance(event, h11.Request):
            exchange.method = event.method.decode("ascii")
            exchange.target, exchange.fields = event.target, event.headers
            self._body_left_octets = int(dict(event.headers).get(b"content-length", 0))
            if self._state.they_are_waiting_for_100_continue:
                self._connection.write(self._state.send(_CONTINUE) or b"")
        elif isinstance(event, h11.Data):
            self._body_left_octets -= len(event.data)
            exchange.add(event.data, self._connection.service.body_octets)
        elif isinstance(event, h11.EndOfMessage):
            self._connection.answer(exchange)

    def _begun(self) -> Exchange:
        """Return the request that is under way; its time begins with its first octet."""
        if self.oldest is None:
            self.oldest = Exchange(self._connection.loop.time())
            self._connection.watch()
        return self.oldest

    def _send(self, response: Response, *, is_head: bool = False, is_last: bool = False) -> None:
        headers = [*response.headers.items(), ("content-length", str(len(response.body)))]
        service = self._connection.service
        if is_last or self._connection.is_finishing or service.is_draining:
            headers.append(("connection", "close"))
        events: list[h11.Event] = [h11.Response(status_code=response.status, headers=headers)]
        events += [] if is_head else [h11.Data(data=response.body)]
        events += [h11.EndOfMessage()]
        self._connection.write(b"".join(self._state.send(event) or b"" for event in events))

    def _refuse(self, error: h11.RemoteProtocolError) -> None:
        """Say what is wrong with a request, and close."""
        if self._state.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            status = error.error_status_hint
            self._send(plain(status, f"{status} {error}\n"), is_last=True)
        self._connection.close()
