"""What the Corefile says of `whoami`: nothing but its name.

Source: CoreDNS plugin/whoami/setup.go.
"""

from __future__ import annotations

from collections.abc import Sequence

from podname.corefile import Directive
from podname.plugins.base import Context
from podname.plugins.whoami.handler import Whoami


def setup(directives: Sequence[Directive], context: Context) -> Whoami:
    """Read `whoami`."""
    for directive in directives:
        directive.expect(0, 0)
        for line in directive.block or ():
            raise line.error(f"unknown property '{line.name.text}'")
    return Whoami()
