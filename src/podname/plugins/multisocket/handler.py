"""Take `multisocket` and do nothing: the engine opens a socket for each core by itself.

Source: CoreDNS 1.15.0 plugin/multisocket.
"""

from __future__ import annotations

from podname.plugins.base import Plugin


class Multisocket(Plugin):
    """`multisocket`: does nothing."""

    name = "multisocket"
