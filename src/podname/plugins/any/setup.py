"""What the Corefile says of `any`: nothing but its name.

Source: CoreDNS 1.15.0 plugin/any setup.go.
"""

from __future__ import annotations

from collections.abc import Sequence

from podname.corefile import Directive
from podname.plugins.any.handler import Any
from podname.plugins.base import Context, only_named


def setup(directives: Sequence[Directive], context: Context) -> Any:
    """Read `any`. Raises CorefileError."""
    only_named(directives, context)
    return Any()
