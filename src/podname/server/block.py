"""A server block at the ready: its keys, its plugins, and the addresses that it listens on."""

from __future__ import annotations

from dataclasses import dataclass

from podname.corefile import ServerKey
from podname.plugins.base import GathersMetadata, Plugin
from podname.plugins.bind.handler import Bind
from podname.plugins.tls.handler import TlsPlugin
from podname.plugins.view.handler import View
from podname.runtime.http.tls import Tls

_EVERY_ADDRESS = ("",)


@dataclass(slots=True)
class Block:
    """One server block, set up. Its plugins stand in chain order."""

    keys: tuple[ServerKey, ...]
    plugins: list[Plugin]

    @property
    def view(self) -> View | None:
        """What says which questions it gets; None: all."""
        return next((plugin for plugin in self.plugins if isinstance(plugin, View)), None)

    @property
    def metadata(self) -> GathersMetadata | None:
        """What gathers metadata before its chain begins."""
        found = (plugin for plugin in self.plugins if isinstance(plugin, GathersMetadata))
        return next(found, None)

    @property
    def tls(self) -> Tls | None:
        """What its listeners for TLS and HTTPS show; None: they speak in the clear."""
        found = (plugin for plugin in self.plugins if isinstance(plugin, TlsPlugin))
        plugin = next(found, None)
        return None if plugin is None else plugin.certificate.tls

    @property
    def hosts(self) -> tuple[str, ...]:
        """The addresses that it listens on; '' is every address."""
        for plugin in self.plugins:
            if isinstance(plugin, Bind):
                return plugin.addresses
        return _EVERY_ADDRESS
