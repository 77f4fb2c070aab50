"""Set up the `template` directives of a block.

Source: CoreDNS 1.15.0 plugin/template setup.go.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from podname.corefile import Directive, Line, Token, normalize_zones
from podname.corefile.findings import Findings
from podname.corefile.properties import Properties, ReadContext, Value, prop, value
from podname.corefile.regexp import Regexp, regexp
from podname.dns.names import from_text
from podname.dns.texts import class_of, rcode_of, type_of
from podname.expression import RESERVED, Expression
from podname.plugins.base import Context, named_zones
from podname.plugins.expressions import condition, expression
from podname.plugins.template.data import KNOWN_OF_TEMPLATES, Conditions
from podname.plugins.template.handler import Template, Templates, Text
from podname.plugins.template.language import compiled
from podname.plugins.template.lexer import BadTemplate
from podname.text import shown

Patterns = tuple[Regexp, ...]
Texts = tuple[Text, ...]

_EVERYTHING = Regexp(".*")
_CODE_MOST = 0xFFFF
_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


def _patterns(line: Line, before: Patterns, _: ReadContext) -> Patterns:
    return (*before, *(regexp(line, token) for token in line.arguments))


def _texts(line: Line, before: Texts, _: ReadContext) -> Texts:
    return (*before, *(_text(line, token) for token in line.arguments))


def _text(line: Line, token: Token) -> Text:
    try:
        return Text(token.text, compiled(token.text))
    except BadTemplate as error:
        raise line.error(f"could not compile template: {error}", token) from None


def _kept(_: Line, before: tuple[Line, ...], __: ReadContext) -> tuple[Line, ...]:
    return before  # read once all else is, since the one needs what the other says


def _conditions(directive: Directive, context: Context) -> Conditions:
    """Read the variables and the conditions, each of which may use the variables before it. Raises CorefileError."""
    variables, conditions = dict[str, Expression](), list[Expression]()
    for line in directive.block or ():
        known = KNOWN_OF_TEMPLATES | {name: found.type for name, found in variables.items()}
        if line.name.text == "var":
            name = line.arguments[0]
            if not _NAME.fullmatch(name.text):
                raise line.error(f"invalid variable name '{shown(name.text)}'", name)
            if name.text in known or name.text in RESERVED:
                raise line.error(f"variable name '{name.text}' is reserved", name)
            variables[name.text] = expression(line, known, start=1)
        elif line.name.text == "expr":
            conditions.append(condition(line, known, context))
    return Conditions(tuple(variables.items()), tuple(conditions))


def _rcode(line: Line) -> int:
    text = line.arguments[0].text
    try:
        rcode = rcode_of(text) if text.isupper() else None
    except ValueError:
        rcode = None
    if rcode is None or rcode > 0xF:
        raise line.error(f"unknown rcode {text}", line.arguments[0])
    return rcode


def _extended_error(line: Line) -> tuple[int, str]:
    reason = line.arguments[1].text if len(line.arguments) > 1 else ""
    return line.integer(0, least=0, most=_CODE_MOST), reason


def _fallthrough(line: Line) -> frozenset[bytes]:
    zones = normalize_zones(line.arguments) if line.arguments else (".",)
    return frozenset(map(from_text, zones))


_TEMPLATES = Value("TEMPLATE...", _texts, 1, None)


@dataclass(frozen=True, slots=True)
class Options(Properties):
    """One `template` directive."""

    SYNTAX = "CLASS TYPE [ZONE...]"
    OBSOLETE = frozenset({"upstream"})

    match: Patterns = prop((), Value("REGEX...", _patterns, 1, None))
    var: tuple[Line, ...] = prop((), Value("NAME EXPRESSION", _kept, 2, None))
    expr: tuple[Line, ...] = prop((), Value("EXPRESSION", _kept, 1, None))
    answer: Texts = prop((), _TEMPLATES)
    authority: Texts = prop((), _TEMPLATES)
    additional: Texts = prop((), _TEMPLATES)
    rcode: int = prop(0, value("CODE", _rcode))
    extended_error: tuple[int, str] | None = prop(
        None, value("EXTENDED_ERROR_CODE [REASON]", _extended_error, most=2), "ederror"
    )
    fallthrough: frozenset[bytes] = prop(
        frozenset(), value("[ZONE...]", _fallthrough, least=0, most=None)
    )


def setup(directives: Sequence[Directive], context: Context) -> Templates:
    """Make the plugin of all `template` directives in a block, in their order. Raises CorefileError."""
    found, templates = Findings(), list[Template]()
    for directive in directives:
        with found.gathered():
            templates.append(_template(directive, context))
    found.raise_all()
    plugin = Templates(templates)
    plugin.named_zones = tuple(
        named_zones(token) for directive in directives for token in directive.arguments[2:]
    )
    return plugin


def _template(directive: Directive, context: Context) -> Template:
    directive.expect(2)
    qclass, qtype, *zones = directive.arguments
    options = Options.read(directive, context)
    return Template(
        qclass=_class(directive, qclass),
        qtype=_type(directive, qtype),
        zones=frozenset(map(from_text, normalize_zones(zones) if zones else context.zones)),
        patterns=options.match or (_EVERYTHING,),
        answer=options.answer,
        authority=options.authority,
        additional=options.additional,
        rcode=options.rcode,
        extended_error=options.extended_error,
        fallthrough=options.fallthrough,
        conditions=_conditions(directive, context),
    )


def _class(directive: Directive, token: Token) -> int:
    try:
        return class_of(token.text)
    except ValueError:
        raise directive.error(f"invalid query class {token.text}", token) from None


def _type(directive: Directive, token: Token) -> int:
    try:
        return type_of(token.text)
    except ValueError:
        raise directive.error(f"invalid RR class {token.text}", token) from None
