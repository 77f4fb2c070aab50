"""What the Corefile says of `dns64`.

Source: CoreDNS 1.15.0 plugin/dns64 setup.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv6Network

from podname.corefile import Directive, Line, Token
from podname.corefile.properties import Properties, flag, prop, value
from podname.plugins.base import Context, one_counts
from podname.plugins.dns64.handler import Dns64

_LENGTHS = (32, 40, 48, 56, 64, 96)
_DEFAULT = IPv6Network("64:ff9b::/96")


def _prefix(line: Line, token: Token) -> IPv6Network:
    address, slash, length = token.text.partition("/")
    try:
        prefix = IPv6Network(f"{address}/{int(length)}", strict=False) if slash else None
    except ValueError:
        prefix = None
    if prefix is None:
        raise line.error(f"'{token.text}' is not an IPv6 network", token)
    if prefix.prefixlen not in _LENGTHS:
        known = ", ".join(map(str, _LENGTHS))
        raise line.error(f"invalid prefix length of '{token.text}', there are {known}", token)
    return prefix


@dataclass(frozen=True, slots=True)
class Options(Properties):
    """What `dns64` takes."""

    SYNTAX = "[PREFIX]"

    prefix: IPv6Network = prop(
        _DEFAULT, value("PREFIX", lambda line: _prefix(line, line.argument()))
    )
    translate_all: bool = prop(False, flag())
    allow_ipv4: bool = prop(False, flag())


def setup(directives: Sequence[Directive], context: Context) -> Dns64:
    """Read `dns64`; what several directives say adds up. Raises CorefileError."""
    options = Options()
    for directive in directives:
        directive.expect(0, 1)
        prefix = options.prefix
        if directive.arguments:
            prefix = _prefix(directive, directive.arguments[0])
        options = Options.read(
            directive,
            context,
            prefix=prefix,
            translate_all=options.translate_all,
            allow_ipv4=options.allow_ipv4,
        )
    one_counts(directives, context, -1)
    return Dns64(options.prefix, translate_all=options.translate_all, allow_ipv4=options.allow_ipv4)
