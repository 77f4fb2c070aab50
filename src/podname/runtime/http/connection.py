"""One connection of an HTTP server: its transport, its time limits, its end. What is said on it is `http1` or `http2`.

::

    made ──► a request comes in ──► the handler works ──► the response is read ──┐
                    ▲                                                            │
                    └──────────────────── kept for the next ◄────────────────────┘

From a request's first octet until its response has gone out `REQUEST_SECONDS` may pass, however the octets trickle;
nothing is read while much waits to go out. So neither half a request nor a response that nobody reads keeps a
connection, and what waits in memory is bounded. What has come in is taken in slices, between which others go first: it
takes long to read many small frames.

Sources: asyncio, "Transports and Protocols"; RFC 7301 (ALPN).
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Protocol, cast

from podname.runtime.http.exchange import Exchange
from podname.runtime.http.http1 import Http1
from podname.runtime.http.messages import Handler, Response, plain

_log = logging.getLogger(__name__)

REQUEST_SECONDS = 10.0
HTTP2 = "h2"
_UNWRITTEN_OCTETS = 64 * 1024


@dataclass(slots=True)
class Service:
    """What the connections of a server have in common. `is_draining`: each response ends its connection."""

    handler: Handler
    body_octets: int
    kept_seconds: float
    is_draining: bool = False


class Version(Protocol):
    """What is said on a connection."""

    @property
    def slice_octets(self) -> int:
        """How much it can take at once without holding up others."""

    @property
    def oldest(self) -> Exchange | None:
        """The oldest request that is under way, be it only half there."""

    @property
    def is_full(self) -> bool:
        """Whether the next octets have to wait."""

    def receive(self, octets: bytes) -> None:
        """Take what has come in."""

    def respond(self, exchange: Exchange, response: Response) -> None:
        """Send a response."""

    def go_on(self) -> None:
        """Do what had to wait until what was written before had gone out."""

    def finish(self) -> None:
        """Take no further request; close the connection once none is under way."""

    def cancel(self) -> None:
        """Let no request be answered any more."""


class Connection(asyncio.Protocol):
    """One client. `gone` is set when the connection is."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.gone = asyncio.Event()
        self.loop = asyncio.get_running_loop()
        self.has_asked = False
        self.waits_since = self.loop.time()  # the last time that something was finished
        self.is_written = True
        self.is_finishing = False
        self._transport: asyncio.Transport | None = None
        self._peer = ("", 0)
        self._version: Version = Http1(self)
        self._unread = bytearray()
        self._feeding: asyncio.Handle | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_made(self) -> bool:
        """Whether the TLS handshake, if there is one, is over."""
        return self._transport is not None or self.gone.is_set()

    @property
    def is_waiting(self) -> bool:
        """Whether no handler is at work."""
        oldest = self._version.oldest
        return oldest is None or oldest.task is None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; a TLS handshake is over by now."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(_UNWRITTEN_OCTETS)
        self._peer = (transport.get_extra_info("peername") or self._peer)[:2]
        tls = transport.get_extra_info("ssl_object")
        if tls is not None and tls.selected_alpn_protocol() == HTTP2:
            # Imported late: it takes memory that only a TLS server needs, which has it in by now.
            from podname.runtime.http.http2 import Http2  # noqa: PLC0415

            self._version = Http2(self)
        self.rest()

    def data_received(self, data: bytes) -> None:
        """Take octets."""
        self._unread += data
        if self._feeding is None:
            self._feed()

    def pause_writing(self) -> None:
        """Take nothing more until the client has read."""
        self.is_written = False
        self.rest()

    def resume_writing(self) -> None:
        """Go on: the client has read everything."""
        self.is_written = True
        self.rest()
        self._version.go_on()
        self.feed_soon()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        for handle in (self._timer, self._feeding):
            if handle is not None:
                handle.cancel()
        self._transport = None
        self._version.cancel()
        self.gone.set()

    def write(self, octets: bytes) -> None:
        """Send octets."""
        if octets and self._transport is not None:
            self._transport.write(octets)

    def answer(self, exchange: Exchange) -> None:
        """Let the handler answer a whole request."""
        self.has_asked = True
        exchange.task = asyncio.create_task(self._answer(exchange))

    def finish(self) -> None:
        """Take no further request; close once those that are under way are answered."""
        self.is_finishing = True
        self._version.finish()

    def close(self) -> None:
        """Close, as soon as what was written has gone out."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close now."""
        if self._transport is not None:
            self._transport.abort()

    def rest(self) -> None:
        """Note that something was finished just now."""
        self.waits_since = self.loop.time()
        self.watch()

    def watch(self) -> None:
        """Set the time at which the connection ends if nothing comes of what is waited for now."""
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            self._timer = self.loop.call_at(self._deadline(), self.abort)

    def feed_soon(self) -> None:
        """Take the next slice after others had their turn."""
        if self._feeding is None and self._transport is not None:
            self._feeding = self.loop.call_soon(self._feed)

    def _feed(self) -> None:
        """Let a slice be taken, if it can be."""
        self._feeding = None
        if self._transport is None or self._transport.is_closing():
            return
        if self._unread and self.is_written and not self._version.is_full:
            octets = bytes(self._unread[: self._version.slice_octets])
            del self._unread[: len(octets)]
            self._version.receive(octets)
            if self._unread:
                self.feed_soon()
        if self._transport.is_closing():
            return
        if self._unread or not self.is_written:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _deadline(self) -> float:
        if (oldest := self._version.oldest) is not None:
            return oldest.began + REQUEST_SECONDS
        is_kept = self.has_asked and self.is_written
        return self.waits_since + (self.service.kept_seconds if is_kept else REQUEST_SECONDS)

    async def _answer(self, exchange: Exchange) -> None:
        try:
            response = await self.service.handler(exchange.request(self._peer))
        except Exception:
            _log.exception("HTTP: a request could not be answered")
            response = plain(500, "500 internal server error\n")
        self._version.respond(exchange, response)
        self.rest()
        self.feed_soon()
