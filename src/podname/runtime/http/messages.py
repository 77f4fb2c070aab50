"""What an HTTP server is asked and what it answers, the same for every version of HTTP.

A `Handler` gets a whole request and returns a whole response.

Source: RFC 9110.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `body` is None when it had more octets than the server takes."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]  # the names in lower case
    body: bytes | None = b""
    peer: tuple[str, int] = ("", 0)  # the client's address and port


@dataclass(frozen=True, slots=True)
class Response:
    """One response. The length of the body is not among its headers: the server adds it."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)  # the names in lower case


Handler = Callable[[Request], Awaitable[Response]]


def plain(status: int, text: str) -> Response:
    """Return a response in plain text."""
    return Response(status, text.encode(), {"content-type": "text/plain; charset=utf-8"})


def text(answer: Callable[[], tuple[int, str]]) -> Handler:
    """Make a handler of what gives a status and a plain text."""

    async def handler(_: Request) -> Response:
        return plain(*answer())

    return handler
