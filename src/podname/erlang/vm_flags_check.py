"""What is wrong with the flags in ERL_FLAGS and the like: what the VM does not take, or takes for something else.

What is left for `-kernel key value` must be an Erlang term, or the VM ends at once. A flag that ends its variable has
no value, whatever follows in another one. Of several `-sname` the first counts, even one without a value. Each rule is
compared with a VM in tests/cluster/test_flags_in_the_vm.py.

A file is looked for here, and the node runs elsewhere: that one is missing is a warning.

Sources: Erlang/OTP erlexec.c, application_controller `conv` and `check_conf`, net_kernel.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

from podname.erlang.term_reader import read
from podname.erlang.terms import Term, as_text
from podname.erlang.vm_flags import ELIXIR, UNKNOWN, flags, split
from podname.errors import TermError

_APPLICATIONS = frozenset({"-kernel", "-stdlib"})
_NAMES = frozenset({"-name", "-sname"})
_NAME_FIRST = frozenset({"ERL_AFLAGS", ELIXIR})  # before what a release gives itself


def mistakes(variable: str, value: str) -> Iterator[str]:
    """Return what keeps the VM from starting as it is meant to."""
    words = split(variable, value)
    given = list(flags(words))
    yield from _without_value(variable, words, given)
    for flag, arguments in given:
        if flag in _APPLICATIONS:
            yield from _pairs(variable, flag, arguments)


def missing_files(variable: str, value: str) -> Iterator[str]:
    """Return which files are not here, where their whole paths are known."""
    for flag, arguments in flags(split(variable, value)):
        for name in _files(flag, arguments):
            if name.startswith("/") and UNKNOWN not in name and not Path(name).is_file():
                yield f"{variable}: {flag} {name} is not on this machine: the VM does not start where it is missing"


def _files(flag: str, arguments: list[str]) -> list[str]:
    if flag == "-args_file":
        return arguments[:1]
    names = arguments if flag == "-config" else []
    return [name if name.endswith(".config") else f"{name}.config" for name in names]


def _without_value(
    variable: str, words: list[str], given: list[tuple[str, list[str]]]
) -> Iterator[str]:
    last = words[-1] if words else ""
    if given and variable != ELIXIR and last in _NAMES and given[-1] == (last, []):
        yield f"{variable} ends with {last}, which needs a name: the VM does not start"
    elif variable in _NAME_FIRST:
        yield from _unnamed(variable, words, given)
    for flag, arguments in given:
        if flag in {"-args_file", "-config"} and not arguments:
            yield f"{variable}: {flag} has no file: the VM does not start"
        elif flag == "-start_epmd" and not _is_boolean(arguments[:1]):
            yield f"{variable}: {flag} needs true or false: the VM does not start"


def _is_boolean(arguments: list[str]) -> bool:
    return any(each in {"true", "false"} or UNKNOWN in each for each in arguments)


def _unnamed(variable: str, words: list[str], given: list[tuple[str, list[str]]]) -> Iterator[str]:
    arguments = next((arguments for flag, arguments in given if flag == "-sname"), None)
    if arguments is None or len(arguments) == 1:
        return
    before = words[: words.index("-sname")]
    if not any(UNKNOWN in word for word in (*before, *arguments)):
        yield f"{variable}: -sname takes one name, not {len(arguments)}: the VM starts without any"


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
