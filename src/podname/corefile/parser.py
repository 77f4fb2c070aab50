"""From words to server blocks.

This parser takes what CoreDNS's parser takes, but for a few things that nobody can mean: a quote or a server block
without an end, a block in the block of a directive, a directive's `{` that does not stand on its line, words behind a
directive's `}` on one line, a `}` too many before another block, a snippet without a block. An error that does
not hide what follows it is kept and the reading goes on, so that one run tells them all.

Sources: coredns/caddy caddyfile/parse.go.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from podname.corefile import environment as env
from podname.corefile.findings import Findings
from podname.corefile.imports import Library, explained, read_text
from podname.corefile.lexer import Word, words
from podname.corefile.stream import Source, Stream, TooManyImports
from podname.corefile.tree import Corefile, Directive, Line, ServerBlock, Token
from podname.errors import CorefileError
from podname.text import shown


def parse(path: str | Path, *, environment: Mapping[str, str] = os.environ) -> Corefile:
    """Read a Corefile and all that it imports. Raises CorefileError."""
    try:
        text = read_text(path)
    except (OSError, ValueError) as error:
        raise CorefileError(f"cannot read '{path}': {explained(error)}") from None
    return parse_text(text, file=str(path), environment=environment)


def parse_text(
    text: str, *, file: str = "Corefile", environment: Mapping[str, str] = os.environ
) -> Corefile:
    """Read a Corefile's text; imports are relative to the folder of `file`. Raises CorefileError.

    The error is the first one; its `others` are those that could be told independently of it.
    """
    stream = Stream(Source(os.path.normpath(file), list(words(text, file))))
    return _Parser(stream, environment).corefile()


class _Parser:
    """The state of one reading. A method reads the part that it is named after, and leaves the words behind it."""

    def __init__(self, stream: Stream, environment: Mapping[str, str]) -> None:
        self._stream = stream
        self._environment = environment
        self._findings = Findings()
        self._library = Library(self._findings.warn)
        self._outdented: Token | None = None  # the directive whose '}' seems to be another's

    def corefile(self) -> Corefile:
        blocks = []
        with self._findings.gathered():
            while self._stream.peek():
                if (block := self._server_block()) is not None:
                    blocks.append(block)
        self._findings.raise_all()
        return Corefile(tuple(blocks), self._findings.warnings)

    # Server blocks

    def _server_block(self) -> ServerBlock | None:
        if self._stream.sees("}"):
            self._stray_brace(self._stream.take())
            return None
        place = self._stream.peek()
        keys = self._keys()
        brace = self._stream.take() if self._stream.sees("{") else None
        if len(keys) == 1 and keys[0].text.startswith("(") and keys[0].text.endswith(")"):
            self._snippet(keys[0], brace)
            return None
        directives = self._directives(brace)
        if keys:
            return ServerBlock(tuple(keys), tuple(directives))
        if place and (brace or directives):
            self._findings.warn(place.token, "this server block has no key and is ignored")
        return None

    def _stray_brace(self, brace: Token) -> None:
        """Ignore a '}' too many at the very end, as CoreDNS does; elsewhere it hides a mistake."""
        if self._stream.peek() is None:
            self._findings.warn(brace, "'}' closes nothing and is ignored")
        else:
            self._findings.report(brace, "'}' closes nothing: a '}' too many stands before it")

    def _keys(self) -> list[Token]:
        """Read keys up to the end of the line, or of the line after one that ends with a comma."""
        keys: list[Token] = []
        comma: Token | None = None
        while (word := self._stream.peek()) and word.token.text != "{":
            if word.starts_line and word.token.text == "import":
                self._import()
                continue
            token = self._expand(self._stream.take())
            if token.text:
                comma = token if token.text.endswith(",") else None
                keys.append(Token(token.text.removesuffix(","), token.place))
            if comma is None and not self._stream.rest_of_line():
                break
        if comma is not None:
            self._findings.report(comma, "expected another key after the comma")
        return [key for key in keys if self._check_key(key)]

    def _check_key(self, key: Token) -> bool:
        if not key.text:
            self._findings.report(key, "expected a key before the comma")
        elif "," in key.text:
            self._findings.warn(
                key, f"'{shown(key.text)}' is one key: put a space after each comma"
            )
        return bool(key.text)

    def _snippet(self, key: Token, brace: Token | None) -> None:
        if brace is None:
            raise CorefileError(f"expected '{{' after snippet '{shown(key.text)}'", key.place)
        body = self._until_closed(brace, f"snippet '{shown(key.text)}'")
        if body:
            body[0] = Word(body[0].token, True)
        with self._findings.gathered():
            self._library.define(key, key.text[1:-1], body)

    def _directives(self, brace: Token | None) -> list[Directive]:
        """Read directives up to the '}' of the server block, or the end of the file without one."""
        directives: list[Directive] = []
        while word := self._stream.peek():
            if word.token.text == "}":
                closing = self._stream.take()
                if brace is None:
                    self._findings.warn(closing, "'}' closes a server block that no '{' opened")
                return directives
            if word.token.text == "import":
                self._import()
            else:
                directives.append(self._directive())
        if brace is not None:
            raise self._unclosed(brace, "this server block")
        return directives

    # Directives

    def _directive(self) -> Directive:
        if self._stream.sees("{"):
            message = "'{' opens nothing: the directive belongs before it on the same line"
            raise CorefileError(message, self._stream.take().place)
        name = self._expand(self._stream.take())
        arguments, brace = self._arguments()
        if brace is not None:
            return Directive(name, arguments, self._block(name, brace))
        if closing := self._stream.rest_of_line():
            self._findings.report(closing, "'}' must stand on a line of its own")
        if self._stream.sees("{"):
            message = f"'{{' must stand at the end of the line of '{shown(name.text)}'"
            raise CorefileError(message, self._stream.take().place)
        return Directive(name, arguments)

    def _arguments(self) -> tuple[tuple[Token, ...], Token | None]:
        """Read what follows a line's first word up to a '}', and the '{' that ends it if there is one."""
        arguments: list[Token] = []
        while (token := self._stream.rest_of_line()) and token.text != "}":
            self._stream.take()
            if token.text == "{":
                return tuple(arguments), token
            arguments.append(self._expand(token))
        return tuple(arguments), None

    def _block(self, name: Token, brace: Token) -> tuple[Line, ...]:
        lines: list[Line] = []
        while word := self._stream.peek():
            if word.token.text == "}":
                self._close(name, self._stream.take())
                return tuple(lines)
            if word.starts_line and word.token.text == "import":
                self._import()
            elif word.token.text == "{":
                self._refuse_nested(self._stream.take())
            else:
                lines.append(self._line())
        raise self._unclosed(brace, f"the block of '{shown(name.text)}'")

    def _line(self) -> Line:
        name = self._expand(self._stream.take())
        arguments, brace = self._arguments()
        if brace is not None:
            self._refuse_nested(brace)
            return Line(name, arguments)
        return Line(name, arguments, ends_block=self._stream.rest_of_line())

    def _close(self, name: Token, closing: Token) -> None:
        here, there = name.place, closing.place
        if self._outdented is None and here.file == there.file and there.column < here.column:
            self._outdented = name
        if word := self._stream.rest_of_line():
            what = shown(word.text)
            self._findings.report(word, f"'{what}' after '}}': it must begin a line of its own")

    # What several of them need

    def _import(self) -> None:
        """Put what an import line names in the line's place."""
        line = [self._stream.take()]
        while self._stream.rest_of_line():
            line.append(self._stream.take())
        pattern = self._expand(line[1]) if len(line) == 2 else None
        if pattern is None or not pattern.text:
            message = "import takes one argument: a snippet, a file or a pattern of files"
            self._findings.report(line[min(len(line) - 1, 2)], message)
            return
        try:
            self._stream.insert(self._library.find(pattern), pattern)
        except TooManyImports:
            raise  # what follows is more of the same
        except CorefileError as error:
            self._findings.keep(error)

    def _refuse_nested(self, brace: Token) -> None:
        self._findings.report(brace, "a block within the block of a directive: blocks do not nest")
        self._until_closed(brace, "this block")

    def _until_closed(self, brace: Token, what: str) -> list[Word]:
        """Take the words up to the '}' that belongs to `brace`, inner pairs included."""
        depth = 1
        body: list[Word] = []
        while word := self._stream.peek():
            self._stream.take()
            depth += {"{": 1, "}": -1}.get(word.token.text, 0)
            if not depth:
                return body
            body.append(word)
        raise self._unclosed(brace, what)

    def _unclosed(self, brace: Token, what: str) -> CorefileError:
        message = f"{what} is opened here and never closed: '}}' is missing"
        if self._outdented is not None:
            name = self._outdented
            message += f", perhaps the one of '{shown(name.text)}' ({name.place})"
        return CorefileError(message, brace.place)

    def _expand(self, token: Token) -> Token:
        return env.expand(token, self._environment, self._findings.warn)
