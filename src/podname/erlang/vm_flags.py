"""The flags in ERL_FLAGS and the like, split and read as the Erlang VM does.

`erl` splits ERL_AFLAGS, ERL_FLAGS and ERL_ZFLAGS itself: quotes of either kind are taken away, a backslash escapes
outside of them only. Elixir's script leaves ELIXIR_ERL_OPTIONS to sh, which splits at blanks and keeps each quote. What
is left for `-kernel key value` must be an Erlang term, or the VM ends at once. Compared with a VM in
tests/cluster/test_flags_in_the_vm.py.

Sources: Erlang/OTP erlexec.c `build_args_from_string`, init, application_controller `conv`; Elixir bin/elixir.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest

from podname.erlang.term_reader import read
from podname.erlang.terms import Term, as_text
from podname.errors import TermError

ELIXIR = "ELIXIR_ERL_OPTIONS"
VARIABLES = ("ERL_AFLAGS", "ERL_FLAGS", "ERL_ZFLAGS", ELIXIR)
UNKNOWN = "\ue000"
"""Stands for what only the pod knows."""

_APPLICATIONS = frozenset({"kernel", "stdlib"})


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


def mistakes(variable: str, value: str) -> Iterator[str]:
    """Return what the VM does not take, or takes for something else."""
    for flag, arguments in flags(split(variable, value)):
        if flag[1:] in _APPLICATIONS and flag[0] == "-":
            yield from _pairs(variable, flag, arguments)


def _pairs(variable: str, flag: str, arguments: list[str]) -> Iterator[str]:
    for key, value in zip_longest(arguments[::2], arguments[1::2]):
        if UNKNOWN in key:
            return  # it may be several arguments, or none
        if value is None:
            yield f"{variable}: {flag} {key} has no value: the VM goes on without"
            return
        if UNKNOWN in value:
            continue
        terms = [_term(key), _term(value)]
        if None in terms:
            yield (
                f"{variable}: the VM gets {flag} {key} {value}, which is not an Erlang term, and ends at once"
                + _instead(variable, flag, key, value)
            )
            return
        elif key == "inetrc" and terms[1] is not None:
            yield from _inetrc(variable, terms[1])


def _inetrc(variable: str, term: Term) -> Iterator[str]:
    path = str(term.value) if term.kind == "atom" else as_text(term)
    if path is None or not path.startswith("/"):
        yield (
            f"{variable}: -kernel inetrc {term} is not the absolute path of a file: the VM goes on without;"
            " write export ERL_INETRC=/path"
        )


def _instead(variable: str, flag: str, key: str, value: str) -> str:
    if key == "inetrc":
        return "; write export ERL_INETRC=/path in its place"
    if value[:1] == "/" and variable != ELIXIR:
        return f"; for a text write {flag} {key} '\"{value}\"' inside of it"
    return "; keys and values stand apart by blanks alone, and a term that has some needs quotes"


def _term(text: str) -> Term | None:
    try:
        terms = read(f"{text} .", "")
    except TermError:
        return None
    return terms[0] if len(terms) == 1 else None
