"""What an inetrc comes to: what `podname inetrc --check` finds in it, and what is in effect after the first look-up.

Source: `podname.erlang.inetrc_state`, which tells the VM's rules.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from podname.dns.nameserver import Nameserver
from podname.dns.resolv_conf import ResolvConf
from podname.erlang.inetrc_check import check
from podname.erlang.inetrc_state import State, load
from podname.erlang.term_reader import read
from podname.errors import TermError


@dataclass(frozen=True)
class Inetrc:
    """The Erlang resolver's own configuration: what was found in it, and what is in effect after all."""

    path: str
    problem: str = ""
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    domain: str = ""
    methods: tuple[str, ...] = ("native",)  # how hosts are resolved, in order
    nameservers: tuple[Nameserver, ...] = ()
    alternatives: tuple[Nameserver, ...] = ()
    search: tuple[str, ...] = ()


def look(path: str, conf: ResolvConf) -> Inetrc:
    """Read an inetrc; what it leaves to resolv.conf is taken from there."""
    try:
        octets = Path(path).read_bytes()
    except OSError as error:
        return Inetrc(path, f"cannot read {path}: {error.strerror}")
    found = check(octets, path)
    errors = tuple(str(each) for each in found if each.severity == "error")
    warnings = tuple(str(each) for each in found if each.severity == "warning")
    try:
        state = load(read(octets.decode(), path))
    except (TermError, UnicodeDecodeError):  # then the VM does as if there were none
        state = State()
    state.first_lookup()
    uses_conf = state.text("resolv_conf") != ""
    servers = state.servers("nameservers")
    return Inetrc(
        path,
        errors=errors,
        warnings=warnings,
        domain=state.text("domain") or "",
        methods=state.lookup,
        nameservers=servers or (conf.nameservers if uses_conf else ()),
        alternatives=state.servers("alt_nameservers"),
        search=state.entries("search") or (conf.search if uses_conf else ()),
    )
