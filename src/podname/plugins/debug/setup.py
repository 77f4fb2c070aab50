"""What the Corefile says of `debug`: nothing but its name.

Source: CoreDNS plugin/debug.
"""

from __future__ import annotations

from collections.abc import Sequence

from podname.corefile import Directive
from podname.plugins.base import Context, only_named
from podname.plugins.debug.handler import Debug


def setup(directives: Sequence[Directive], context: Context) -> Debug:
    """Read `debug`."""
    only_named(directives, context)
    return Debug()
