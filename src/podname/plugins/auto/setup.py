"""Set up the `auto` directive.

Source: CoreDNS 1.15.0 plugin/auto setup.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from podname.corefile import Directive, Line, Token
from podname.corefile.properties import Properties, ReadContext, Value, not_negative, prop, value
from podname.corefile.regexp import Regexp, regexp
from podname.errors import Place
from podname.plugins.auto.folder import Naming, ZoneFolder
from podname.plugins.auto.handler import Auto
from podname.plugins.base import Context, named_zones, one_counts
from podname.plugins.zones import zone_names

_DEFAULT = Naming(Path(), Regexp(r"db\.(.*)"), "{1}", Token("", Place("", 0, 0)))


def _directory(line: Line, _: Naming, context: ReadContext) -> Naming:
    word, *how = line.arguments
    folder = context.folder / word.text
    if not context.elsewhere and not folder.is_dir():
        context.warn(f"{word.place}: directory does not exist: {folder}")
    if not how:
        return Naming(folder, _DEFAULT.pattern, _DEFAULT.template, word)
    pattern = regexp(line, how[0])
    if not pattern.groups:
        raise line.error("need at least one sub expression", how[0])
    if len(how) == 1:
        raise line.error("wrong argument count: the template is missing", how[0])
    return Naming(folder, pattern, how[1].text, word)


@dataclass(frozen=True, slots=True)
class Options(Properties):
    """What `auto` takes."""

    SYNTAX = "[ZONES...]"
    OBSOLETE = frozenset({"upstream"})

    naming: Naming = prop(
        _DEFAULT, Value("DIR [REGEXP ORIGIN_TEMPLATE]", _directory, 1, 3), "directory"
    )
    reload_seconds: float = prop(60.0, value("DURATION", not_negative, most=None), "reload")


def setup(directives: Sequence[Directive], context: Context) -> Auto:
    """Make the plugin; of several directives the last one counts. Raises CorefileError."""
    for directive in directives:
        Options.read(directive, context)
    directive = one_counts(directives, context, counting=-1)
    options = Options.read(directive, context)
    zones = zone_names(directive.arguments or context.zones)
    plugin = Auto(zones, ZoneFolder(options.naming, options.reload_seconds), context)
    plugin.named_zones = tuple(named_zones(word) for word in directive.arguments)
    return plugin
