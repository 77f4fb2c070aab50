"""What the Corefile says of `health`.

Source: CoreDNS plugin/health/setup.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from podname.corefile import Directive, Line
from podname.corefile.properties import Properties, prop, value
from podname.plugins import http
from podname.plugins.base import Context
from podname.plugins.health.handler import Health, HealthCounters

_ADDRESS = ("", 8080)


@dataclass(frozen=True, slots=True)
class Options(Properties):
    """What `health` takes."""

    SYNTAX = "[ADDRESS]"

    lameduck_seconds: float = prop(0.0, value("DURATION", Line.duration), "lameduck")


def setup(directives: Sequence[Directive], context: Context) -> Health:
    """Make the plugin; of several directives the last one counts. Raises CorefileError."""
    where, options = _ADDRESS, Options()
    for directive in directives:
        address = http.address(directive, where)
        where = (address.host, address.port)
        options = Options.read(directive, context, lameduck_seconds=options.lameduck_seconds)
    endpoint = http.claim(context.resources, address)
    counters = context.resources.claim("health counters", HealthCounters)
    return Health(endpoint, max(0.0, options.lameduck_seconds), counters)
