"""Check what the Corefile says of `multisocket`.

Source: CoreDNS 1.15.0 plugin/multisocket setup.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from podname.corefile import Directive
from podname.corefile.properties import Properties
from podname.plugins.base import Context, once
from podname.plugins.multisocket.handler import Multisocket

_MOST = 1024


@dataclass(frozen=True, slots=True)
class Options(Properties):
    """What `multisocket` takes."""

    SYNTAX = "[NUM_SOCKETS]"


def setup(directives: Sequence[Directive], context: Context) -> Multisocket:
    """Read `multisocket`. Raises CorefileError."""
    directive = once(directives)
    directive.expect(0, 1)
    Options.read(directive, context)
    if directive.arguments:
        directive.integer(0, least=1, most=_MOST)
    return Multisocket()
