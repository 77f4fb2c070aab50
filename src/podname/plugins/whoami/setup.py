"""What the Corefile says of `whoami`: nothing but its name.

Source: CoreDNS plugin/whoami/setup.go.
"""

from __future__ import annotations

from collections.abc import Sequence

from podname.corefile import Directive
from podname.plugins.base import Context, only_named
from podname.plugins.whoami.handler import Whoami


def setup(directives: Sequence[Directive], context: Context) -> Whoami:
    """Read `whoami`."""
    only_named(directives, context)
    return Whoami()
