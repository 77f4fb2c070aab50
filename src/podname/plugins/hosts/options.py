"""What the `hosts` directive says: its properties, how each is read, and its default.

Source: CoreDNS 1.15.0 plugin/hosts README and setup.go.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from podname.corefile import Line
from podname.corefile.properties import Properties, flag, integer, prop, value
from podname.plugins.zones import fallthrough_zones

DEFAULT_PATH = Path("/etc/hosts")
_TTL_SECONDS_MOST = 65535


def _reload(line: Line) -> float:
    seconds = line.duration()
    if seconds < 0:
        message = f"invalid negative duration for reload '{line.arguments[0].text}'"
        raise line.error(message, line.arguments[0])
    return seconds


@dataclass(frozen=True, slots=True)
class Options(Properties):
    """One `hosts` directive."""

    SYNTAX = "[FILE [ZONES...]]"
    OTHERWISE = "[ADDRESS NAMES...]"

    path: Path = DEFAULT_PATH
    zones: tuple[bytes, ...] = ()
    inline: bytes = b""
    ttl_seconds: int = prop(3600, integer("SECONDS", least=1, most=_TTL_SECONDS_MOST), "ttl")
    reverse: bool = prop(True, flag(said=False), "no_reverse")
    reload_seconds: float = prop(5.0, value("DURATION", _reload), "reload")
    fallthrough: tuple[bytes, ...] = prop(
        (), value("[ZONES...]", fallthrough_zones, least=0, most=None)
    )
    fallthrough_unsupported: bool = prop(False, flag())
