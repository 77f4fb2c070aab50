"""The server as a process: the pid file, and what is printed.

Sources: CoreDNS coremain/run.go, core/dnsserver/onstartup.go.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from podname.engine.base import Engine
from podname.runtime import process
from podname.server import banner
from podname.server.lifecycle import Server
from podname.server.source import find
from podname.server.watch import Watch, log_failure

_log = logging.getLogger("podname.server")


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says."""

    conf: str | None = None
    port: int = 53
    pidfile: str | None = None
    quiet: bool = False
    log_format: str = "text"


def run(options: Options, engine: Engine) -> int:
    """Serve until a signal says to end; return the exit code. Raises PodnameError or OSError."""

    def make() -> Serving:
        return Serving(Server(find(options.conf), engine, options.port, process.leave), options)

    return process.run(make, options.log_format)


class Serving(process.Process):
    """A server that runs as the command line says."""

    parting = "Shutting down servers then terminating"

    def __init__(self, server: Server, options: Options) -> None:
        self._server = server
        self._options = options
        self._began_seconds = time.perf_counter()

    async def start(self) -> None:
        """Bind and serve."""
        await self._server.start()

    async def work(self) -> None:
        """Follow the Corefile. That nobody reads what is printed is no reason to end."""
        works = [Watch(self._server).run()]
        if not self._options.quiet:
            works.append(banner.show(self._server, self._options.log_format, self._began_seconds))
        with _pidfile(self._options.pidfile):
            await asyncio.gather(*works, return_exceptions=True)

    async def reload(self) -> None:
        """Serve the Corefile as it is now."""
        _log.info("SIGUSR1: Reloading")
        try:
            await self._server.reload()
        except Exception as error:
            log_failure(_log, "SIGUSR1", error)

    async def end(self) -> None:
        """Finish the queries under way, after lameduck."""
        await self._server.drain()
        await self._server.stop()


@contextlib.contextmanager
def _pidfile(path: str | None) -> Iterator[None]:
    """Keep our process id in a file while we serve; one that cannot be written is no reason to end."""
    try:
        if path:
            Path(path).write_text(f"{os.getpid()}\n")
    except OSError as error:
        _log.error("Could not write pidfile: %s", error)
        path = None
    try:
        yield
    finally:
        if path:
            Path(path).unlink(missing_ok=True)
