"""Take `pprof` and do nothing: it shows profiles of the Go runtime, which is not here.

Source: CoreDNS 1.15.0 plugin/pprof.
"""

from __future__ import annotations

from podname.plugins.base import Plugin


class Pprof(Plugin):
    """`pprof`: does nothing."""

    name = "pprof"
