"""A name server over HTTPS on loopback, HTTP/2 alone, whose responses are what a test says."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from h2 import events
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.exceptions import ProtocolError


@dataclass
class Asked:
    """One request: its method, its fields and the DNS message in it."""

    method: str
    fields: dict[str, str]
    packet: bytes


@dataclass
class Said:
    """One response. Without a status the stream is reset; with `goes` GOAWAY follows it."""

    body: bytes
    status: int | None = 200
    content_type: str = "application/dns-message"
    goes: bool = False


@dataclass
class DohUpstream:
    """A server under a test's control."""

    script: Callable[[bytes], Said]
    port: int = 0
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Speak HTTP/2 with one client."""
        self.connections += 1
        state = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        state.initiate_connection()
        requests: dict[int, Asked] = {}
        writer.write(state.data_to_send())
        try:
            while octets := await reader.read(65536):
                for event in state.receive_data(octets):
                    self._take(state, requests, event)
                writer.write(state.data_to_send())
        except (ConnectionError, ProtocolError, ssl.SSLError):
            pass
        finally:
            writer.close()

    def _take(self, state: H2Connection, requests: dict[int, Asked], event: events.Event) -> None:
        if isinstance(event, events.RequestReceived):
            fields = {str(key): str(value) for key, value in event.headers}
            _, _, query = fields[":path"].partition("?dns=")
            packet = base64.urlsafe_b64decode(query + "=" * (-len(query) % 4))
            requests[event.stream_id] = Asked(fields[":method"], fields, packet)
        elif isinstance(event, events.DataReceived):
            requests[event.stream_id].packet += event.data
        elif isinstance(event, events.StreamEnded):
            asked = requests.pop(event.stream_id)
            self.asked.append(asked)
            self._say(state, event.stream_id, self.script(asked.packet))

    def _say(self, state: H2Connection, number: int, said: Said) -> None:
        if said.status is None:
            state.reset_stream(number)
            return
        fields = [(":status", str(said.status)), ("content-type", said.content_type)]
        state.send_headers(number, fields)
        state.send_data(number, said.body, end_stream=True)
        if said.goes:
            state.close_connection()


@asynccontextmanager
async def doh(
    script: Callable[[bytes], Said], context: ssl.SSLContext
) -> AsyncIterator[DohUpstream]:
    """Run a name server over HTTPS while the test runs."""
    upstream = DohUpstream(script)
    context.set_alpn_protocols(["h2"])
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0, ssl=context)
    upstream.port = server.sockets[0].getsockname()[1]
    try:
        yield upstream
    finally:
        server.close()
