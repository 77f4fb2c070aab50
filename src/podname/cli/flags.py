"""Go's way of writing flags, made into what click reads.

Go takes `-flag`, `--flag`, `-flag=value`, `--flag=value`, and `-bool=true` or `-bool=false`. click takes one dash for
a row of one-letter options: `-pidfle x` would be the port "idfle".

Source: Go's package flag.
"""

from __future__ import annotations

from collections.abc import Sequence

import click

BOOLEAN = frozenset({"quiet", "version", "plugins", "elsewhere"})
_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})


class GoCommand(click.Command):
    """A command whose flags are Go's."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments."""
        return super().parse_args(ctx, from_go(args))


def from_go(arguments: Sequence[str]) -> list[str]:
    """Rewrite arguments up to `--`."""
    out: list[str] = []
    for number, argument in enumerate(arguments):
        if argument == "--":
            return [*out, *arguments[number:]]
        out += _from_go(argument)
    return out


def _from_go(argument: str) -> list[str]:
    name, equals, value = argument.lstrip("-").partition("=")
    if not argument.startswith("-") or not name[:1].isalpha():
        return [argument]
    if equals and name in BOOLEAN and value in _TRUE:
        return [f"--{name}"]
    if equals and name in BOOLEAN and value in _FALSE:
        return []
    if len(name) == 1:
        return [f"-{name}", value] if equals else [argument]
    return [f"--{name}{equals}{value}"]
