"""What the Corefile says of `rewrite`: each directive is one rule, on its line or in its block.

Source: CoreDNS 1.15.0 plugin/rewrite setup.go, rewrite.go.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from podname.corefile import Directive, Token
from podname.corefile.findings import Findings
from podname.corefile.suggest import did_you_mean
from podname.plugins.base import Context
from podname.plugins.rewrite.handler import Rewrite, Step
from podname.plugins.rewrite.read_edns import read_edns
from podname.plugins.rewrite.read_name import read_name
from podname.plugins.rewrite.read_others import (
    read_class,
    read_cname,
    read_rcode,
    read_ttl,
    read_type,
)
from podname.plugins.rewrite.rules import Rule
from podname.plugins.rewrite.words import Words
from podname.text import shown

_FIELDS: dict[str, Callable[[Words], Rule]] = {
    "name": read_name,
    "type": read_type,
    "class": read_class,
    "edns0": read_edns,
    "ttl": read_ttl,
    "cname": read_cname,
    "rcode": read_rcode,
}


def setup(directives: Sequence[Directive], _: Context) -> Rewrite:
    """Make the plugin of all directives of a block. Raises CorefileError with all that is wrong."""
    found, steps = Findings(), []
    for directive in directives:
        with found.gathered():
            steps.append(_read(directive))
    found.raise_all()
    return Rewrite(steps)


def _read(directive: Directive) -> Step:
    words = Words(directive, _tokens(directive))
    mode = words.next_if("continue", "stop")
    field = words.take("the field to rewrite")
    read = _FIELDS.get(field.text.lower())
    if field.text.lower() == "answer":
        raise directive.error("response rewrites must begin with a name rule", field)
    if read is None:
        message = (
            f"rewrite: invalid rule type '{shown(field.text)}'{did_you_mean(field.text, _FIELDS)}"
        )
        raise directive.error(message, field)
    return Step(read(words), goes_on=mode == "continue")


def _tokens(directive: Directive) -> list[Token]:
    """Return the words of the rule: of the line, or, when that has less than two, of the block, too."""
    tokens = list(directive.arguments)
    if len(tokens) < 2:
        return tokens + [
            token for line in directive.block or () for token in (line.name, *line.arguments)
        ]
    if directive.block is not None:
        message = (
            "rewrite: a rule stands on its line or in its block, and not in both: "
            "write `rewrite continue {` or `rewrite stop {`"
        )
        raise directive.error(message, tokens[1])
    return tokens
