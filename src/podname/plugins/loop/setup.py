"""Read the `loop` directive, which says nothing but its name.

Source: CoreDNS 1.15.0 plugin/loop setup.go.
"""

from __future__ import annotations

from collections.abc import Sequence

from podname.corefile import Directive
from podname.corefile.properties import Properties
from podname.dns import names
from podname.plugins.base import Context, once
from podname.plugins.loop.handler import Loop


def setup(directives: Sequence[Directive], context: Context) -> Loop:
    """Make the plugin. Raises CorefileError."""
    directive = once(directives)
    directive.expect(0, 0)
    Properties.read(directive, context)
    try:
        return Loop(names.from_text(context.zones[0]), context.fatal)
    except names.BadName as error:
        message = f"no random name has room in the zone {context.zones[0]}: {error}"
        raise directive.error(message) from None
