"""HTTP for the directives that have an endpoint: `health`, `ready`, `prometheus`.

An `Endpoint` is one address with an ASGI callable per path. Directives that name the same address
share it, and it is kept over a reload: the socket never closes while somebody asks. Of two
callables for one path the later one answers, so that the old configuration's comes back when the
new one is refused.

Sources: ASGI 3.0; CoreDNS plugin/health, plugin/ready, plugin/metrics.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

from podname.corefile import Line, Token
from podname.plugins.asgi import App, Message, Receive, Send
from podname.plugins.base import Resources

if TYPE_CHECKING:
    from podname.plugins.http_server import HttpServer


class Endpoint:
    """One HTTP address and what it answers, by path."""

    def __init__(self, host: str, port: int, *, share: bool = False) -> None:
        self.host = host
        self.port = port
        self._share = share
        self._apps: dict[str, list[App]] = {}
        self._server: HttpServer | None = None
        self._opening = asyncio.Lock()

    def add(self, path: str, app: App) -> None:
        """Let `app` answer `path` from now on."""
        self._apps.setdefault(path, []).append(app)

    def remove(self, path: str, app: App) -> None:
        """Take `app` away; one that was there before it answers again."""
        if app in self._apps.get(path, ()):
            self._apps[path].remove(app)

    async def open(self) -> None:
        """Bind and serve, unless that is done. Raises PodnameError."""
        async with self._opening:
            if self._server is None:
                # Imported late: `podname check` needs none of it, and start time counts. In a thread: meanwhile the
                # API server is asked.
                await asyncio.to_thread(import_module, "podname.plugins.http_server")
                from podname.plugins.http_server import HttpServer  # noqa: PLC0415

                server = HttpServer(self)
                self.port = await server.open(self.host, self.port, share=self._share)
                self._server = server

    async def close(self) -> None:
        """Finish what is under way and close the socket."""
        if self._server is not None:
            await self._server.close()
            self._server = None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        apps = self._apps.get(scope["path"])
        await (apps[-1] if apps else text(lambda: (404, "404 page not found\n")))(
            scope, receive, send
        )


def claim(resources: Resources, address: tuple[str, int]) -> Endpoint:
    """Return the endpoint of an address: the previous configuration's, or a new one, not yet open.

    One that overlaps another of ours (`:9153` and `localhost:9153`) may share its port, as in CoreDNS.
    """
    host, port = address
    ours = [
        kept for kept in (*resources.previous(), *resources.all()) if isinstance(kept, Endpoint)
    ]
    share = any(kept.port == port for kept in ours)
    return resources.claim(("http", host, port), lambda: Endpoint(host, port, share=share))


def text(answer: Callable[[], tuple[int, str]]) -> App:
    """Make an ASGI callable that answers with the status and the plain text that `answer` gives."""

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        status, body = answer()
        headers = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", b"%d" % len(body.encode())),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send(
            {
                "type": "http.response.body",
                "body": b"" if scope["method"] == "HEAD" else body.encode(),
            }
        )

    return app


def address(line: Line, token: Token) -> tuple[str, int]:
    """Read `[HOST]:PORT`; an IPv6 address stands in brackets. Raises CorefileError."""
    host, colon, port = token.text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise line.error(
            f"too many colons in address '{token.text}': put an IPv6 address in brackets", token
        )
    if "%" in host:
        raise line.error(f"the address '{token.text}' has a zone: CoreDNS takes none here", token)
    if not colon:
        raise line.error(f"missing port in address '{token.text}': write HOST:PORT or :PORT", token)
    if not (port.isascii() and port.isdigit() and int(port) <= 65535):
        raise line.error(f"'{port}' in address '{token.text}' is not a port number", token)
    return host, int(port)
