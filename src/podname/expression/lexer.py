"""Words of an expression: names, numbers, texts, operators.

Source: expr-lang v1.17.8 parser/lexer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from podname.expression.escapes import BadEscape, unescaped

#: Operators that are words, and keywords.
WORD_OPERATORS = frozenset(
    ("in", "or", "and", "not", "matches", "contains", "startsWith", "endsWith", "let", "if", "else")
)
_TOKEN = re.compile(
    r"""
    (?P<space> \s+ | //[^\n]* | /\*.*?\*/ )
  | (?P<text> '(?:[^'\\\n]|\\.)*' | "(?:[^"\\\n]|\\.)*" )
  | (?P<raw> `(?:[^`]|``)*` )
  | (?P<number> (?: 0[xX][\da-fA-F_]+ | 0[oO][0-7_]+ | 0[bB][01_]+
        | (?: \d[\d_]* (?:\.(?!\.)[\d_]*)? | \.\d[\d_]* ) (?:[eE][+-]?[\d_]+)? ) (?![\w$]) )
  | (?P<name> [^\W\d]\w* | \$\w* )
  | (?P<operator> \|\| | \?\? | \?\. | :: | \.\. | \*\* | && | [=!<>]= | [][(){}?|:,;+\-%^!*<>/.=\#] )
    """,
    re.VERBOSE | re.DOTALL,
)


class BadExpression(ValueError):
    """The text is no expression, or has something that is not known here."""


@dataclass(frozen=True, slots=True)
class Token:
    """One word: `kind` is name, number, text, operator or end."""

    kind: str
    text: str

    def __str__(self) -> str:
        return f"'{self.text}'" if self.kind != "end" else "the end"


def tokens_of(text: str) -> Iterator[Token]:
    """Take an expression apart. Raises BadExpression."""
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise BadExpression(f"unexpected '{text[at : at + 20]}'")
        at, kind, word = found.end(), found.lastgroup, found[0]
        if kind == "text":
            yield Token("text", _unescaped(word[1:-1]))
        elif kind == "raw":
            yield Token("text", word[1:-1].replace("``", "`"))
        elif kind == "name" and word in WORD_OPERATORS:
            yield Token("operator", word)
        elif kind and kind != "space":
            yield Token(kind, word)
    yield Token("end", "")


def _unescaped(text: str) -> str:
    try:
        return unescaped(text)
    except BadEscape as error:
        raise BadExpression(str(error)) from None
