"""Check what the Corefile says of `pprof`, and say where profiles are to be had instead.

Source: CoreDNS 1.15.0 plugin/pprof setup.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from podname.corefile import Directive
from podname.corefile.properties import Properties, prop, value
from podname.plugins import http
from podname.plugins.base import Context, once
from podname.plugins.pprof.handler import Pprof

_ADDRESS = ("localhost", 6053)


@dataclass(frozen=True, slots=True)
class Options(Properties):
    """What `pprof` takes."""

    SYNTAX = "[ADDRESS]"

    block: int = prop(
        0, value("[RATE]", lambda line: line.integer(0) if line.arguments else 1, least=0)
    )


def setup(directives: Sequence[Directive], context: Context) -> Pprof:
    """Read `pprof`. Raises CorefileError."""
    directive = once(directives)
    http.address(directive, _ADDRESS)
    Options.read(directive, context)
    context.warn(
        f"{directive.name.place}: 'pprof' has no effect, for it shows profiles of the Go runtime; "
        "perf(1) and py-spy show those of a running podname"
    )
    return Pprof()
