"""What the Corefile says of `header`.

Source: CoreDNS 1.15.0 plugin/header setup.go, header.go (the first directive with a rule counts).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from podname.corefile import Directive, Line
from podname.corefile.properties import Properties, ReadContext, Value, prop
from podname.dns import constants as c
from podname.plugins.base import Context, one_counts
from podname.plugins.header.handler import Flags, Header

_BITS = {"aa": c.AA, "ra": c.RA, "rd": c.RD}


def _flags(line: Line, before: Flags, _: ReadContext) -> Flags:
    action, *flags = line.arguments
    if action.text.lower() not in {"set", "clear"}:
        message = f"unknown flag action '{action.text}', should be set or clear"
        raise line.error(message, action)
    for token in flags:
        bits = _BITS.get(token.text.lower())
        if bits is None:
            raise line.error(f"unknown flag '{token.text}', there are {', '.join(_BITS)}", token)
        before = before.then(bits, is_set=action.text.lower() == "set")
    return before


_RULE = Value("set|clear FLAGS...", _flags, 2, None)


@dataclass(frozen=True, slots=True)
class Options(Properties):
    """What `header` takes."""

    query: Flags = prop(Flags(), _RULE)
    response: Flags = prop(Flags(), _RULE)


def setup(directives: Sequence[Directive], context: Context) -> Header:
    """Read `header`. Raises CorefileError."""
    every = []
    for directive in directives:
        directive.expect(0, 0)
        every.append(Options.read(directive, context))
    counting = next((at for at, each in enumerate(every) if each != Options()), None)
    if counting is None:
        raise directives[0].error("header needs a rule: query or response, then set or clear")
    one_counts(directives, context, counting)
    return Header(every[counting].query, every[counting].response)
