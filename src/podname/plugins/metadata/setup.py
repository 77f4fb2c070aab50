"""Set up the `metadata` directive of a block.

Source: CoreDNS 1.15.0 plugin/metadata setup.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from podname.corefile import Directive, normalize_zones
from podname.corefile.properties import Properties
from podname.dns.names import from_text
from podname.plugins.base import Context, once
from podname.plugins.metadata.handler import Gatherer


@dataclass(frozen=True, slots=True)
class Options(Properties):
    """What `metadata` takes."""

    SYNTAX = "[ZONES...]"


def setup(directives: Sequence[Directive], context: Context) -> Gatherer:
    """Make the plugin. Raises CorefileError."""
    directive = once(directives)
    Options.read(directive, context)
    zones = normalize_zones(directive.arguments) or context.zones
    return Gatherer(frozenset(map(from_text, zones)))
