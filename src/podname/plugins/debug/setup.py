"""What the Corefile says of `debug`: nothing but its name.

Source: CoreDNS plugin/debug.
"""

from __future__ import annotations

from collections.abc import Sequence

from podname.corefile import Directive
from podname.corefile.properties import Properties
from podname.plugins.base import Context, one_counts
from podname.plugins.debug.handler import Debug


def setup(directives: Sequence[Directive], context: Context) -> Debug:
    """Read `debug`."""
    for directive in directives:
        directive.expect(0, 0)
        Properties.read(directive, context)
    one_counts(directives, context)
    return Debug()
