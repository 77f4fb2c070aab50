"""What the Corefile says of `bind`.

Source: CoreDNS plugin/bind/setup.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from podname.corefile import Directive, Line, Token
from podname.corefile.properties import unknown_property
from podname.dns import addresses
from podname.plugins.base import Context
from podname.plugins.bind.handler import Bind
from podname.plugins.interfaces import interface_addresses


def setup(directives: Sequence[Directive], context: Context) -> Bind:
    """Read `bind ADDRESS|INTERFACE... { except ADDRESS|INTERFACE... }`; several add up."""
    interfaces = interface_addresses()
    found: list[str] = []
    for directive in directives:
        excepted = set(_excepted(directive, interfaces))
        for address in _resolve(directive, _arguments(directive), interfaces):
            if address not in excepted and address not in found:
                found.append(address)
    if not found:
        raise directives[-1].error("no address is left to bind to")
    if "::" in found and "0.0.0.0" in found:  # the former is every address, of IPv4 too
        found.remove("0.0.0.0")
    return Bind(tuple(found))


def _arguments(line: Line) -> tuple[Token, ...]:
    if not line.arguments:
        raise line.error("at least one address or interface name is expected")
    return line.arguments


def _excepted(directive: Directive, interfaces: Mapping[str, Sequence[str]]) -> list[str]:
    excepted: list[str] = []
    for line in directive.block or ():
        if line.name.text != "except":
            raise unknown_property(line, "bind", ("except",))
        excepted += _resolve(line, _arguments(line), interfaces)
    return excepted


def _resolve(
    line: Line, tokens: Iterable[Token], interfaces: Mapping[str, Sequence[str]]
) -> list[str]:
    """Return the addresses that the words stand for, in their canonical form."""
    found: list[str] = []
    for token in tokens:
        if token.text in interfaces:
            found += interfaces[token.text]
        elif (address := addresses.parse(token.text)) is not None:
            found.append(addresses.to_text(address))
        else:
            message = f"not a valid IP address or interface name: '{token.text}'"
            raise line.error(message, token)
    return found
