"""What is printed when the server starts: who it is, what it serves, when it is ready.

Source: CoreDNS coremain/run.go, core/dnsserver/onstartup.go.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time

from podname import __version__
from podname.engine.choice import remark
from podname.server.lifecycle import Server
from podname.server.listeners import address_of
from podname.server.source import EXAMPLES
from podname.server.version import version
from podname.text import escaped_lines

_log = logging.getLogger("podname.server")

_LOOK_SECONDS = 0.02


async def show(server: Server, log_format: str, started_seconds: float) -> None:
    """Tell what is served, then, as soon as every plugin can answer, that all is ready."""
    _tell("\n".join([*_zones(server), version(server.engine.name)]), log_format)
    if text := remark(server.engine):
        _log.warning(text)
    while server.unready():  # noqa: ASYNC110 - plugins say whether, not when
        await asyncio.sleep(_LOOK_SECONDS)
    seconds = time.perf_counter() - started_seconds
    addresses = ", ".join(_addresses(server))
    _log.info(
        "podname-%s (engine %s) is ready on %s after %.2f s",
        *(__version__, server.engine.name, addresses, seconds),
    )
    if server.source.embedded:
        _tell(_names_to_try(server), log_format)


def _tell(text: str, log_format: str) -> None:
    if log_format == "json":
        _log.info(text)
    else:
        sys.stdout.write(escaped_lines(text) + "\n")
        sys.stdout.flush()


def _zones(server: Server) -> list[str]:
    """Return a line for each zone of each listener: `.:53`, `example.org.:53 on 127.0.0.1`."""
    lines = []
    for block in server.configuration.blocks if server.configuration else ():
        for key in block.keys:
            for host in block.hosts:
                port = server.listeners.port(address_of(key, host))
                scheme = "" if key.scheme == "dns" else f"{key.scheme}://"
                lines.append(f"{scheme}{key.zone}:{port}" + (f" on {host}" if host else ""))
    return sorted(lines)


def _addresses(server: Server) -> list[str]:
    return [
        address._replace(port=server.listeners.port(address)).label.removeprefix("dns://")
        for address in server.listeners.open
    ]


def _names_to_try(server: Server) -> str:
    port = server.listeners.port(next(iter(server.listeners.open)))
    return (EXAMPLES / "names-to-try.txt").read_text().format(port=port).rstrip()
