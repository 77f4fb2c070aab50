"""Let everything be logged. The server looks for this plugin whenever a configuration takes effect.

CoreDNS's `debug` also lets a panic end the process; podname never does that.

Source: CoreDNS plugin/debug.
"""

from __future__ import annotations

from podname.plugins.base import Plugin


class Debug(Plugin):
    """`debug`: does nothing by itself."""

    name = "debug"
