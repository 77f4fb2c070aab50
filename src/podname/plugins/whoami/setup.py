"""What the Corefile says of `whoami`: nothing but its name.

Source: CoreDNS plugin/whoami/setup.go.
"""

from __future__ import annotations

from collections.abc import Sequence

from podname.corefile import Directive
from podname.corefile.properties import Properties
from podname.plugins.base import Context, one_counts
from podname.plugins.whoami.handler import Whoami


def setup(directives: Sequence[Directive], context: Context) -> Whoami:
    """Read `whoami`."""
    for directive in directives:
        directive.expect(0, 0)
        Properties.read(directive, context)
    one_counts(directives, context)
    return Whoami()
