"""The assignments of a script for sh, with what each value is made of. Nothing is run.

It knows quotes, escapes, expansions, comments, lists of commands and the branches of `if` and `case`. What EEx prints
(`<%= @release.name %>`) counts as text, since env.sh.eex is read before it is rendered.

Source: POSIX.1-2017, Shell Command Language, 2.2 Quoting, 2.3 Token Recognition, 2.6 Word Expansions, 2.9 Commands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from podname.errors import Place

_EEX = re.compile(r"<%(=?)(?:[^%]|%(?!>))*%>")
_NAME = re.compile(r"[A-Za-z_]\w*")
_ASSIGNED = re.compile(r"([A-Za-z_]\w*)=")
_PARAMETER = re.compile(r"\$(?:[A-Za-z_]\w*|[0-9@*#?$!-])")
_HERE = re.compile(r"<<-?[ \t]*(['\"\\]?)(\w+)['\"]?")
_RESERVED = {"if", "then", "elif", "else", "fi", "do", "done", "while", "until", "esac", "{", "}", "!"}  # fmt: skip
_BRANCHES = {"then", "elif", "else", "fi", "esac"}
_CLOSING = {"(": ")", "{": "}"}


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a word: text, or `$NAME`, `${NAME…}` and `$(command)` without what encloses them."""

    kind: Literal["text", "parameter", "command"]
    text: str


@dataclass(frozen=True, slots=True)
class Assignment:
    """`NAME=value`. `source` is the value as written, `stray` the unquoted word that follows it."""

    place: Place
    name: str
    value: tuple[Piece, ...]
    source: str
    block: int  # the same for all in one branch
    is_exported: bool = False
    stray: str = ""


@dataclass(slots=True)
class Script:
    """What a script assigns, in order, and what it exports."""

    assignments: list[Assignment] = field(default_factory=list)
    exported: set[str] = field(default_factory=set)
    exports_all: bool = False  # set -a
    problems: list[tuple[Place, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Word:
    start: int
    end: int
    pieces: tuple[Piece, ...]

    @property
    def text(self) -> str:
        """The word when it is text alone."""
        return self.pieces[0].text if [each.kind for each in self.pieces] == ["text"] else ""


def read(text: str, file: str) -> Script:
    """Read a script."""
    script, block = Script(), 0
    rendered = _EEX.sub(lambda match: re.sub(".", "x" if match[1] else " ", match[0]), text)
    scanner = _Scanner(rendered)
    for words in _commands(scanner):
        if not words:  # ;; ends a branch of `case`
            block += 1
            continue
        while words and words[0].text in _RESERVED:
            block += words.pop(0).text in _BRANCHES
        _command(script, words, text, file, block)
    if scanner.unclosed >= 0:
        place = _place(file, text, scanner.unclosed)
        script.problems.append((place, "this quote is not closed: sh reads none of the file"))
    return script


def pieces(text: str) -> tuple[Piece, ...]:
    """Read one word, as the default in `${NAME:-word}`."""
    return _Scanner(text).word(is_whole=True).pieces


def _command(script: Script, words: list[_Word], text: str, file: str, block: int) -> None:
    if [word.text for word in words[:2]] in (["set", "-a"], ["set", "-o allexport"]):
        script.exports_all = True
    is_export = bool(words) and words[0].text == "export"
    rest = words[1:] if is_export else words
    if len(rest) > 1 and _is_name(rest[0]) and rest[1].text.startswith("="):
        message = f"write {rest[0].text}=value: sh assigns nothing where a blank stands before ="
        script.problems.append((_place(file, text, rest[0].start), message))
        return
    assigned = [word for word in rest if _starts(word)]
    strays = [word for word in rest if not _starts(word) and not (is_export and _is_name(word))]
    if not is_export and rest and not _starts(rest[0]):
        return
    for word in assigned:
        after = [each for each in strays if each.start > word.start]
        stray = text[word.end : after[0].end].split(maxsplit=1)[0] if after else ""
        place, name, value = _place(file, text, word.start), _starts(word), _value(word)
        source = _unquoted(text[word.start + len(name) + 1 : word.end])
        script.assignments.append(Assignment(place, name, value, source, block, is_export, stray))
    if is_export:
        names = {word.text for word in rest if _is_name(word)}
        script.exported |= names | {_starts(word) for word in assigned}


def _place(file: str, text: str, at: int) -> Place:
    return Place(file, text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at))


def _value(word: _Word) -> tuple[Piece, ...]:
    first = word.pieces[0].text[len(_starts(word)) + 1 :]
    return (*((Piece("text", first),) if first else ()), *word.pieces[1:])


def _unquoted(source: str) -> str:
    """Take one pair of quotes away, for a message."""
    is_quoted = len(source) > 1 and source[0] == source[-1] and source[0] in "\"'"
    return source[1:-1] if is_quoted else source


def _starts(word: _Word) -> str:
    """Return the name that a word assigns, or nothing."""
    if not word.pieces or word.pieces[0].kind != "text":
        return ""
    match = _ASSIGNED.match(word.pieces[0].text)
    return match[1] if match else ""


def _is_name(word: _Word) -> bool:
    return _NAME.fullmatch(word.text) is not None


def _commands(scanner: _Scanner) -> Iterator[list[_Word]]:
    """Yield the words of each simple command, and an empty list for each `;;`."""
    words: list[_Word] = []
    while not scanner.at_end:
        text = scanner.text
        character = text[scanner.at]
        if here := _HERE.match(text, scanner.at):
            scanner.skip_here_document(here)
            continue
        if character in "\n;&|()<>":
            if words:
                yield words
            if text.startswith(";;", scanner.at):
                yield []
                scanner.at += 1
            words = []
            scanner.at += 1
        elif character in " \t\r":
            scanner.at += 1
        elif character == "#":
            scanner.to_the_line_end()
        elif text.startswith("\\\n", scanner.at):
            scanner.at += 2
        else:
            words.append(scanner.word())
    if words:
        yield words


class _Scanner:
    """Reads words from a place in a text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.unclosed = -1  # where a quote begins that has no end
        self._pieces: list[Piece] = []

    @property
    def at_end(self) -> bool:
        return self.at >= len(self.text)

    def to_the_line_end(self) -> None:
        end = self.text.find("\n", self.at)
        self.at = end if end >= 0 else len(self.text)

    def skip_here_document(self, opening: re.Match[str]) -> None:
        """Cut a here-document out of what is still to be read; the rest of its first line counts."""
        self.at = opening.end()
        begin = self.text.find("\n", self.at)
        closing = re.compile(rf"^\t*{opening[2]}$", re.MULTILINE).search(self.text, max(begin, 0))
        end = closing.end() if closing and begin >= 0 else len(self.text)
        begin = begin if begin >= 0 else len(self.text)
        blank = re.sub(r"[^\n]", " ", self.text[begin:end])
        self.text = self.text[:begin] + blank + self.text[end:]

    def word(self, *, is_whole: bool = False) -> _Word:
        """Read to the first blank or operator that is not quoted; to the end when `is_whole`."""
        start, self._pieces = self.at, []
        while not self.at_end and (is_whole or self.text[self.at] not in " \t\r\n;&|()<>"):
            character = self.text[self.at]
            if character == "'":
                self._add(self._until("'", self.at + 1))
            elif character == '"':
                self.at += 1
                self._in_double_quotes()
            elif character == "\\":
                self._escaped("")
            else:
                self._plain()
        return _Word(start, self.at, tuple(self._pieces) or (Piece("text", ""),))

    def _in_double_quotes(self) -> None:
        start = self.at - 1
        while not self.at_end and self.text[self.at] != '"':
            if self.text[self.at] == "\\":
                self._escaped('$`"\\\n')
            else:
                self._plain()
        if self.at_end and self.unclosed < 0:
            self.unclosed = start
        self.at += 1

    def _escaped(self, only: str) -> None:
        """Read a backslash; in double quotes it escapes `only` a few."""
        following = self.text[self.at + 1 : self.at + 2]
        if only and following not in only:
            self._add("\\")
            self.at += 1
            return
        self._add("" if following == "\n" else following)
        self.at += 2

    def _plain(self) -> None:
        """Read one character, or an expansion."""
        character, following = self.text[self.at], self.text[self.at + 1 : self.at + 2]
        if character == "`":
            self._pieces.append(Piece("command", self._until("`", self.at + 1)))
        elif character == "$" and following and following in _CLOSING:
            kind: Literal["parameter", "command"] = "command" if following == "(" else "parameter"
            self._pieces.append(Piece(kind, self._enclosed(following)))
        elif character == "$" and (match := _PARAMETER.match(self.text, self.at)):
            self._pieces.append(Piece("parameter", match[0][1:]))
            self.at = match.end()
        else:
            self._add(character)
            self.at += 1

    def _enclosed(self, opening: str) -> str:
        """Read what stands between brackets, others of their kind and quotes inside."""
        start, depth = self.at + 2, 0
        self.at += 1
        while not self.at_end:
            character = self.text[self.at]
            depth += (character == opening) - (character == _CLOSING[opening])
            if depth == 0:
                break
            if character == "'" and opening == "(":
                self._until("'", self.at + 1)
                continue
            self.at += 2 if character == "\\" else 1
        inner = self.text[start : self.at]
        self.at += 1
        return inner

    def _until(self, quote: str, start: int) -> str:
        end = self.text.find(quote, start)
        if end < 0:
            end = len(self.text)
            self.unclosed = start - 1 if self.unclosed < 0 else self.unclosed
        self.at = end + 1
        return self.text[start:end]

    def _add(self, text: str) -> None:
        """Add text, to the text before where there is some."""
        if self._pieces and self._pieces[-1].kind == "text":
            self._pieces[-1] = Piece("text", self._pieces[-1].text + text)
        else:
            self._pieces.append(Piece("text", text))
