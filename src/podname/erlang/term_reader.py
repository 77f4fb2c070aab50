r"""Erlang terms as `file:consult` and the reader of an inetrc take them from a file.

Terms end with a dot *and white space*: in `{a,1}.{b,2}.` the first dot ends nothing, and the file is broken.
Variables, operators other than a sign, and calls are no terms.

Source: erl_scan and erl_parse:parse_term of Erlang/OTP.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple, NoReturn

from podname.erlang.terms import RESERVED, Kind, Term, as_text
from podname.errors import Place, TermError

MOST_NESTED = 100


class _Token(NamedTuple):
    kind: str
    text: str
    start: int


_ESCAPE = r"\\(?:x\{[0-9A-Fa-f]+\}|x[0-9A-Fa-f]{2}|[0-7]{1,3}|\^.|.)"
_TOKENS = re.compile(
    rf"""
    (?P<space>[\x00-\x20\x80-\xa0]+|%[^\n]*)
  | (?P<dot>\.(?=[\x00-\x20\x80-\xa0%]|\Z))
  | (?P<float>\d+(?:_\d+)*\.\d+(?:_\d+)*(?:[eE][+-]?\d+)?)
  | (?P<radix>\d+(?:_\d+)*\#[0-9A-Za-z]+(?:_[0-9A-Za-z]+)*)
  | (?P<integer>\d+(?:_\d+)*)
  | (?P<atom>[a-zß-öø-ÿ][0-9A-Za-z_@ß-öø-ÿÀ-ÖØ-Þ]*)
  | (?P<quoted>'(?:[^'\\]|{_ESCAPE})*+')
  | (?P<string>"(?:[^"\\]|{_ESCAPE})*+")
  | (?P<character>\$(?:{_ESCAPE}|[^\\]))
  | (?P<variable>[A-Z_][0-9A-Za-z_@]*)
  | (?P<sign><<|>>|=>|\#\{{|[][{{}}(),|:/+-])
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPES = {
    "b": "\b", "d": "\x7f", "e": "\x1b", "f": "\f", "n": "\n", "r": "\r", "s": " ", "t": "\t", "v": "\v"
}  # fmt: skip
_CLOSING = {"{": "}", "[": "]", "#{": "}"}


def read(text: str, file: str) -> tuple[Term, ...]:
    """Return the terms of a file. Raises TermError where the VM, too, would give the whole file up."""
    return tuple(_Reader(text, file).terms())


class _Reader:
    def __init__(self, text: str, file: str) -> None:
        self._text = text
        self._file = file
        self._tokens = self._scan()
        self._ahead: list[_Token] = []
        self._depth = 0
        self._lines = [0, *(match.end() for match in re.finditer("\n", text))]

    def terms(self) -> Iterator[Term]:
        while self._peek().kind != "end":
            yield self._term()
            self._expect_dot()

    def _place(self, start: int) -> Place:
        line = bisect_right(self._lines, start)
        return Place(self._file, line, start - self._lines[line - 1] + 1)

    def _fail(self, start: int, message: str) -> NoReturn:
        raise TermError(message, self._place(start))

    def _scan(self) -> Iterator[_Token]:
        at = 0
        while match := _TOKENS.match(self._text, at):
            kind = match.lastgroup or ""
            if kind != "space":
                yield _Token(kind, match[0], at)
            at = match.end()
        if at < len(self._text):
            self._fail(at, self._unreadable(at))
        yield _Token("end", "", len(self._text.rstrip()))

    def _unreadable(self, at: int) -> str:
        character = self._text[at]
        if character in "\"'":
            return f"a quote is opened here and never closed: add {character}"
        if character == ".":
            return "a dot ends a term only before white space: write each term on a line of its own"
        if character == "\ufeff":
            return "a byte order mark: the Erlang VM cannot read the file, save it without"
        return f"{character!r} cannot begin anything in an Erlang term"

    def _peek(self) -> _Token:
        if not self._ahead:
            self._ahead.append(next(self._tokens))
        return self._ahead[0]

    def _next(self) -> _Token:
        token = self._peek()
        if token.kind != "end":
            self._ahead.pop()
        return token

    def _expect_dot(self) -> None:
        token = self._next()
        if token.kind == "end":
            self._fail(token.start, "the last term has no end: add a dot")
        if token.kind != "dot":
            self._fail(token.start, f"expected a dot after the term before, found {token.text!r}")

    def _take(self, sign: str) -> bool:
        token = self._peek()
        if token.kind == "sign" and token.text == sign:
            self._next()
            return True
        return False

    def _expect(self, sign: str, why: str) -> None:
        if not self._take(sign):
            token = self._peek()
            self._fail(token.start, f"expected {sign!r} {why}, found {token.text or 'the end'!r}")

    def _term(self) -> Term:
        self._depth += 1
        token = self._next()
        if self._depth > MOST_NESTED:
            self._fail(token.start, f"nested more than {MOST_NESTED} levels deep")
        term = self._term_from(token)
        self._depth -= 1
        return term

    def _term_from(self, token: _Token) -> Term:
        place = self._place(token.start)
        match token.kind:
            case "atom":
                return self._atom(token, place)
            case "quoted":
                return Term("atom", place, _unescaped(token.text[1:-1]), quoted=True)
            case "integer":
                return Term("integer", place, int(token.text.replace("_", "")))
            case "float":
                return self._float(token, place)
            case "radix":
                return self._radix(token, place)
            case "character":
                return Term("integer", place, ord(_unescaped(token.text[1:])))
            case "string":
                return self._string(token, place)
            case "sign":
                return self._compound(token, place)
            case "variable":
                raise TermError(f"{token.text} is a variable: quote the atom", place)
            case _:
                raise TermError(f"expected a term, found {token.text or 'the end'!r}", place)

    def _atom(self, token: _Token, place: Place) -> Term:
        if token.text == "fun":
            return self._fun(place)
        if token.text in RESERVED:
            self._fail(token.start, f"{token.text} is a reserved word: quote the atom")
        return Term("atom", place, token.text)

    def _fun(self, place: Place) -> Term:
        module = self._term()
        self._expect(":", "in fun M:F/A")
        name = self._term()
        self._expect("/", "in fun M:F/A")
        return Term("fun", place, f"fun {module}:{name}/{self._term()}")

    def _float(self, token: _Token, place: Place) -> Term:
        value = float(token.text.replace("_", ""))
        if value == float("inf"):
            self._fail(token.start, f"{token.text} is too big for a float")
        return Term("float", place, value)

    def _radix(self, token: _Token, place: Place) -> Term:
        base, _, digits = token.text.replace("_", "").partition("#")
        try:
            return Term("integer", place, int(digits, int(base)) if int(base) >= 2 else int("x"))
        except ValueError:
            self._fail(token.start, f"{token.text} is no number")

    def _string(self, token: _Token, place: Place) -> Term:
        text = _unescaped(token.text[1:-1])
        while self._peek().kind == "string":  # "a" "b" is "ab"
            text += _unescaped(self._next().text[1:-1])
        items = tuple(Term("integer", place, ord(character)) for character in text)
        return Term("list", place, items=items, quoted=True)

    def _compound(self, token: _Token, place: Place) -> Term:
        if token.text in {"+", "-"}:
            return self._signed(token, place)
        if token.text == "<<":
            return self._binary(place)
        if token.text not in _CLOSING:
            self._fail(token.start, f"expected a term, found {token.text!r}")
        items: list[Term] = []
        tail = None
        closing = _CLOSING[token.text]
        while not self._take(closing):
            if items:
                self._expect(",", f"or {closing!r}")
            items.append(self._term())
            if token.text == "#{":
                self._expect("=>", "between a key and its value")
                items.append(self._term())
            if token.text == "[" and self._take("|"):
                tail = self._term()
                self._expect("]", "after the tail of a list")
                break
        if tail and tail.kind == "list":
            items, tail = [*items, *tail.items], tail.tail
        kind: Kind = {"{": "tuple", "[": "list", "#{": "map"}[token.text]  # type: ignore[assignment]
        return Term(kind, place, items=tuple(items), tail=tail)

    def _signed(self, token: _Token, place: Place) -> Term:
        term = self._term()
        if not isinstance(term.value, (int, float)) or term.kind not in {"integer", "float"}:
            self._fail(token.start, f"expected a number after {token.text!r}")
        return Term(term.kind, place, -term.value if token.text == "-" else term.value)

    def _binary(self, place: Place) -> Term:
        octets: list[str] = []
        while not self._take(">>"):
            if octets:
                self._expect(",", "or '>>'")
            part = self._term()
            text = as_text(part) if part.quoted else None
            if text is None and not isinstance(part.value, int):
                raise TermError("only numbers and strings are read in a binary", part.place)
            octets.append(text if text is not None else chr(int(part.value) & 255))
            if self._take("/"):
                self._term()  # "…"/utf8
        return Term("binary", place, "".join(octets))


def _unescaped(text: str) -> str:
    return re.sub(_ESCAPE, lambda match: _character(match[0][1:]), text, flags=re.DOTALL)


def _character(escape: str) -> str:
    if escape[0] == "x" and len(escape) > 1:
        code = int(escape[1:].strip("{}"), 16)
        return chr(code) if code <= 0x10FFFF else "\ufffd"
    if escape[0] == "^" and len(escape) > 1:
        return chr(ord(escape[1]) & 31)
    if escape[0] in "01234567":
        return chr(int(escape, 8))
    return _ESCAPES.get(escape, escape)
