"""What a resolv.conf says, as the C library reads it.

Source: resolv.conf(5).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from podname.dns import addresses
from podname.dns.nameserver import Nameserver

_NAMESERVERS_MOST = 3
_NDOTS_MOST = 15


@dataclass(frozen=True)
class ResolvConf:
    """What a resolv.conf says; `problem` when there is none."""

    nameservers: tuple[Nameserver, ...] = ()
    search: tuple[str, ...] = ()
    domain: str = ""
    ndots: int = 1
    problem: str = ""


def parse(text: str) -> ResolvConf:
    """Read the lines of a resolv.conf: the last `search` or `domain` counts. What is not understood is skipped."""
    servers: list[Nameserver] = []
    search: tuple[str, ...] = ()
    domain, ndots = "", 1
    for line in text.splitlines():
        match line.split():
            case ["nameserver", address, *_]:
                if addresses.parse(address) is not None:
                    servers.append(Nameserver(ipaddress.ip_address(address)))
            case ["search", *domains]:
                search = tuple(each.rstrip(".") for each in domains)
            case ["domain", name, *_]:
                domain, search = name.rstrip("."), (name.rstrip("."),)
            case ["options", *options]:
                ndots = _ndots(options, ndots)
            case _:
                pass
    return ResolvConf(tuple(servers[:_NAMESERVERS_MOST]), search, domain, ndots)


def _ndots(options: Sequence[str], ndots: int) -> int:
    for option in options:
        name, _, value = option.partition(":")
        if name == "ndots" and value.isascii() and value.isdecimal():
            ndots = min(int(value), _NDOTS_MOST)
    return ndots
