"""Set up the `timeouts` directive.

Source: CoreDNS 1.15.0 plugin/timeouts timeouts.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from podname.corefile import Directive, Line
from podname.corefile.properties import Properties, prop, value
from podname.plugins.base import Context
from podname.plugins.durations import duration_or_seconds
from podname.plugins.timeouts.handler import Timeouts

_SECONDS_LEAST, _SECONDS_MOST = 1.0, 86_400.0


def _seconds(line: Line) -> float:
    seconds = duration_or_seconds(line)
    if not _SECONDS_LEAST <= seconds <= _SECONDS_MOST:
        text = line.arguments[0].text
        message = f"timeout provided '{text}' needs to be between 1 second and 24 hours"
        raise line.error(message, line.arguments[0])
    return seconds


def _queries(line: Line) -> int:
    most = line.integer(least=-1)
    if not most:
        message = "maxtcpqueries needs to be -1 (unlimited) or a positive integer"
        raise line.error(message, line.arguments[0])
    return most


@dataclass(frozen=True, slots=True)
class Options(Properties):
    """What `timeouts` takes."""

    read_seconds: float | None = prop(None, value("DURATION", _seconds), "read")
    write_seconds: float | None = prop(None, value("DURATION", _seconds), "write")
    idle_seconds: float | None = prop(None, value("DURATION", _seconds), "idle")
    queries_most: int | None = prop(None, value("MAXIMUM", _queries), "maxtcpqueries")


def setup(directives: Sequence[Directive], context: Context) -> Timeouts:
    """Make the plugin of all `timeouts` in a block; what a later one says counts. Raises CorefileError."""
    limits: dict[str, float] = {}
    for directive in directives:
        directive.expect(0, 0)
        options = Options.read(directive, context)
        said = {
            "first_read_seconds": options.read_seconds,
            "write_seconds": options.write_seconds,
            "idle_seconds": options.idle_seconds,
            "queries_most": None if options.queries_most is None else max(0, options.queries_most),
        }
        if not any(limit is not None for limit in said.values()):
            raise directive.error("timeouts block with no timeouts specified")
        limits |= {name: limit for name, limit in said.items() if limit is not None}
    return Timeouts(limits)
