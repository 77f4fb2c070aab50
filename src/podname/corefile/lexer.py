r"""From text to words, each with its place and whether it begins a line.

Words stand between white space. A quote opens a quoted word only where a word begins; inside it
`\"` is the one escape, and it may span lines. `#` begins a comment: between words up to the end of
the line, within a word up to the next white space, as in CoreDNS. Carriage returns vanish. A byte
order mark at the start is skipped. Every other character, a control character too, is text.

Sources: coredns/caddy caddyfile/lexer.go; Go unicode.IsSpace.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from podname.corefile.tree import Token
from podname.errors import CorefileError, Place

_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_SKIPPED = re.compile(rf"(?:[{_SPACE}]++|#[^\n]*+)*+")
_QUOTED = re.compile(r'"([^"\\]*+(?:\\.[^"\\]*+)*+)"', re.DOTALL)
_BARE = re.compile(rf"(?:[^{_SPACE}#]|\r)++")
_HIDDEN = re.compile(rf"#(?:[^{_SPACE}]|\r)*+")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_BYTE_ORDER_MARK = "\ufeff"


class Word(NamedTuple):
    """A token and whether it is the first of its line."""

    token: Token
    starts_line: bool


def words(text: str, file: str) -> Iterator[Word]:
    """Return the words of `text`. Raises CorefileError at a quote that is never closed."""
    text = text.removeprefix(_BYTE_ORDER_MARK)
    line, line_start, end = 1, 0, 0
    while (start := _end(_SKIPPED, text, end)) < len(text):
        breaks = text.count("\n", end, start)
        if breaks:
            line, line_start = line + breaks, text.rindex("\n", end, start) + 1
        place = Place(file, line, start - line_start + 1)
        word, after = _word(text, start, place)
        yield Word(Token(word, place), breaks > 0 or end == 0)
        if breaks := text.count("\n", start, after):  # in a quoted word
            line, line_start = line + breaks, text.rindex("\n", start, after) + 1
        end = after


def _word(text: str, start: int, place: Place) -> tuple[str, int]:
    """Return the word that begins at `start` and where it ends."""
    if text[start] != '"':
        end = _end(_BARE, text, start)
        return text[start:end].replace("\r", ""), _end(_HIDDEN, text, end)
    match = _QUOTED.match(text, start)
    if match is None:
        raise CorefileError("a quoted word is opened here and never closed: add '\"'", place)
    return _ESCAPE.sub(_unescape, match[1]), match.end()


def _unescape(match: re.Match[str]) -> str:
    return '"' if match[1] == '"' else match[0]


def _end(pattern: re.Pattern[str], text: str, start: int) -> int:
    match = pattern.match(text, start)
    return match.end() if match else start
