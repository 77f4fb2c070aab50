"""The flags in ERL_FLAGS and the like, split and read as the Erlang VM does.

`erl` splits ERL_AFLAGS, ERL_FLAGS and ERL_ZFLAGS itself: quotes of either kind are taken away, a backslash escapes
outside of them only. Elixir's script leaves ELIXIR_ERL_OPTIONS to sh, which splits at blanks and keeps each quote.
Compared with a VM in tests/cluster/test_flags_in_the_vm.py.

Sources: Erlang/OTP erlexec.c `build_args_from_string`, init; Elixir bin/elixir.
"""

from __future__ import annotations

from collections.abc import Iterator

ELIXIR = "ELIXIR_ERL_OPTIONS"
VARIABLES = ("ERL_AFLAGS", ELIXIR, "ERL_FLAGS", "ERL_ZFLAGS")
"""In the order in which the VM gets them; a release's own flags come before ERL_FLAGS."""

UNKNOWN = "\ue000"
"""Stands for what only the pod knows."""


def split(variable: str, value: str) -> list[str]:
    """Split the value of a variable into arguments."""
    return value.split() if variable == ELIXIR else _erlexec(value)


def _erlexec(value: str) -> list[str]:
    words: list[str] = []
    word: str | None = None
    quote, at = "", 0
    while at < len(value):
        character = value[at]
        at += 1
        if quote:
            quote, added = ("", "") if character == quote else (quote, character)
            word = (word or "") + added
        elif character.isspace():
            words += [word] if word is not None else []
            word = None
        elif character in "\"'":
            quote, word = character, word or ""
        else:
            if character == "\\" and at < len(value):
                character, at = value[at], at + 1
            word = (word or "") + character
    return words + ([word] if word is not None else [])


def flags(words: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield each flag with its arguments, up to `-extra`."""
    found: list[tuple[str, list[str]]] = []
    for word in words:
        if word == "-extra":
            break
        if word[:1] in {"-", "+"}:
            found.append((word, []))
        elif found:
            found[-1][1].append(word)
    return iter(found)
