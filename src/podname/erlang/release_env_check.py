"""What is wrong with a release's env.sh: lines that look right and do nothing, or keep the VM from starting.

It never runs the file; where a value depends on what only the pod knows it says nothing.

Source: mix help release; Erlang/OTP inet_config (a relative ERL_INETRC is not found), net_kernel (name forms).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from podname.erlang import shell, vm_flags, vm_flags_check
from podname.erlang.diagnostic import Diagnostic
from podname.erlang.node_host import Host
from podname.erlang.nodename import is_node_name
from podname.erlang.shell import Assignment, Piece, Script
from podname.errors import Place

_PROGRAMS = ("ERL_INETRC", *vm_flags.VARIABLES)
_READ = ("RELEASE_NODE", "RELEASE_DISTRIBUTION", "RELEASE_COOKIE", *_PROGRAMS)
_FORMS = ("name", "sname", "none")
_DEFAULT = re.compile(r"([A-Za-z_]\w*):?[-=](.*)", re.DOTALL)
_APART = re.compile(r"[A-Za-z_]\w*:?\+\s")
_MOST_STEPS = 50


def check(octets: bytes, file: str) -> list[Diagnostic]:
    """Tell what is wrong, in the order of the lines."""
    if octets.rstrip(b"\n").endswith(b"\r") or b"\r\n" in octets:
        message = "lines end with CR LF: sh takes the CR for a part of each value"
        return [Diagnostic(Place(file, 1, 1), message)]
    script = shell.read(octets.decode(errors="replace"), file)
    values: dict[str, tuple[Piece, ...]] = {}
    found = [Diagnostic(place, message) for place, message in script.problems]
    for assignment in script.assignments:
        value = _expanded(assignment.value, values)
        if assignment.name in _READ:
            found += _stray(assignment) if assignment.stray else _value(assignment, value)
            found += _not_exported(assignment, script)
        if assignment.name == "RELEASE_NODE":
            found += _node(assignment, value, _form(assignment, script))
        values[assignment.name] = value
    found += _together(script, values)
    return sorted(dict.fromkeys(found), key=lambda each: (each.place.line, each.place.column))


def _expanded(
    value: tuple[Piece, ...], values: dict[str, tuple[Piece, ...]], steps: int = 0
) -> tuple[Piece, ...]:
    """Put in what the script assigned before, and the defaults of what it did not."""
    out: list[Piece] = []
    for piece in value:
        default = _DEFAULT.fullmatch(piece.text) if piece.kind == "parameter" else None
        if piece.kind == "parameter" and piece.text in values:
            out += values[piece.text]
        elif default and default[1] in values:
            out += values[default[1]]
        elif default and steps < _MOST_STEPS:
            out += _expanded(shell.pieces(default[2]), values, steps + 1)
        else:
            out.append(piece)
    return tuple(out)


def _text(value: tuple[Piece, ...]) -> str:
    return "".join(map(_known, value))


def _known(piece: Piece) -> str:
    """Return what is known of a piece: `${NAME:+ word}` begins with a blank, or is nothing."""
    if piece.kind == "text":
        return piece.text
    is_apart = piece.kind == "parameter" and _APART.match(piece.text)
    return f" {vm_flags.UNKNOWN}" if is_apart else vm_flags.UNKNOWN


def _stray(assignment: Assignment) -> Iterator[Diagnostic]:
    takes = "another name to export" if assignment.is_exported else "a command"
    yield Diagnostic(
        assignment.place,
        f"the value of {assignment.name} is not quoted: it ends before {assignment.stray}, which sh takes for {takes}",
    )


def _not_exported(assignment: Assignment, script: Script) -> Iterator[Diagnostic]:
    name = assignment.name
    if name in _PROGRAMS and name not in script.exported and not script.exports_all:
        message = f"{name} is not exported: the VM never sees it, write export {name}"
        yield Diagnostic(assignment.place, message)


def _value(assignment: Assignment, value: tuple[Piece, ...]) -> Iterator[Diagnostic]:
    name, place, text = assignment.name, assignment.place, _text(value)
    is_known = vm_flags.UNKNOWN not in text
    if name == "ERL_INETRC" and is_known and not text.startswith("/"):
        message = f"ERL_INETRC={text} is not absolute: the VM does not find it, and goes on without"
        yield Diagnostic(place, message)
    if name == "RELEASE_DISTRIBUTION" and is_known and text not in _FORMS:
        yield Diagnostic(place, f"RELEASE_DISTRIBUTION={text} is none of {', '.join(_FORMS)}")
    if name in vm_flags.VARIABLES:
        yield from (Diagnostic(place, message) for message in vm_flags_check.mistakes(name, text))
        yield from (
            Diagnostic(place, message, "warning")
            for message in vm_flags_check.missing_files(name, text)
        )
        yield from _lost(assignment)


def _lost(assignment: Assignment) -> Iterator[Diagnostic]:
    name = assignment.name
    if f"${name}" not in assignment.source and f"${{{name}" not in assignment.source:
        message = f"{name} of the pod is lost here: end with ${{{name}:+ ${name}}}"
        yield Diagnostic(assignment.place, message, "warning")


def _together(script: Script, values: dict[str, tuple[Piece, ...]]) -> Iterator[Diagnostic]:
    """Check the flags of all variables at once: the VM gets them as one list."""
    words = [
        word
        for name in vm_flags.VARIABLES
        for word in vm_flags.split(name, _text(values.get(name, ())))
    ]
    given = dict(vm_flags.flags(words))
    sources = " ".join(
        each.source for each in script.assignments if each.name in vm_flags.VARIABLES
    )
    for each in script.assignments:
        if each.name in vm_flags.VARIABLES:
            yield from _flags(each.place, _text(each.value), given, sources)


def _flags(
    place: Place, value: str, given: dict[str, list[str]], sources: str
) -> Iterator[Diagnostic]:
    if "-erl_epmd_port" in value and given.get("-start_epmd", [])[:1] != ["false"]:
        message = (
            "-erl_epmd_port without -start_epmd false: a node still starts epmd and registers there"
        )
        yield Diagnostic(place, message, "warning")
    if "-erl_epmd_port" in value and "listen" not in sources:
        message = "each `remote` and `rpc` listens on the same port and fails: give those -dist_listen false"
        yield Diagnostic(place, message, "warning")
    is_tls = given.get("-proto_dist", [])[:1] in (["inet_tls"], ["inet6_tls"], [vm_flags.UNKNOWN])
    if "-ssl_dist_optfile" in value and not is_tls:
        message = "-ssl_dist_optfile without -proto_dist inet_tls: distribution is not encrypted"
        yield Diagnostic(place, message)


def _form(node: Assignment, script: Script) -> str:
    """Return which form goes with a node's name: that of its branch, or else the last one of the file."""
    given = [each for each in script.assignments if each.name == "RELEASE_DISTRIBUTION"]
    near = [each for each in given if each.block == node.block] or given
    return _text(_expanded(near[-1].value, {})) if near else "sname"


def _node(assignment: Assignment, value: tuple[Piece, ...], form: str) -> Iterator[Diagnostic]:
    name, at, after = _at(value)
    place, node = assignment.place, assignment.source
    text = _text(name)
    if at and vm_flags.UNKNOWN not in text and not is_node_name(text):
        message = f"{node}: {text!r} cannot stand before the @: letters, digits, - and _ can"
        yield Diagnostic(place, message)
    if not at or form not in _FORMS:
        return
    host = Host.of(after)
    if form == "sname" and host.is_address:
        message = (
            f"{node} is called after an address, whose dots RELEASE_DISTRIBUTION=sname does not take:"
            " the VM does not start; for a pod's short name leave out the @ and the address"
        )
        yield Diagnostic(place, message)
    elif form == "sname" and host.has_dot:
        message = f"{node} has a dot, which RELEASE_DISTRIBUTION=sname does not take: write name"
        yield Diagnostic(place, message)
    elif form == "name" and host.is_address:
        message = (
            f"{node} is called after an address: no name of a pod is used, and the node is another one after"
            " each restart; `podname release-env --long` prints one that is called after its pod"
        )
        yield Diagnostic(place, message, "warning")
    elif form == "name" and host.is_short:
        message = (
            f"{node} has no dot, which RELEASE_DISTRIBUTION=name does not take: every other VM refuses to connect"
            " to it; end with .<namespace>.pod.<zone>, or write sname"
        )
        yield Diagnostic(place, message)


def _at(value: tuple[Piece, ...]) -> tuple[tuple[Piece, ...], bool, tuple[Piece, ...]]:
    """Split a node's name at its first @."""
    for index, piece in enumerate(value):
        if piece.kind == "text" and "@" in piece.text:
            before, _, after = piece.text.partition("@")
            return (
                (*value[:index], Piece("text", before)),
                True,
                (Piece("text", after), *value[index + 1 :]),
            )
    return value, False, ()
