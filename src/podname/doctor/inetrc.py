"""What an inetrc comes to: what `podname inetrc --check` finds in it, and what is in effect after the first look-up.

Source: `podname.attach.inetrc_state`, which tells the VM's rules.
"""

from __future__ import annotations

import re
from pathlib import Path

from podname.attach.inetrc_check import check
from podname.attach.inetrc_state import State, load
from podname.attach.term_reader import read
from podname.dns import addresses
from podname.doctor.facts import Inetrc, Nameserver, ResolvConf
from podname.errors import TermError

_NUMBERS = re.compile(r"\d+")


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
    servers = _servers(state, "nameservers")
    return Inetrc(
        path,
        errors=errors,
        warnings=warnings,
        domain=state.text("domain") or "",
        methods=state.lookup,
        nameservers=servers or (conf.nameservers if uses_conf else ()),
        alternatives=_servers(state, "alt_nameservers"),
        search=state.entries("search") or (conf.search if uses_conf else ()),
    )


def _servers(state: State, which: str) -> tuple[Nameserver, ...]:
    return tuple(
        server for entry in state.entries(which) if (server := read_server(entry)) is not None
    )


def read_server(entry: str) -> Nameserver | None:
    """Read `{{127,0,0,53},5353}`; an IPv6 address has eight numbers."""
    numbers = [int(each) for each in _NUMBERS.findall(entry)]
    *parts, port = numbers or [0]
    if len(parts) == 4 and all(part < 256 for part in parts):
        return Nameserver(addresses.to_text(bytes(parts)), port)
    if len(parts) == 8 and all(part < 65536 for part in parts):
        octets = b"".join(part.to_bytes(2, "big") for part in parts)
        return Nameserver(addresses.to_text(octets), port)
    return None
