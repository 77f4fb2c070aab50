"""What the Corefile says of `bind`.

Source: CoreDNS plugin/bind/setup.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from podname.corefile import Directive, Line, Token
from podname.corefile.findings import Findings
from podname.corefile.properties import Properties, ReadContext, Value, prop
from podname.dns import addresses
from podname.errors import NotHere
from podname.plugins.base import Context
from podname.plugins.bind.handler import Bind
from podname.plugins.interfaces import interface_addresses

Addresses = tuple[str, ...]


def _addresses(line: Line, before: Addresses, context: ReadContext) -> Addresses:
    """Return the addresses that the words stand for, in their canonical form, behind those before."""
    line.expect(1)
    found, interfaces = Findings(), interface_addresses()
    read = [*before]
    for token in line.arguments:
        with found.gathered():
            read += interfaces[token.text] if token.text in interfaces else _address(token, context)
    found.raise_all()
    return tuple(read)


def _address(token: Token, context: ReadContext) -> Iterable[str]:
    if (address := addresses.parse(token.text)) is not None:
        return (addresses.to_text(address),)
    if context.elsewhere:  # the interface of another machine: its name stands for its addresses
        return (token.text,)
    raise NotHere(f"not a valid IP address or interface name: '{token.text}'", token.place)


@dataclass(frozen=True, slots=True)
class Options(Properties):
    """What `bind` takes."""

    SYNTAX = "ADDRESS|INTERFACE..."

    excepted: Addresses = prop((), Value("ADDRESS|INTERFACE...", _addresses, 1, None), "except")


def setup(directives: Sequence[Directive], context: Context) -> Bind:
    """Make the plugin; the addresses of several directives add up. Raises CorefileError."""
    found, listened = Findings(), dict[str, None]()
    for directive in directives:
        excepted = Addresses()
        with found.gathered():
            excepted = Options.read(directive, context).excepted
        with found.gathered():
            named = _addresses(directive, (), context)
            listened |= dict.fromkeys(each for each in named if each not in excepted)
    found.raise_all()
    if not listened:
        raise directives[-1].error("no address is left to bind to")
    if "::" in listened:  # which is every address, of IPv4 too
        listened.pop("0.0.0.0", None)
    return Bind(tuple(listened))
