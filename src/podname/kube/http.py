"""HTTP/1.1 as an API server speaks it to a client that only reads: one request at a time on a connection.

Why not an HTTP library: a cluster's pods are a gigabyte, in pieces of a few kilobytes, and each piece costs a library
more than it costs us to decode it: a watch event of 1.5 KB costs 60 µs with httpx2 and 17 µs with this, decoding
included. What is needed here is small: GET, a status, headers, and a body that is chunked, has a length, or ends with
the connection.

Sources: RFC 9112 §2-§7; asyncio transports and protocols.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import AsyncGenerator

from podname.errors import KubeError

_HEAD_OCTETS_MAX = 64 * 1024
_PIECE_OCTETS = 64 * 1024
_QUEUE_PIECES_MAX = 4
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] (\d{3})[^\r\n]*\r?\n")
_SIZE_LINE = re.compile(rb"(?:\r\n)?([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?\r\n")
_SIZE_LINE_OCTETS_MAX = 1024


class Disconnected(KubeError):
    """The connection to the API server ended before its answer did."""


class Connection(asyncio.BufferedProtocol):
    """A connection that is read from; what is not read yet is bounded, then the sender has to wait.

    It reads pieces of 64 KiB: what is made of one holds the event loop for a fraction of a millisecond, and its octets
    stay below the size from which the allocator asks the system for fresh pages each time.
    """

    def __init__(self, idle_seconds: float) -> None:
        self.has_ended = False
        self.is_used = False  # a response was read from it
        self._idle_seconds = idle_seconds
        self._chunks: deque[bytes] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._error: Exception | None = None
        self._transport: asyncio.Transport | None = None
        self._buffer = memoryview(bytearray(_PIECE_OCTETS))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = transport  # type: ignore[assignment]  # a stream's transport is one

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where to put what comes."""
        return self._buffer

    def buffer_updated(self, octets: int) -> None:
        """Queue what came and wake the reader."""
        self._chunks.append(bytes(self._buffer[:octets]))
        if len(self._chunks) > _QUEUE_PIECES_MAX and self._transport is not None:
            self._transport.pause_reading()
        self._wake()

    def connection_lost(self, error: Exception | None) -> None:
        """Remember that nothing more will come."""
        self.has_ended = True
        self._error = error
        self._wake()

    def eof_received(self) -> bool:
        """Let the transport close itself."""
        self.has_ended = True
        self._wake()
        return False

    def write(self, octets: bytes) -> None:
        """Send."""
        if self._transport is not None:
            self._transport.write(octets)

    def close(self) -> None:
        """Let go of the connection at once."""
        self.has_ended = True
        if self._transport is not None:
            self._transport.abort()

    async def read(self) -> bytes:
        """Return what came, nothing at the end. Raises Disconnected after an error or a long silence."""
        if not self._chunks and not self.has_ended:
            await self._wait()
        if self._chunks:
            if len(self._chunks) == _QUEUE_PIECES_MAX and self._transport is not None:
                self._transport.resume_reading()
            return self._chunks.popleft()
        if self._error is not None:
            raise Disconnected(f"the connection to the API server broke: {self._error}")
        return b""

    async def _wait(self) -> None:
        loop = asyncio.get_running_loop()
        self._waiter = loop.create_future()
        timer = loop.call_later(self._idle_seconds, self._too_quiet)
        try:
            await self._waiter
        finally:
            timer.cancel()
            self._waiter = None

    def _too_quiet(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            message = f"the API server said nothing for {self._idle_seconds:g} s"
            self._waiter.set_exception(Disconnected(message))

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Response:
    """A status, headers (lower case), and a body to iterate over."""

    def __init__(self, connection: Connection) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.can_reuse = False  # the body was read to its end, and another request may follow
        self._connection = connection
        self._ahead = b""

    async def read_head(self) -> None:
        """Read up to the body. Raises Disconnected, or KubeError when this is not HTTP."""
        while True:
            await self._read_one_head()
            if self.status >= 200:  # 1xx: another head follows
                return

    async def _read_one_head(self) -> None:
        text = self._ahead
        while (end := text.find(b"\r\n\r\n")) < 0:
            if len(text) > _HEAD_OCTETS_MAX:
                raise KubeError("the API server's answer has no end of headers")
            data = await self._connection.read()
            if not data:
                raise Disconnected("the API server closed the connection without an answer")
            text += data
        status = _STATUS_LINE.match(text)
        if status is None:
            raise KubeError(f"the API server does not speak HTTP/1.1: {text[:40]!r}")
        self.status = int(status[1])
        lines = text[status.end() : end].decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in lines)
        self.headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        self._ahead = text[end + 4 :]

    def body(self) -> AsyncGenerator[bytes, None]:
        """Return the body as it comes. Raises Disconnected when it breaks off."""
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            return self._chunked()
        if (length := self.headers.get("content-length", "")).isdecimal() and len(length) < 19:
            return self._sized(int(length))
        return self._to_the_end()

    async def _sized(self, octets: int) -> AsyncGenerator[bytes, None]:
        data = self._ahead
        while True:
            if data:
                yield data[:octets]
                octets -= len(data)
            if octets <= 0:
                break
            data = await self._more()
        self.can_reuse = octets == 0 and self._may_keep()

    async def _to_the_end(self) -> AsyncGenerator[bytes, None]:
        data = self._ahead or await self._connection.read()
        while data:
            yield data
            data = await self._connection.read()

    async def _chunked(self) -> AsyncGenerator[bytes, None]:
        chunks = Chunks()
        data = self._ahead or await self._more()
        while True:
            payload = chunks.feed(data)
            if payload:
                yield payload
            if chunks.has_ended:
                break
            data = await self._more()
        self.can_reuse = chunks.rest == b"\r\n" and self._may_keep()

    async def _more(self) -> bytes:
        data = await self._connection.read()
        if not data:
            raise Disconnected("the API server's answer broke off")
        return data

    def _may_keep(self) -> bool:
        return self.headers.get("connection", "").lower() != "close"


class Chunks:
    """Takes the chunked coding off a body. `rest` is what follows the last chunk's size."""

    def __init__(self) -> None:
        self.has_ended = False
        self.rest = b""
        self._missing_octets = 0  # of the chunk that is being read

    def feed(self, data: bytes) -> bytes:
        """Return the payload in `data`. Raises KubeError when it is not chunked."""
        if self.rest:
            data = self.rest + data
        pieces, at, missing = [], 0, self._missing_octets
        while True:
            if missing:
                piece = data[at : at + missing]
                pieces.append(piece)
                at += len(piece)
                missing -= len(piece)
                if missing:
                    break
            size = _SIZE_LINE.match(data, at)
            if size is None:
                break
            at = size.end()
            missing = int(size[1], 16)
            if missing == 0:
                self.has_ended = True
                break
        self._missing_octets, self.rest = missing, data[at:]
        if not self.has_ended and len(self.rest) > _SIZE_LINE_OCTETS_MAX:
            raise KubeError("the API server's answer is not chunked as it says")
        return b"".join(pieces)
