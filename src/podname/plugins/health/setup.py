"""What the Corefile says of `health`.

Source: CoreDNS plugin/health/setup.go.
"""

from __future__ import annotations

from collections.abc import Sequence

from podname.corefile import Directive
from podname.plugins import http
from podname.plugins.base import Context
from podname.plugins.health.handler import Health, HealthCounters

_ADDRESS = ("", 8080)


def setup(directives: Sequence[Directive], context: Context) -> Health:
    """Read `health [ADDRESS] { lameduck DURATION }`; of several the last one counts."""
    address, lameduck_seconds = _ADDRESS, 0.0
    for directive in directives:
        directive.expect(0, 1)
        for token in directive.arguments:
            address = http.address(directive, token)
        for line in directive.block or ():
            if line.name.text != "lameduck":
                raise line.error(f"unknown property '{line.name.text}'")
            line.expect(1, 1)
            lameduck_seconds = max(0.0, line.duration())
    endpoint = http.claim(context.resources, address)
    counters = context.resources.claim("health counters", HealthCounters)
    return Health(endpoint, lameduck_seconds, counters)
