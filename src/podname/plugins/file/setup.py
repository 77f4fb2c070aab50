"""Set up the `file` directive.

`fallthrough` is for all directives of a block, and `reload` for those behind it, too: CoreDNS keeps one variable each.

Source: CoreDNS 1.15.0 plugin/file setup.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from podname.corefile import Directive, Line
from podname.corefile.findings import Findings
from podname.corefile.properties import Properties, flag, prop, value
from podname.plugins.base import Context, named_zones
from podname.plugins.file.handler import File
from podname.plugins.file.zonefile import ZoneFile
from podname.plugins.zones import fallthrough_zones, zone_names

_RELOAD_SECONDS = 60.0


def _reload(line: Line) -> float:
    seconds = line.duration()
    if seconds < 0:
        raise line.error(f"negative duration '{line.arguments[0].text}'", line.arguments[0])
    return seconds


@dataclass(frozen=True, slots=True)
class Options(Properties):
    """What `file` takes."""

    SYNTAX = "DBFILE [ZONES...]"
    OBSOLETE = frozenset({"upstream"})

    reload_seconds: float | None = prop(None, value("DURATION", _reload, most=None), "reload")
    reload_by_mtime: bool = prop(False, flag())
    fallthrough: tuple[bytes, ...] = prop(
        (), value("[ZONES...]", fallthrough_zones, least=0, most=None)
    )


def setup(directives: Sequence[Directive], context: Context) -> File:
    """Make the plugin of all `file` directives in a block. Raises CorefileError."""
    found = Findings()
    files, fallthrough = list[ZoneFile](), tuple[bytes, ...]()
    reload_seconds, by_mtime = _RELOAD_SECONDS, False
    for directive in directives:
        with found.gathered():
            directive.expect(1)
            options = Options.read(directive, context)
            fallthrough = options.fallthrough or fallthrough
            by_mtime = by_mtime or options.reload_by_mtime
            if options.reload_seconds is not None:
                reload_seconds = options.reload_seconds
            path, *zones = directive.arguments
            files += [
                ZoneFile(
                    context.folder / path.text, origin, path, reload_seconds, by_mtime=by_mtime
                )
                for origin in zone_names(zones or context.zones)
            ]
    found.raise_all()
    plugin = File(files, fallthrough, context)
    plugin.named_zones = tuple(
        named_zones(token) for directive in directives for token in directive.arguments[1:]
    )
    return plugin
