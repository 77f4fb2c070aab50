"""What the Corefile says of `local`.

Source: CoreDNS 1.15.0 plugin/local setup.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from podname.corefile import Directive
from podname.corefile.properties import Properties, choice, prop
from podname.plugins.base import Context, one_counts
from podname.plugins.local.handler import Local


@dataclass(frozen=True, slots=True)
class Options(Properties):
    """What `local` takes."""

    localhost_prefix: str = prop("on", choice("on", "off"))


def setup(directives: Sequence[Directive], context: Context) -> Local:
    """Read `local`; what several directives say adds up. Raises CorefileError."""
    prefix = "on"
    for directive in directives:
        directive.expect(0, 0)
        prefix = Options.read(directive, context, localhost_prefix=prefix).localhost_prefix
    one_counts(directives, context, -1)
    return Local(localhost_prefix=prefix == "on")
