"""An address over HTTP and what it answers, by path.

Of two handlers for one path the later one answers, so that the one before comes back when the later one is removed:
directives that name the same address share it over a reload, and the socket never closes while somebody asks.
"""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import TYPE_CHECKING

from podname.runtime.http.messages import Handler, Request, Response, plain

if TYPE_CHECKING:
    from podname.runtime.http.server import HttpServer


class Endpoint:
    """One HTTP address and its handlers."""

    def __init__(self, host: str, port: int, *, share: bool = False) -> None:
        self.host = host
        self.port = port
        self._share = share
        self._handlers: dict[str, list[Handler]] = {}
        self._server: HttpServer | None = None
        self._opening = asyncio.Lock()

    @property
    def is_open(self) -> bool:
        """Whether it is served."""
        return self._server is not None

    def add(self, path: str, handler: Handler) -> None:
        """Let `handler` answer `path` from now on."""
        self._handlers.setdefault(path, []).append(handler)

    def remove(self, path: str, handler: Handler) -> None:
        """Take `handler` away; one that was there before it answers again."""
        if handler in self._handlers.get(path, ()):
            self._handlers[path].remove(handler)

    async def open(self) -> None:
        """Bind and serve, unless that is done. Raises PodnameError."""
        async with self._opening:
            if self._server is None:
                # Imported late: `podname check` needs none of it, and start time counts. In a thread: meanwhile the
                # API server is asked.
                await asyncio.to_thread(import_module, "podname.runtime.http.server")
                from podname.runtime.http.server import HttpServer  # noqa: PLC0415

                server = HttpServer(self._answer)
                self.port = await server.open(self.host, self.port, share=self._share)
                self._server = server

    async def close(self) -> None:
        """Finish what is under way and close the socket."""
        server, self._server = self._server, None
        if server is not None:
            await server.close()

    async def _answer(self, request: Request) -> Response:
        handlers = self._handlers.get(request.path)
        return await handlers[-1](request) if handlers else plain(404, "404 page not found\n")
