"""Where a server block listens. The server asks for the addresses; nothing happens on a query.

Source: CoreDNS plugin/bind.
"""

from __future__ import annotations

from podname.plugins.base import Plugin


class Bind(Plugin):
    """`bind`: the addresses in the order of the file, each once."""

    name = "bind"

    def __init__(self, addresses: tuple[str, ...]) -> None:
        self.addresses = addresses
