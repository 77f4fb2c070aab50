"""Keys of server blocks: what is served, how, and on which port.

A key is `[scheme://]zone[:port]`, such as `example.org` or `dns://example.org:1053`. The zone is a domain: all names
at and below it are answered for. A network in its place, such as `10.0.0.0/8`, makes a key for each zone in which the
names of its addresses are (`zones` tells how). The same key may appear twice only if its blocks listen on different
addresses.

Sources: CoreDNS core/dnsserver/register.go and address.go, plugin/pkg/transport.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain

from podname.corefile.tree import ServerBlock, Token
from podname.corefile.zones import SCHEME_PORTS, BadZone, split_port, split_scheme
from podname.errors import CorefileError, Place

DNS_PORT = 53

_EVERY_ADDRESS = frozenset({"", "0.0.0.0", "::"})


@dataclass(frozen=True, slots=True)
class ServerKey:
    """A zone served by a scheme on a port. Two are equal wherever they stand."""

    scheme: str
    zone: str
    port: int
    place: Place = field(compare=False)

    def __str__(self) -> str:
        return f"{self.scheme}://{self.zone}:{self.port}"


def server_keys(token: Token, default_port: int = DNS_PORT) -> tuple[ServerKey, ...]:
    """Read one key of a server block; a network gives several. Raises CorefileError."""
    try:
        scheme, rest = split_scheme(token.text)
        zones, port = split_port(rest)
    except BadZone as error:
        raise CorefileError(str(error), token.place) from None
    if port is None:
        port = SCHEME_PORTS[scheme] or default_port
    return tuple(ServerKey(scheme, zone, port, token.place) for zone in zones)


def block_keys(block: ServerBlock, default_port: int = DNS_PORT) -> tuple[ServerKey, ...]:
    """Read all keys of a server block, in their order. Raises CorefileError."""
    return tuple(key for token in block.keys for key in server_keys(token, default_port))


def refuse_overlaps(
    listeners: Iterable[tuple[ServerKey, str]], views: Iterable[tuple[ServerKey, str]] = ()
) -> None:
    """Refuse keys that want the same queries: raises CorefileError with both places.

    Blocks with a `view` take only a part of the queries: any number of them may have one key.

    A listener is a key and one address that its block listens on, '' for every address. A key may not be served both
    on every address and on one of them. Nor may two blocks on one port mean every address and write it in two ways,
    '' and 0.0.0.0: both want the same socket.
    """
    bound: dict[ServerKey, dict[str, ServerKey]] = {}
    wildcards: dict[int, tuple[ServerKey, str]] = {}
    either = chain(((each, False) for each in listeners), ((each, True) for each in views))
    for (key, address), is_viewed in either:
        if key.port and is_every(address):
            first, spelling = wildcards.setdefault(key.port, (key, address))
            if spelling != address:
                what = f"{_listener(first, spelling)} has the same sockets"
                raise _taken(key, address, what, first, ": give both blocks the same 'bind'")
        if is_viewed:
            continue
        others = bound.setdefault(key, {})
        if address in others:
            raise _taken(key, address, "it is already defined", others[address])
        if others and (address == "" or "" in others):
            other_address, other = next(iter(others.items()))
            what = f"zone overlap listener capacity with {_listener(other, other_address)}"
            raise _taken(key, address, what, other)
        others[address] = key


def _taken(
    key: ServerKey, address: str, what: str, other: ServerKey, remedy: str = ""
) -> CorefileError:
    return CorefileError(
        f"cannot serve {_listener(key, address)} - {what} at {other.place}{remedy}", key.place
    )


def _listener(key: ServerKey, address: str) -> str:
    return f"{key} on {address}" if address else str(key)


def is_every(host: str) -> bool:
    """Return whether a host stands for every address, of one family or of both."""
    return host in _EVERY_ADDRESS
