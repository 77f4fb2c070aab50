"""The zones that a directive names, as names.

Source: CoreDNS plugin/normalize.go, plugin/pkg/fall.
"""

from __future__ import annotations

from collections.abc import Iterable

from podname.corefile import Line, Token, normalize_zones
from podname.dns import names


def zone_names(words: Iterable[str | Token]) -> tuple[bytes, ...]:
    """Return what the words stand for, folded, each once. Raises CorefileError."""
    return tuple(dict.fromkeys(names.from_text(zone) for zone in normalize_zones(words)))


def fallthrough_zones(line: Line) -> tuple[bytes, ...]:
    """Read `fallthrough [ZONES...]`: without zones it is for all. Raises CorefileError."""
    return zone_names(line.arguments) or (names.ROOT,)
