"""What of a configuration no question reaches, because another server block gets it.

A question goes to the socket with the most specific address, there to the block with the longest
zone, and to no other. CoreDNS says nothing of what is left out, so it is warned of, never refused.

Sources: CoreDNS core/dnsserver/server.go `ServeDNS`; socket(7) SO_REUSEPORT.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from podname.corefile import ServerKey
from podname.corefile.addresses import is_every
from podname.dns import names
from podname.plugins.base import NamedZones
from podname.server.block import Block
from podname.text import shown

_EVERY_ADDRESS = frozenset({"", "::"})
_EVERY_IPV4_ADDRESS = "0.0.0.0"


@dataclass(frozen=True, slots=True)
class _Listener:
    """One zone of a server block at one address."""

    block: Block
    key: ServerKey
    zone: bytes
    host: str

    @property
    def socket(self) -> tuple[str, int]:
        return self.host, self.key.port


#: What is served at each address and port, by zone.
_Sockets = Mapping[tuple[str, int], dict[bytes, _Listener]]


def shadows(blocks: Sequence[Block]) -> Iterator[str]:
    """Return a warning for all that is said in vain, with the places of both."""
    yield from _views_too_late(blocks)
    blocks = [block for block in blocks if block.view is None]
    every = [_listeners(block) for block in blocks]
    sockets: dict[tuple[str, int], dict[bytes, _Listener]] = defaultdict(dict)
    for listener in chain.from_iterable(every):
        sockets[listener.socket][listener.zone] = listener
    for block, listeners in zip(blocks, every, strict=True):
        for plugin in block.plugins:
            for named in plugin.named_zones:
                if why := _in_vain(named, listeners, sockets):
                    word = named.word
                    told = f"'{plugin.name}' is never asked for '{shown(word.text)}'"
                    yield f"{word.place}: {told}: {why}"
    for listeners in every:
        yield from _bound_elsewhere(listeners, sockets)


def _views_too_late(blocks: Sequence[Block]) -> Iterator[str]:
    """Warn of a view behind a block that gets all questions for the same zone."""
    taken: dict[tuple[str, int, bytes], ServerKey] = {}
    for listener in chain.from_iterable(map(_listeners, blocks)):
        place = (*listener.socket, listener.zone)
        if listener.block.view is None:
            taken.setdefault(place, listener.key)
        elif place in taken:
            other = taken[place]
            yield (
                f"{listener.key.place}: no question reaches this server block: "
                f"the one at {other.place}, before it and without 'view', gets them all"
            )


def _listeners(block: Block) -> list[_Listener]:
    return [
        _Listener(block, key, names.from_text(key.zone), host)
        for key in block.keys
        for host in block.hosts
    ]


def _in_vain(named: NamedZones, listeners: Sequence[_Listener], sockets: _Sockets) -> str:
    """Return why no question for these zones reaches the block of these listeners; nothing when one does."""
    other = None
    for zone in named.zones:
        for listener in listeners:
            if names.is_subdomain(listener.zone, zone):
                return ""
            if names.is_subdomain(zone, listener.zone):
                served = sockets[listener.socket]
                taker = served[names.longest_match(zone, served) or listener.zone]
                if taker.block is listener.block:
                    return ""
                other = taker.key
    if other:
        return f"the server block of '{other.zone}' at {other.place} gets these questions"
    return f"it lies outside of the zones of its server block at {listeners[0].key.place}"


def _bound_elsewhere(listeners: Sequence[_Listener], sockets: _Sockets) -> Iterator[str]:
    """Warn of a block on every address that gets nothing at one to which another block is bound."""
    wide = {listener.socket: listener for listener in reversed(listeners)}
    for (host, port), listener in wide.items():
        for narrow, served in sockets.items():
            if narrow[1] == port != 0 and narrow not in wide and _includes(host, narrow[0]):
                other = next(iter(served.values())).key
                address = f"[{narrow[0]}]" if ":" in narrow[0] else narrow[0]
                yield (
                    f"{listener.key.place}: no question to {address}:{port} reaches this server "
                    f"block: the one at {other.place} is bound to that address"
                )


def _includes(wide: str, host: str) -> bool:
    """Return whether an address is every address, and the other a single one of them."""
    if is_every(host):
        return False
    return wide in _EVERY_ADDRESS or (wide == _EVERY_IPV4_ADDRESS and ":" not in host)
