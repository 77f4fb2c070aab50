"""What the `k8s_external` directive says: its properties, how each is read, and its default.

Source: CoreDNS 1.15.0 plugin/k8s_external setup.go.
"""

from __future__ import annotations

from dataclasses import dataclass

from podname.corefile import Line
from podname.corefile.properties import Properties, flag, prop, value
from podname.dns import names
from podname.dns.names import BadName
from podname.plugins.zones import fallthrough_zones

_TTL_SECONDS_MOST = 3600


def _apex(line: Line) -> bytes:
    try:
        return names.from_text(line.words()[0])[:-1]
    except BadName as error:
        raise line.error(str(error), line.arguments[0]) from None


@dataclass(frozen=True, slots=True)
class Options(Properties):
    """One `k8s_external` directive."""

    SYNTAX = "[ZONES...]"

    zones: tuple[bytes, ...] = ()
    apex: bytes = prop(b"\x03dns", value("NAME", _apex, most=None))  # labels without the root
    ttl_seconds: int = prop(
        5,
        value("SECONDS", lambda line: line.integer(least=0, most=_TTL_SECONDS_MOST), most=None),
        "ttl",
    )
    headless: bool = prop(False, flag())
    fallthrough: tuple[bytes, ...] = prop(
        (), value("[ZONES...]", fallthrough_zones, least=0, most=None)
    )
