"""What the Corefile says of `ready`.

Source: CoreDNS plugin/ready/setup.go.
"""

from __future__ import annotations

from collections.abc import Sequence

from podname.corefile import Directive
from podname.plugins import http
from podname.plugins.base import Context, once
from podname.plugins.ready.handler import Board, Ready

_ADDRESS = ("", 8181)


def setup(directives: Sequence[Directive], context: Context) -> Ready:
    """Read `ready [ADDRESS] { monitor until-ready|continuously }`."""
    directive = once(directives)
    directive.expect(0, 1)
    address, continuously = _ADDRESS, False
    for token in directive.arguments:
        address = http.address(directive, token)
    for line in directive.block or ():
        if line.name.text != "monitor":
            raise line.error(f"unknown property '{line.name.text}'")
        (monitor,) = line.expect(1, 1)
        if monitor not in {"until-ready", "continuously"}:
            raise line.error(f"monitor type '{monitor}' not supported", line.arguments[0])
        continuously = monitor == "continuously"
    endpoint = http.claim(context.resources, address)
    board = context.resources.claim("ready board", Board)
    return Ready(endpoint, board, context.resources, continuously=continuously)
