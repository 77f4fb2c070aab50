"""The name of an Erlang node: what stands before the `@`, and a host.

A host without a dot makes a short name, any other a long one; an address counts as long. Nodes of the two forms never
connect: each VM refuses the other's form before it dials.

Sources: OTP lib/kernel net_kernel.erl `create_name`, dist_util.erl, inet_tcp_dist.erl `splitnode`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from podname.dns import addresses
from podname.errors import PodnameError

_HEAD = re.compile(r"[0-9A-Za-z_-]+")
_HOST = re.compile(r"[!-~\u00a1-\u00ff]*")

ENVIRONMENT = "the environment"
ASSUMED = "the form of the other node"
"""What tells the own name where nothing else does: only its form, and that is a guess."""

ANY = "*"
"""Stands for the name before the `@` where only the host is known."""


class BadNode(PodnameError):
    """This is no name of an Erlang node."""


@dataclass(frozen=True)
class NodeName:
    """`name@host`."""

    name: str
    host: str

    def __str__(self) -> str:
        return f"{self.name}@{self.host}"

    @property
    def is_long(self) -> bool:
        """Whether only nodes that were started with `-name` can connect to it."""
        return is_long(self.host)

    @property
    def form(self) -> str:
        """`long` or `short`."""
        return "long" if self.is_long else "short"

    @property
    def is_address(self) -> bool:
        """Whether its host is an address, which needs no resolver."""
        return is_address(self.host)


def is_node_name(text: str) -> bool:
    """Tell what may stand before the @ of a node."""
    return _HEAD.fullmatch(text) is not None


def is_address(host: str) -> bool:
    """Whether a host is an address, which needs no resolver."""
    return addresses.parse(host) is not None


def is_long(host: str) -> bool:
    """Whether a node at this host has a long name."""
    return "." in host or ":" in host


def parse(text: str) -> NodeName:
    """Read `name@host`. Raises BadNode."""
    name, at, host = text.partition("@")
    if not at:
        raise BadNode(f"{text!r} is no node: write NAME@HOST, as node() says it")
    if not is_node_name(name):
        raise BadNode(f"{text!r} is no node: before the @ stand letters, digits, _ and - only")
    if not host or not _HOST.fullmatch(host) or "@" in host:
        raise BadNode(f"{text!r} is no node: {host!r} is no host")
    return NodeName(name, host)
