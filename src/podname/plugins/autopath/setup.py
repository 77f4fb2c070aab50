"""Set up the `autopath` directive.

Source: CoreDNS 1.15.0 plugin/autopath setup.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from podname.corefile import Directive
from podname.corefile.properties import Properties
from podname.dns import resolv_conf
from podname.dns.names import BadName, from_text
from podname.plugins.autopath.handler import Autopath
from podname.plugins.base import Context, named_zones, one_counts
from podname.plugins.zones import zone_names


@dataclass(frozen=True, slots=True)
class Options(Properties):
    """What `autopath` takes."""

    SYNTAX = "[ZONES...] RESOLV-CONF|@kubernetes"


def setup(directives: Sequence[Directive], context: Context) -> Autopath:
    """Make the plugin; of several directives the last one counts. Raises CorefileError."""
    for directive in directives:
        directive.expect(1)
        Options.read(directive, context)
    directive = one_counts(directives, context, counting=-1)
    *zones, source = directive.arguments
    knower = source.text[1:] if source.text.startswith("@") else ""
    search = () if knower else _search(directive, context)
    plugin = Autopath(zone_names(zones or context.zones), search, knower, directive)
    plugin.named_zones = tuple(named_zones(word) for word in zones)
    return plugin


def _search(directive: Directive, context: Context) -> tuple[bytes, ...]:
    word = directive.arguments[-1]
    try:
        text = (context.folder / word.text).read_text("utf-8", "replace")
        return tuple(from_text(name.lower()) for name in resolv_conf.parse(text).search)
    except (OSError, BadName) as error:
        if context.elsewhere:
            return ()
        raise directive.error(f"failed to parse '{word.text}': {error}", word) from None
