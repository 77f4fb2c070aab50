"""Set up the `k8s_external` directive.

Source: CoreDNS 1.15.0 plugin/k8s_external setup.go.
"""

from __future__ import annotations

from collections.abc import Sequence

from podname.corefile import Directive
from podname.plugins.base import Context, named_zones, one_counts
from podname.plugins.k8s_external.handler import External
from podname.plugins.k8s_external.options import Options
from podname.plugins.zones import zone_names


def setup(directives: Sequence[Directive], context: Context) -> External:
    """Make the plugin; of several directives the last one counts. Raises CorefileError."""
    for directive in directives:
        Options.read(directive, context)
    directive = one_counts(directives, context, counting=-1)
    zones = zone_names(directive.arguments or context.zones)
    plugin = External(Options.read(directive, context, zones=zones), directive)
    plugin.named_zones = tuple(named_zones(word) for word in directive.arguments)
    return plugin
