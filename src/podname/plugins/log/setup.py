"""What the Corefile says of `log`.

Source: CoreDNS plugin/log/setup.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from podname.corefile import Directive, Line, Token
from podname.corefile.properties import Properties, prop, union
from podname.dns import names
from podname.plugins.base import Context
from podname.plugins.log.entry import DENIAL, ERROR, SUCCESS
from podname.plugins.log.format import COMMON, compile_format, labels_of
from podname.plugins.log.handler import Log, Rule

_ALL = frozenset({SUCCESS, DENIAL, ERROR})


def _classes(line: Line) -> frozenset[str]:
    return frozenset[str]().union(*(_class(line, token) for token in line.arguments))


def _class(line: Line, token: Token) -> frozenset[str]:
    if token.text == "all":
        return _ALL
    if token.text not in _ALL:
        raise line.error(f"invalid class: {token.text} (success, denial, error, all)", token)
    return frozenset({token.text})


@dataclass(frozen=True, slots=True)
class Options(Properties):
    """What `log` takes."""

    SYNTAX = "[NAMES...] [FORMAT]"

    classes: frozenset[str] = prop(frozenset(), union("CLASSES...", _classes), "class")


def setup(directives: Sequence[Directive], context: Context) -> Log:
    """Make the plugin of all `log` directives in a block, in their order. Raises CorefileError."""
    return Log([rule for directive in directives for rule in _rules(directive, context)])


def _rules(directive: Directive, context: Context) -> list[Rule]:
    tokens, form = _names_and_format(directive, context)
    classes = Options.read(directive, context).classes or _ALL
    write, labels = compile_format(form), labels_of(form)
    zones = [_zone(directive, token) for token in tokens] or [names.ROOT]
    return [Rule(zone, write, classes, labels) for zone in zones]


def _names_and_format(directive: Directive, context: Context) -> tuple[Sequence[Token], str]:
    """Tell the names from a format, which has braces and is never the only argument."""
    arguments = directive.arguments
    if not arguments or "{" not in arguments[-1].text:
        return arguments, COMMON
    if len(arguments) > 1:
        return arguments[:-1], arguments[-1].text
    place, text = arguments[0].place, arguments[0].text
    context.warn(f"{place}: '{text}' is taken for a name: write 'log . \"FORMAT\"'")
    return arguments, COMMON


def _zone(directive: Directive, token: Token) -> bytes:
    try:
        return names.from_text(token.text)
    except names.BadName as error:
        raise directive.error(f"'{token.text}' is not a name: {error}", token) from None
