"""What the Corefile says of `loadbalance`.

Source: CoreDNS plugin/loadbalance/setup.go.
"""

from __future__ import annotations

from collections.abc import Sequence

from podname.corefile import Directive
from podname.plugins.base import Context
from podname.plugins.loadbalance.handler import LoadBalance


def setup(directives: Sequence[Directive], context: Context) -> LoadBalance:
    """Read `loadbalance [round_robin]`; `weighted` and `prefer` are refused by name."""
    for directive in directives:
        _refuse_policies(directive)
        for line in directive.block or ():
            if line.name.text == "prefer":
                raise line.error("podname does not support 'prefer' of loadbalance yet")
            raise line.error(f"unknown property '{line.name.text}'")
    return LoadBalance()


def _refuse_policies(directive: Directive) -> None:
    if not directive.arguments:
        return
    policy = directive.arguments[0]
    if policy.text == "weighted":
        raise directive.error("podname does not support 'weighted' of loadbalance yet", policy)
    if policy.text != "round_robin":
        raise directive.error(f"unknown policy: {policy.text} (round_robin)", policy)
    directive.expect(0, 1)
