"""What the Corefile says of `minimal`: nothing but its name.

Source: CoreDNS 1.15.0 plugin/minimal setup.go.
"""

from __future__ import annotations

from collections.abc import Sequence

from podname.corefile import Directive
from podname.plugins.base import Context, only_named
from podname.plugins.minimal.handler import Minimal


def setup(directives: Sequence[Directive], context: Context) -> Minimal:
    """Read `minimal`. Raises CorefileError."""
    only_named(directives, context)
    return Minimal()
