"""Go's way of writing flags, made into what click reads.

Go takes `-flag`, `--flag`, `-flag=value`, `--flag=value`, and `-bool=true` or `-bool=false`. click
reads most of that when an option is declared with both dashes; what it does not is put right here.

Source: Go's package flag.
"""

from __future__ import annotations

from collections.abc import Sequence

BOOLEAN = frozenset({"quiet", "version", "plugins"})
_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})


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
    if not argument.startswith("-") or not equals:
        return [argument]
    if name in BOOLEAN and value in _TRUE:
        return [f"--{name}"]
    if name in BOOLEAN and value in _FALSE:
        return []
    return [f"--{name}", value] if name == "p" else [argument]
