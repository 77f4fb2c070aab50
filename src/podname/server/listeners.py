"""Sockets, by the address that a Corefile asks for, and what each of them serves.

Several server blocks share a socket when their address and port are the same. Over a reload a socket
that is still asked for stays open. One that is new is bound before anything else happens, so that a
conflict refuses the configuration; if it is one of our own old sockets that stands in the way (both
listen on every address, the old one as `::`, the new one as 0.0.0.0), the old one is closed first.
One on a single address may stand beside one on every address: it gets what is sent to that address.

Sources: CoreDNS core/dnsserver/register.go (groupConfigsByListenAddr).
"""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from podname.corefile import ServerKey
from podname.dns import constants as c
from podname.dns import names
from podname.dns.query import Query
from podname.dns.reply import deny
from podname.engine.base import STREAM_LIMITS, Client, Engine, Listener, Plan
from podname.engine.encrypted import EncryptedListener
from podname.errors import PodnameError
from podname.plugins.base import Bound, Draft, Plugin
from podname.runtime.http.tls import Tls
from podname.server.block import Block
from podname.server.chain import build_chain
from podname.server.configuration import Configuration
from podname.server.misses import Misses
from podname.server.routes import Route, Routes

_log = logging.getLogger("podname.server")

GRACE_SECONDS = 5.0
_HOW_TO_BIND = (
    "a port below 1024: choose another with -dns.port, or behind the zone where the Corefile names it;"
    " or run as root; or in a pod add the capability NET_BIND_SERVICE"
)


class Address(NamedTuple):
    """Where and how to listen, as the Corefile asks for it: '' is every address, port 0 is any."""

    host: str
    port: int
    scheme: str = "dns"

    @property
    def label(self) -> str:
        """CoreDNS's label of the listener."""
        return Bound("", self.host, self.port, self.scheme).server


class AddressInUse(PodnameError):
    """Another process listens there already."""


@dataclass(slots=True)
class Listeners:
    """The open sockets of the server."""

    engine: Engine
    open: dict[Address, Listener] = field(default_factory=dict)

    async def bind(
        self, wanted: Mapping[Address, Sequence[Plan]], tls: Mapping[Address, Tls | None]
    ) -> list[Address]:
        """Open what is wanted and not open, serving the plans given; give which were opened.

        `tls` is what each address shows from now on, those that are open, too. Raises PodnameError, nothing opened
        then. Some of ours may have been closed: see `_bind`.
        """
        opened: list[Address] = []
        try:
            for address, plans in wanted.items():
                listener = self.open.get(address)
                if listener is None:
                    await self._bind(address, plans, wanted, tls.get(address))
                    opened.append(address)
                elif isinstance(listener, EncryptedListener):
                    await listener.show(tls.get(address))
        except PodnameError:
            await self.close(opened)
            raise
        return opened

    async def close(self, addresses: Iterable[Address], grace_seconds: float = 0.0) -> None:
        """Finish what is under way on these and close them."""
        going = [self.open.pop(address) for address in list(addresses) if address in self.open]
        await asyncio.gather(*(listener.close(grace_seconds) for listener in going))

    def serve(self, plans: Mapping[Address, Sequence[Plan]]) -> None:
        """Swap what every open socket serves."""
        for address, listener in self.open.items():
            if address in plans:
                listener.serve(plans[address])

    def port(self, address: Address) -> int:
        """Return the port that an address is bound to."""
        return self.open[address].address[1]

    async def _bind(
        self,
        address: Address,
        plans: Sequence[Plan],
        wanted: Mapping[Address, Sequence[Plan]],
        tls: Tls | None,
    ) -> None:
        """Open one socket, closing our own that is not wanted any more if it stands in the way."""
        try:
            self.open[address] = await self._listen(address, plans, tls)
        except AddressInUse:
            ours = [a for a in self.open if a.port == address.port and a not in wanted]
            if not ours:
                raise
            await self.close(ours, GRACE_SECONDS)
            self.open[address] = await self._listen(address, plans, tls)

    async def _listen(self, address: Address, plans: Sequence[Plan], tls: Tls | None) -> Listener:
        label = address.label
        try:
            if address.scheme == "dns":
                return await self.engine.listen(address.host, address.port, label, plans)
            listener = EncryptedListener(self.engine, label, address.scheme)
            await listener.open(address.host, address.port, plans, tls)
        except OSError as error:
            message = f"cannot listen on {label}: {error.strerror or error}"
            if error.errno == errno.EADDRINUSE:
                raise AddressInUse(message) from error
            if error.errno == errno.EACCES:
                message += f" ({_HOW_TO_BIND})"
            raise PodnameError(message) from error
        return listener


def addresses_of(configuration: Configuration) -> list[Address]:
    """Return every address that a configuration listens on, each once."""
    return list(
        dict.fromkeys(
            address_of(key, host)
            for block in configuration.blocks
            for key in block.keys
            for host in block.hosts
        )
    )


def address_of(key: ServerKey, host: str) -> Address:
    """Return where a key listens on a host."""
    return Address(host, key.port, key.scheme)


def tls_of(configuration: Configuration) -> dict[Address, Tls | None]:
    """Return what each address shows."""
    return {
        address_of(key, host): block.tls
        for block in configuration.blocks
        for key in block.keys
        for host in block.hosts
    }


def cold_plans(configuration: Configuration) -> dict[Address, list[Plan]]:
    """Make plans for the time until the plugins have started: SERVFAIL, never that a name does not exist."""
    return {
        address: [
            Plan(names.from_text(key.zone), (), _starting)
            for block in configuration.blocks
            for key in block.keys
            if address.host in block.hosts and address_of(key, address.host) == address
        ]
        for address in addresses_of(configuration)
    }


async def _starting(query: Query, _: Client) -> bytes | None:
    return deny(query, c.SERVFAIL)


def tell_bound(configuration: Configuration, listeners: Listeners) -> None:
    """Tell every plugin where its block listens."""
    for block in configuration.blocks:
        bound = [
            Bound(key.zone, host, listeners.port(address_of(key, host)), key.scheme)
            for key in block.keys
            for host in block.hosts
        ]
        for plugin in block.plugins:
            plugin.bound(bound)


def plans_of(configuration: Configuration, misses: Misses) -> dict[Address, list[Plan]]:
    """Make the plans of every address: one for each zone that is served there.

    Of a zone with a `view` the engine answers nothing: who gets a question is said by its expressions. What clients may
    say that they take is bounded before, so the smallest bound of its blocks holds for all.
    """
    drafts = [(block, _draft(block)) for block in configuration.blocks]
    plans: dict[Address, list[Plan]] = {}
    for address in addresses_of(configuration):
        here = [
            (names.from_text(key.zone), block, draft)
            for block, draft in drafts
            for key in block.keys
            if address.host in block.hosts and address_of(key, address.host) == address
        ]
        miss = misses.of(
            Routes(
                Route(zone, build_chain(block.plugins), block.view, block.metadata)
                for zone, block, _ in here
            )
        )
        # As in CoreDNS, what the last block says of connections is for all on the address.
        streams = STREAM_LIMITS._replace(
            **{name: limit for _, _, draft in here for name, limit in draft.streams.items()}
        )
        classes = frozenset[int]().union(*(draft.classes for _, _, draft in here))
        viewed = {zone for zone, block, _ in here if block.view is not None}
        plans[address] = [
            Plan(
                zone,
                (),
                miss,
                classes=classes,
                edns_octets_max=_smallest(zone, here),
                streams=streams,
            )
            for zone in sorted(viewed)
        ] + [
            Plan(
                zone=zone,
                layers=tuple(draft.layers),
                miss=miss,
                rotate=draft.rotate,
                classes=classes,
                observers=tuple(draft.observers),
                counters=draft.counters,
                cache=draft.cache,
                edns_octets_max=draft.edns_octets_max,
                streams=streams,
            )
            for zone, _, draft in here
            if zone not in viewed
        ]
    return plans


def _draft(block: Block) -> Draft:
    draft = Draft()
    for plugin in block.plugins:
        plugin.plan(draft)
        if type(plugin).serve is not Plugin.serve and not plugin.is_planned:
            draft.is_whole = False
    return draft


def _smallest(zone: bytes, here: Sequence[tuple[bytes, Block, Draft]]) -> int:
    """Return the smallest bound that a block of a zone sets on the EDNS size of queries."""
    return min(draft.edns_octets_max for other, _, draft in here if other == zone)
