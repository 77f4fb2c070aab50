"""Set up the `erratic` directive: several in a block are as one.

Source: CoreDNS 1.15.0 plugin/erratic setup.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from podname.corefile import Directive
from podname.plugins.base import Context
from podname.plugins.erratic.handler import Erratic
from podname.plugins.erratic.options import Options


def setup(directives: Sequence[Directive], context: Context) -> Erratic:
    """Make the plugin. Raises CorefileError."""
    for directive in directives:
        directive.expect(0, 0)
    lines = tuple(line for directive in directives for line in directive.block or ())
    return Erratic(Options.read(replace(directives[0], block=lines), context))
