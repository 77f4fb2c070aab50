"""Set up the `view` of a server block.

Source: CoreDNS 1.15.0 plugin/view setup.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from podname.corefile import Directive, Line
from podname.corefile.properties import Properties, ReadContext, Value, prop
from podname.expression import Expression
from podname.plugins.base import Context, once
from podname.plugins.expressions import KNOWN, condition
from podname.plugins.view.handler import View

Expressions = tuple[Expression, ...]


def _expression(line: Line, before: Expressions, context: ReadContext) -> Expressions:
    return (*before, condition(line, KNOWN, context))


@dataclass(frozen=True, slots=True)
class Options(Properties):
    """What `view` takes."""

    SYNTAX = "NAME"

    expressions: Expressions = prop((), Value("EXPRESSION", _expression, 1, None), "expr")


def setup(directives: Sequence[Directive], context: Context) -> View:
    """Make the plugin. Raises CorefileError."""
    directive = once(directives)
    directive.expect(1, 1)
    options = Options.read(directive, context)
    return View(directive.arguments[0].text, options.expressions)
