"""What the Corefile says of `bufsize`.

Source: CoreDNS 1.15.0 plugin/bufsize setup.go (of several directives the first counts).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from podname.corefile import Directive
from podname.corefile.properties import Properties
from podname.plugins.base import Context, one_counts
from podname.plugins.bufsize.handler import Bufsize

_OCTETS = 1232
_LEAST, _MOST = 512, 4096


@dataclass(frozen=True, slots=True)
class Options(Properties):
    """What `bufsize` takes."""

    SYNTAX = "[SIZE]"


def setup(directives: Sequence[Directive], context: Context) -> Bufsize:
    """Read `bufsize`. Raises CorefileError."""
    for directive in directives:
        directive.expect(0, 1)
        Options.read(directive, context)
    directive = one_counts(directives, context)
    if not directive.arguments:
        return Bufsize(_OCTETS)
    return Bufsize(directive.integer(0, least=_LEAST, most=_MOST))
