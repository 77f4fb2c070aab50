"""Erlang terms, each with the place where it was read.

Strings are lists of characters, so `""` and `[]` are the same.

Source: https://www.erlang.org/doc/system/data_types.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from podname.errors import Place

Kind = Literal["atom", "integer", "float", "list", "tuple", "map", "binary", "fun"]


@dataclass(frozen=True, slots=True)
class Term:
    """A term and where it begins.

    `items` holds the elements of a tuple or a list, and keys and values in turn of a map; `tail` is that
    of an improper list. `value` holds an atom's or a binary's text and a number.
    """

    kind: Kind
    place: Place
    value: str | int | float = ""
    items: tuple[Term, ...] = ()
    tail: Term | None = None
    quoted: bool = False

    def __eq__(self, other: object) -> bool:
        """Compare what the VM would compare: not the places, nor how a string was written."""
        return isinstance(other, Term) and self._meaning() == other._meaning()

    def __hash__(self) -> int:
        return hash(self._meaning())

    def _meaning(self) -> tuple[object, ...]:
        return (self.kind, type(self.value), self.value, self.items, self.tail)

    def __str__(self) -> str:
        """Write the term as Erlang does."""
        text = as_text(self)
        if self.kind == "list" and self.quoted and text is not None:
            return f'"{_escaped(text, chr(34))}"'
        if self.kind == "atom":
            plain = _PLAIN_ATOM.fullmatch(str(self.value)) and self.value not in RESERVED
            return str(self.value) if plain else f"'{_escaped(str(self.value), chr(39))}'"
        if self.kind in _BRACKETS:
            return _BRACKETS[self.kind].format(_joined(self))
        return (
            f'<<"{_escaped(str(self.value), chr(34))}">>'
            if self.kind == "binary"
            else str(self.value)
        )


RESERVED = frozenset(
    {
        "after",
        "and",
        "andalso",
        "band",
        "begin",
        "bnot",
        "bor",
        "bsl",
        "bsr",
        "bxor",
        "case",
        "catch",
        "cond",
        "div",
        "end",
    }
    | {"fun", "if", "let", "not", "of", "or", "orelse", "receive", "rem", "try", "when", "xor"}
)
"""Words that are no atoms unless they are quoted."""

_PLAIN_ATOM = re.compile(r"[a-z][0-9A-Za-z_@]*")
_BRACKETS: dict[str, str] = {"tuple": "{{{}}}", "list": "[{}]", "map": "#{{{}}}"}


def _joined(term: Term) -> str:
    if term.kind == "map":
        pairs = zip(term.items[::2], term.items[1::2], strict=True)
        return ",".join(f"{key} => {value}" for key, value in pairs)
    return ",".join(map(str, term.items)) + (f"|{term.tail}" if term.tail else "")


def _escaped(text: str, quote: str) -> str:
    out = text.replace("\\", "\\\\").replace(quote, f"\\{quote}")
    return "".join(c if c.isprintable() else f"\\x{{{ord(c):x}}}" for c in out)


def as_text(term: Term) -> str | None:
    """Return the text of a string; None when the term is none. `[]` is the empty one."""
    if term.kind != "list" or term.tail:
        return None
    characters = [item.value for item in term.items]
    if not all(isinstance(c, int) and 0 <= c <= 0x10FFFF for c in characters):
        return None
    return "".join(chr(c) for c in characters if isinstance(c, int))
