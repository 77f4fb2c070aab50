"""One request that comes in piece by piece, until it is whole.

Sources: RFC 9112, section 2; RFC 9113, section 8.3.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import unquote

from podname.runtime.http.messages import Request

HEAD_OCTETS = 8 * 1024  # to read many short fields takes milliseconds


@dataclass(eq=False, slots=True)
class Exchange:
    """A request and the task that answers it. `began` is in the event loop's time, `number` is of HTTP/2's stream."""

    began: float
    number: int = 0
    method: str = ""
    target: bytes = b""
    fields: Iterable[tuple[bytes, bytes]] = ()
    task: asyncio.Task[None] | None = None
    _body: bytearray = field(default_factory=bytearray)
    _is_too_large: bool = False

    def add(self, octets: bytes | bytearray, most_octets: int) -> None:
        """Add a piece of the body; of one that is too large nothing is kept."""
        self._is_too_large |= len(self._body) + len(octets) > most_octets
        if self._is_too_large:
            self._body.clear()
        else:
            self._body += octets

    def request(self, peer: tuple[str, int]) -> Request:
        """Return the whole request, of a client at that address."""
        path, _, query = self.target.decode("latin-1").partition("?")
        headers: dict[str, str] = {}
        for octets, value in self.fields:
            name, text = octets.decode("latin-1").lower(), value.decode("latin-1")
            headers[name] = f"{headers[name]}, {text}" if name in headers else text
        body = None if self._is_too_large else bytes(self._body)
        return Request(self.method, unquote(path), query, headers, body, peer)

    def cancel(self) -> None:
        """Let nobody answer."""
        if self.task is not None:
            self.task.cancel()
