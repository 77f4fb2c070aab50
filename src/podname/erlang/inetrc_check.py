"""Which lines of an inetrc the VM silently undoes, ignores or never uses.

Source: `inetrc_state`, whose rules are compared with a real VM in tests/cluster/test_inetrc_in_the_vm.py.
"""

from __future__ import annotations

from collections.abc import Iterator

from podname.corefile.suggest import suggest
from podname.erlang.diagnostic import Diagnostic
from podname.erlang.inetrc_directives import ARGUMENTS, BARE, name_of
from podname.erlang.inetrc_state import State, Undone, is_file, load, methods, word_of
from podname.erlang.term_reader import read
from podname.erlang.terms import Term
from podname.errors import Place, TermError

DISTRIBUTION_SECONDS = 7
"""The kernel's net_setuptime: a connection that takes longer is given up."""

_DEFAULT_TIMEOUT_MS = 2000
_DEFAULT_RETRIES = 3
_NOT_READ = ", and the Erlang VM then ignores the whole file"


def check(octets: bytes, file: str) -> list[Diagnostic]:
    """Tell everything that is wrong with a file, in the order of its lines."""
    try:
        text = octets.decode()
    except UnicodeDecodeError as error:
        line = octets[: error.start].count(b"\n") + 1
        return [Diagnostic(Place(file, line, 1), "this is not UTF-8" + _NOT_READ)]
    try:
        directives = read(text, file)
    except TermError as error:
        return [Diagnostic(error.place, error.message + _NOT_READ)]
    found = dict.fromkeys(_findings(directives))
    return sorted(found, key=lambda finding: (finding.place.line, finding.place.column))


def _findings(directives: tuple[Term, ...]) -> Iterator[Diagnostic]:
    state = load(directives)
    if state.refused is not None:
        yield _refused(state.refused, state.ignored)
        yield from (
            Diagnostic(directive.place, _below(state.refused)) for directive in state.ignored
        )
    yield from _unused(state)
    state.first_lookup()
    yield from (_undone(undone) for undone in state.undone)
    yield from _left(state)


def _refused(directive: Term, ignored: tuple[Term, ...]) -> Diagnostic:
    name = name_of(directive)
    if is_file(directive):
        message = f"{directive} names no kind of file that there is: the Erlang VM ignores the whole inetrc"
        return Diagnostic(directive.place, message)
    after = " and everything below it" if ignored else ""
    consequence = f"the Erlang VM ignores it{after}"
    if name in ARGUMENTS:
        return Diagnostic(
            directive.place, f"{directive} is not taken: {consequence}; write {ARGUMENTS[name][1]}"
        )
    close = suggest(name, [*ARGUMENTS, *BARE]) if name else None
    hint = f"; did you mean {close}?" if close else ""
    return Diagnostic(directive.place, f"{directive} is no directive: {consequence}{hint}")


def _below(refused: Term) -> str:
    return f"ignored, because the Erlang VM stops reading at {refused} on line {refused.place.line}"


def _undone(undone: Undone) -> Diagnostic:
    directive, by = undone.directive, undone.by
    if by is None:
        message = (
            f"{directive} is undone at the first look-up, when the Erlang VM reads /etc/resolv.conf:"
            ' write {resolv_conf, ""}. on a line above it'
        )
    else:
        message = f"{directive} is undone by {by} on line {by.place.line}"
        message += ": move that above it" if name_of(by) == "resolv_conf" else ""
    return Diagnostic(directive.place, message)


def _unused(state: State) -> Iterator[Diagnostic]:
    lookup = state.options.get("lookup")
    if lookup is not None:
        yield from _unknown_methods(lookup)
    servers = [*state.lists["nameservers"].values(), *state.lists["alt_nameservers"].values()]
    if servers and "dns" not in state.lookup:
        message = (
            f"{servers[0]} is not asked when Erlang nodes connect, because lookup is"
            f" [{','.join(state.lookup)}]: add {{lookup, [file, dns]}}."
        )
        yield Diagnostic(servers[0].place, message)
    if (
        lookup is not None
        and "native" in state.lookup[: -1 if state.lookup[-1:] == ("dns",) else 0]
    ):
        message = "native comes before dns: each name waits for the C library first"
        yield Diagnostic(lookup.place, message, "warning")


def _unknown_methods(lookup: Term) -> Iterator[Diagnostic]:
    known = methods(lookup)
    for item in lookup.items[1].items:
        word = word_of(item)
        if not methods(
            Term("tuple", lookup.place, items=(lookup, Term("list", item.place, items=(item,))))
        ):
            close = suggest(word, ["dns", "file", "native"])
            hint = f", did you mean {close}?" if close else ""
            message = f"{item} is no look-up method, and the Erlang VM drops it{hint}"
            yield Diagnostic(item.place, message)
    if not known:
        yield Diagnostic(lookup.place, "no look-up method is left: no host resolves but addresses")


def _left(state: State) -> Iterator[Diagnostic]:
    searches = state.lists["search"]
    alternatives = [*state.lists["alt_nameservers"].values()]
    if state.text("resolv_conf") == "" and not state.lists["nameservers"] and "dns" in state.lookup:
        place = state.options["resolv_conf"].place
        yield Diagnostic(
            place, 'after {resolv_conf, ""} no nameserver is left: add {nameserver, Address, Port}.'
        )
    if alternatives and searches and not state.lists["nameservers"]:
        message = f"{alternatives[0]} is asked for names with a dot only: search domains are never asked of it"
        yield Diagnostic(next(iter(searches.values())).place, message)
    yield from _slow(state)


def _slow(state: State) -> Iterator[Diagnostic]:
    timeout_ms, retries = (
        _number(state, "timeout", _DEFAULT_TIMEOUT_MS),
        _number(state, "retry", _DEFAULT_RETRIES),
    )
    waited = sum(timeout_ms * 2**attempt // retries for attempt in range(min(retries, 32))) / 1000
    directive = state.options.get("timeout") or state.options.get("retry")
    if directive is not None and waited > DISTRIBUTION_SECONDS:
        message = (
            f"a nameserver that is silent holds connecting up for {waited:g} s, and a connection is"
            f" given up after {DISTRIBUTION_SECONDS} s"
        )
        yield Diagnostic(directive.place, message, "warning")


def _number(state: State, option: str, default: int) -> int:
    directive = state.options.get(option)
    return int(directive.items[1].value) if directive else default
