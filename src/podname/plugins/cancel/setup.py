"""What the Corefile says of `cancel`.

Source: CoreDNS 1.15.0 plugin/cancel (the last one counts).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from podname.corefile import Directive
from podname.corefile.properties import Properties
from podname.plugins.base import Context, one_counts
from podname.plugins.cancel.handler import Cancel

_TIMEOUT_SECONDS = 5.001


@dataclass(frozen=True, slots=True)
class Options(Properties):
    """What `cancel` takes."""

    SYNTAX = "[TIMEOUT]"


def setup(directives: Sequence[Directive], context: Context) -> Cancel:
    """Read `cancel`. Raises CorefileError."""
    timeout_seconds = _TIMEOUT_SECONDS
    for directive in directives:
        directive.expect(0, 1)
        Options.read(directive, context)
        timeout_seconds = _TIMEOUT_SECONDS
        if directive.arguments:
            timeout_seconds = directive.duration(0)
            if timeout_seconds <= 0:
                text = directive.arguments[0].text
                raise directive.error(f"invalid negative duration: {text}", directive.arguments[0])
    one_counts(directives, context, -1)
    return Cancel(timeout_seconds)
