"""What the Corefile says of `log`.

Source: CoreDNS plugin/log/setup.go.
"""

from __future__ import annotations

from collections.abc import Sequence

from podname.corefile import Directive, Token
from podname.corefile.properties import unknown_property
from podname.dns import names
from podname.plugins.base import Context
from podname.plugins.log.entry import DENIAL, ERROR, SUCCESS
from podname.plugins.log.format import COMMON, compile_format
from podname.plugins.log.handler import Log, Rule

_ALL = frozenset({SUCCESS, DENIAL, ERROR})


def setup(directives: Sequence[Directive], context: Context) -> Log:
    """Read `log [NAMES...] [FORMAT] { class CLASSES... }`, as often as it stands in the block."""
    return Log([rule for directive in directives for rule in _rules(directive, context)])


def _rules(directive: Directive, context: Context) -> list[Rule]:
    arguments, form = directive.arguments, COMMON
    if len(arguments) > 1 and "{" in arguments[-1].text:
        form, arguments = arguments[-1].text, arguments[:-1]
    elif len(arguments) == 1 and "{" in arguments[0].text:
        place, text = arguments[0].place, arguments[0].text
        context.warn(f"{place}: '{text}' is taken for a name: write 'log . \"FORMAT\"'")
    classes = _classes(directive)
    write = compile_format(form)
    zones = [_zone(directive, token) for token in arguments] or [names.ROOT]
    return [Rule(zone, write, classes) for zone in zones]


def _zone(directive: Directive, token: Token) -> bytes:
    try:
        return names.from_text(token.text)
    except names.BadName as error:
        raise directive.error(f"'{token.text}' is not a name: {error}", token) from None


def _classes(directive: Directive) -> frozenset[str]:
    classes: set[str] = set()
    for line in directive.block or ():
        if line.name.text != "class":
            raise unknown_property(line, "log", ("class",))
        line.expect(1)
        for token in line.arguments:
            if token.text not in _ALL | {"all"}:
                message = f"invalid class: {token.text} (success, denial, error, all)"
                raise line.error(message, token)
            classes |= _ALL if token.text == "all" else {token.text}
    return frozenset(classes) or _ALL
