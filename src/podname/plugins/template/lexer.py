"""Pieces of a Go template, texts and actions, and the words of an action.

Source: Go text/template/parse lex.go.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from podname.expression.escapes import BadEscape, unescaped

_ACTION = re.compile(
    r"\{\{(?P<left>-(?=\s))?"
    r"(?:\s*+/\*.*?\*/\s*+|(?P<inner>(?:\"(?:[^\"\\\n]|\\.)*\"|`[^`]*`|[^\"`])*?))"
    r"(?P<right>(?<=\s)-)?\}\}",
    re.DOTALL,
)
_TOKEN = re.compile(
    r"""\s*(?:(?P<string>"(?:[^"\\\n]|\\.)*"|`[^`]*`)
    | (?P<number>[+-]?(?:0[xX][\da-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+
        |\d[\d_]*(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+)(?!\w))
    | (?P<character>'(?:[^'\\\n]|\\.)')
    | (?P<field>(?:\$\w*)?(?:\.[^\W\d]\w*)+|\.) | (?P<variable>\$\w*) | (?P<word>[^\W\d]\w*)
    | (?P<mark>:=|=|[|(),]))""",
    re.VERBOSE,
)


class BadTemplate(ValueError):
    """The text is no template, or has something that is not known here."""


class Piece(NamedTuple):
    """A part of a template: plain text, or what stands in braces."""

    is_action: bool
    text: str


class Token(NamedTuple):
    """A word of an action; `mark` is one that stands for itself. Whether a space stands before it."""

    kind: str
    text: str
    is_apart: bool


def pieces_of(text: str) -> Iterator[Piece]:
    """Take a template apart. Raises BadTemplate."""
    before, trims = 0, False
    while (at := text.find("{{", before)) >= 0:
        found = _ACTION.match(text, at)
        if found is None:
            raise BadTemplate("an action is not closed by '}}'")
        plain = text[before:at].lstrip() if trims else text[before:at]
        yield Piece(False, plain.rstrip() if found["left"] else plain)
        if found["inner"] is not None:  # it is not a comment
            yield Piece(True, found["inner"].strip())
        before, trims = found.end(), bool(found["right"])
    yield Piece(False, text[before:].lstrip() if trims else text[before:])


def tokens_of(text: str) -> Iterator[Token]:
    """Take an action apart. Raises BadTemplate."""
    at, text = 0, text.rstrip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None or found.lastgroup is None:
            raise BadTemplate(f"unexpected '{text[at:].strip()[:20]}'")
        word = found[found.lastgroup]
        yield Token(found.lastgroup, word, found.start(found.lastgroup) > at or at == 0)
        at = found.end()


def unquoted(text: str) -> str:
    """Return what a text in quotes says. Raises BadTemplate."""
    if text.startswith("`"):
        return text[1:-1]
    try:
        return unescaped(text[1:-1])
    except BadEscape as error:
        raise BadTemplate(str(error)) from None


def number_of(text: str) -> int | float:
    """Return the number that a word is. Raises BadTemplate."""
    plain = text.replace("_", "")
    is_based = plain.lstrip("+-")[:2].lower() in {"0x", "0o", "0b"}
    try:
        if not is_based and any(mark in plain for mark in ".eE"):
            return float(plain)
        return (
            int(plain, 0) if is_based else int(plain, 8 if plain[:1] == "0" and plain[1:] else 10)
        )
    except ValueError:
        raise BadTemplate(f"'{text}' is not a number") from None
