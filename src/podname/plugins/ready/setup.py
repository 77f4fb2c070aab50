"""What the Corefile says of `ready`.

Source: CoreDNS plugin/ready/setup.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from podname.corefile import Directive
from podname.corefile.properties import Properties, choice, prop
from podname.plugins import http
from podname.plugins.base import Context, once
from podname.plugins.ready.handler import Board, Ready

_ADDRESS = ("", 8181)


@dataclass(frozen=True, slots=True)
class Options(Properties):
    """What `ready` takes."""

    SYNTAX = "[ADDRESS]"

    monitor: str = prop("until-ready", choice("until-ready", "continuously"))


def setup(directives: Sequence[Directive], context: Context) -> Ready:
    """Make the plugin. Raises CorefileError."""
    directive = once(directives)
    address = http.address(directive, _ADDRESS)
    continuously = Options.read(directive, context).monitor == "continuously"
    endpoint = http.claim(context.resources, address)
    board = context.resources.claim("ready board", Board)
    return Ready(endpoint, board, context.resources, continuously=continuously)
