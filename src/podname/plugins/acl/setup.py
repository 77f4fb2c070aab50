"""What the Corefile says of `acl`.

Source: CoreDNS 1.15.0 plugin/acl setup.go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

from podname.corefile import Directive, Line, Token
from podname.corefile.findings import Findings
from podname.corefile.properties import Properties
from podname.corefile.suggest import did_you_mean
from podname.dns.texts import type_of
from podname.plugins.acl.handler import Acl, Action, Network, Policy, Rule
from podname.plugins.base import Context, named_zones
from podname.plugins.zones import zone_names

_ACTIONS = {
    "allow": Action.ALLOW,
    "block": Action.BLOCK,
    "filter": Action.FILTER,
    "drop": Action.DROP,
}
_SECTIONS = ("type", "net")


@dataclass(frozen=True, slots=True)
class Options(Properties):
    """What `acl` takes."""

    SYNTAX = "[ZONES...]"
    OTHERWISE = "allow|block|filter|drop [type QTYPE...] [net SOURCE...]"


def setup(directives: Sequence[Directive], context: Context) -> Acl:
    """Make the plugin of all `acl` directives in a block. Raises CorefileError."""
    found, rules = Findings(), list[Rule]()
    for directive in directives:
        with found.gathered():
            zones = zone_names(directive.arguments or context.zones)
            rules.append(Rule(frozenset(zones), _policies(directive, context)))
    found.raise_all()
    plugin = Acl(rules)
    plugin.named_zones = tuple(
        named_zones(token) for directive in directives for token in directive.arguments
    )
    return plugin


def _policies(directive: Directive, context: Context) -> tuple[Policy, ...]:
    """Read the lines of a directive. Raises CorefileError."""
    policies = list[Policy]()

    def read(line: Line, _: Mapping[str, Any]) -> bool:
        policies.append(_policy(line))
        return True

    Options.read(directive, context, otherwise=read)
    return tuple(policies)


def _policy(line: Line) -> Policy:
    """Read one line. Raises CorefileError."""
    action = _ACTIONS.get(line.name.text.lower())
    if action is None:
        meant = did_you_mean(line.name.text, _ACTIONS)
        known = "'allow', 'block', 'filter' or 'drop'"
        raise line.error(f"unexpected token '{line.name.text}'; expect {known}{meant}")
    sections = _sections(line)
    types = _read(line, sections.get("type"), _type)
    networks = _read(line, sections.get("net"), _network)
    return Policy(action, frozenset(types), tuple(networks))


def _sections(line: Line) -> dict[str, list[Token]]:
    sections: dict[str, list[Token]] = {}
    current: list[Token] | None = None
    for token in line.arguments:
        word = token.text.lower()
        if word in _SECTIONS:
            current = sections.setdefault(word, [])
        elif current is None:
            raise line.error(f"unexpected token '{token.text}'; expect 'type | net'", token)
        else:
            current.append(token)
    for word, tokens in sections.items():
        if not tokens:
            raise line.error(f"no token specified in '{word}' section")
    return sections


def _read(line: Line, tokens: list[Token] | None, read: Callable[[Line, Token], Any]) -> list[Any]:
    """Read the words of a section; nothing when there is none, or when `*` stands for everything."""
    out = []
    for token in tokens or ():
        if token.text == "*":
            return []
        out.append(read(line, token))
    return out


def _type(line: Line, token: Token) -> int:
    try:
        return type_of(token.text)
    except ValueError:
        message = f"unexpected token '{token.text}'; expect legal QTYPE"
        raise line.error(message, token) from None


def _network(line: Line, token: Token) -> Network:
    try:
        return ip_network(token.text, strict=False)
    except ValueError:
        raise line.error(f"illegal CIDR notation '{token.text}'", token) from None
