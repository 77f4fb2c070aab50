"""What the Corefile says of `reload`.

Source: CoreDNS plugin/reload/setup.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from podname.corefile import Directive
from podname.corefile.properties import Properties
from podname.plugins.base import Context
from podname.plugins.durations import go_text
from podname.plugins.reload.handler import Reload, ReloadCounters

_INTERVAL_SECONDS, _INTERVAL_SECONDS_MIN = 30.0, 2.0
_JITTER_SECONDS, _JITTER_SECONDS_MIN = 15.0, 1.0


@dataclass(frozen=True, slots=True)
class Options(Properties):
    """What `reload` takes: nothing in a block."""

    SYNTAX = "[INTERVAL] [JITTER]"


def setup(directives: Sequence[Directive], context: Context) -> Reload:
    """Make the plugin; the first directive of a block counts, as in CoreDNS. Raises CorefileError."""
    directive = directives[0]
    directive.expect(0, 2)
    Options.read(directive, context)
    given = len(directive.arguments)
    interval = directive.duration(0) if given > 0 else _INTERVAL_SECONDS
    if interval < _INTERVAL_SECONDS_MIN:
        least = go_text(_INTERVAL_SECONDS_MIN)
        message = f"interval value must be greater or equal to {least}"
        raise directive.error(message, directive.argument(0))
    jitter = directive.duration(1) if given > 1 else _JITTER_SECONDS
    if jitter and jitter < _JITTER_SECONDS_MIN:
        least = go_text(_JITTER_SECONDS_MIN)
        message = f"jitter value must be 0 or greater or equal to {least}"
        raise directive.error(message, directive.argument(1))
    counters = context.resources.claim("reload counters", ReloadCounters)
    return Reload(interval, min(jitter, interval / 2), counters)
