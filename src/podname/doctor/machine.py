"""What the machine, or the pod that one sits in, says of itself: hostname, resolv.conf, environment.

Sources: resolv.conf(5), hostname(1).
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Mapping
from pathlib import Path

from podname.dns import addresses
from podname.doctor import environment
from podname.doctor.facts import Machine, Nameserver, ResolvConf

RESOLV_CONF = Path("/etc/resolv.conf")
_NDOTS_MOST = 15


def look(variables: Mapping[str, str], resolv_conf: Path = RESOLV_CONF) -> Machine:
    """Look around."""
    hostname = socket.gethostname()
    found = environment.cookie(variables)
    return Machine(
        hostname,
        _fqdn(hostname),
        read_resolv_conf(resolv_conf),
        environment.erlang(variables),
        found[0] if found else None,
    )


def read_resolv_conf(path: Path) -> ResolvConf:
    """Read a resolv.conf; what is not understood in it is skipped, as the C library does."""
    try:
        text = path.read_text("utf-8", "replace")
    except OSError as error:
        return ResolvConf(problem=f"cannot read {path}: {error.strerror}")
    return parse_resolv_conf(text)


def parse_resolv_conf(text: str) -> ResolvConf:
    """Read the lines of a resolv.conf: the last `search` or `domain` counts."""
    servers: list[Nameserver] = []
    search: tuple[str, ...] = ()
    domain, ndots = "", 1
    for line in text.splitlines():
        match line.split():
            case ["nameserver", address, *_]:
                if addresses.parse(address) is not None:
                    servers.append(Nameserver(address))
            case ["search", *domains]:
                search = tuple(each.rstrip(".") for each in domains)
            case ["domain", name, *_]:
                domain, search = name.rstrip("."), (name.rstrip("."),)
            case ["options", *options]:
                ndots = _ndots(options, ndots)
            case _:
                pass
    return ResolvConf(tuple(servers[:3]), search, domain, ndots)


def _ndots(options: list[str], ndots: int) -> int:
    for option in options:
        name, _, value = option.partition(":")
        if name == "ndots" and value.isascii() and value.isdecimal():
            ndots = min(int(value), _NDOTS_MOST)
    return ndots


def _fqdn(hostname: str) -> str:
    """Return what `hostname -f` prints: the canonical name that the resolver has for the hostname."""
    with contextlib.suppress(OSError):
        found = socket.getaddrinfo(hostname.encode(), None, flags=socket.AI_CANONNAME)
        return found[0][3] or hostname
    return ""
