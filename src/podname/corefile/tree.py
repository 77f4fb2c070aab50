"""What a Corefile says: server blocks, their directives, the lines in their braces.

A `Line` is asked for the argument that somebody expects (`integer(0, least=1)`) and returns it, or raises the error
that says where it stands and what is wrong with it. Nothing here knows what a directive means.

Sources: coredns/caddy caddyfile/dispenser.go; Go's strconv and time.ParseDuration.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field

from podname.corefile import values
from podname.errors import CorefileError, Place
from podname.text import shown


@dataclass(frozen=True, slots=True)
class Token:
    """A word: its text, without quotes and with the environment put in, and where it stands."""

    text: str
    place: Place


@dataclass(frozen=True, slots=True)
class Line:
    """A word and its arguments: the first line of a directive, or one line of its block.

    `ends_block` is the `}` at the line's end that closes the block.
    """

    name: Token
    arguments: tuple[Token, ...] = ()
    ends_block: Token | None = field(default=None, kw_only=True)

    def error(self, message: str, token: Token | None = None) -> CorefileError:
        """Make the error to raise about this line, at `token` or else at its first word."""
        return CorefileError(message, (token or self.name).place)

    def words(self) -> tuple[str, ...]:
        """Return the texts of the arguments."""
        return tuple(token.text for token in self.arguments)

    def expect(self, least: int, most: int | None = None) -> tuple[str, ...]:
        """Return the texts of `least` to `most` arguments, or raise CorefileError.

        `most` None allows any number more: exactly one is `expect(1, 1)`, none `expect(0, 0)`.
        """
        count = len(self.arguments)
        if count < least:
            raise self._wrong_count((self.name, *self.arguments)[-1], least, most)
        if most is not None and count > most:
            raise self._wrong_count(self.arguments[most], least, most)
        return self.words()

    def argument(self, index: int = 0) -> Token:
        """Return one argument, or raise CorefileError if the line ends before it."""
        self.expect(index + 1)
        return self.arguments[index]

    def integer(self, index: int = 0, *, least: int | None = None, most: int | None = None) -> int:
        """Return an argument as a whole number of the range, or raise CorefileError."""
        token = self.argument(index)
        number = values.integer(token.text)
        if number is None:
            message = f"'{shown(token.text)}' after '{self._shown}' is not a whole number"
            raise self.error(message, token)
        if (least is not None and number < least) or (most is not None and number > most):
            raise self.error(f"{self._shown} must be {_range(least, most)}: {number}", token)
        return number

    def duration(self, index: int = 0) -> float:
        """Return an argument that is a Go duration (`1h30m`) in seconds, or raise CorefileError."""
        token = self.argument(index)
        seconds = values.duration_seconds(token.text)
        if seconds is None:
            raise self.error(
                f"'{shown(token.text)}' after '{self._shown}' is not a duration: "
                "write numbers with units, such as 30s, 500ms or 1h30m",
                token,
            )
        return seconds

    @property
    def _shown(self) -> str:
        return shown(self.name.text)

    def _wrong_count(self, token: Token, least: int, most: int | None) -> CorefileError:
        expected = _count(least, most)
        message = (
            f"wrong argument count or unexpected line ending after '{self._shown}': "
            f"expected {expected}, found {len(self.arguments)}"
        )
        return self.error(message, token)


@dataclass(frozen=True, slots=True)
class Directive(Line):
    """A directive of a server block. `block` is None without braces, else the lines in them."""

    block: tuple[Line, ...] | None = None


@dataclass(frozen=True, slots=True)
class ServerBlock:
    """What is served under some keys."""

    keys: tuple[Token, ...]
    directives: tuple[Directive, ...] = ()


@dataclass(frozen=True, slots=True)
class Corefile:
    """A whole Corefile, imports put in place.

    `text_digest` (SHA-512, hexadecimal) changes whenever a word does, in the file or in one that
    it imports; spaces, comments and places do not count. `warnings` begin with their place.
    """

    blocks: tuple[ServerBlock, ...]
    warnings: tuple[str, ...] = ()
    text_digest: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "text_digest", _digest(self.blocks))


def _digest(blocks: Iterable[ServerBlock]) -> str:
    words = [
        [
            [key.text for key in block.keys],
            [
                [_texts(directive), directive.block and [_texts(line) for line in directive.block]]
                for directive in block.directives
            ],
        ]
        for block in blocks
    ]
    return hashlib.sha512(json.dumps(words).encode()).hexdigest()


def _texts(line: Line) -> list[str]:
    return [line.name.text, *line.words(), *(["}"] if line.ends_block else [])]


def _count(least: int, most: int | None) -> str:
    if most == 0:
        return "no argument"
    if most is None:
        return f"at least {least} argument" + "s" * (least != 1)
    if least == most:
        return f"{least} argument" + "s" * (least != 1)
    return f"{least} to {most} arguments"


def _range(least: int | None, most: int | None) -> str:
    if most is None:
        return f"at least {least}"
    return f"at most {most}" if least is None else f"in range [{least}, {most}]"
