"""What the Corefile says of `loadbalance`.

Source: CoreDNS plugin/loadbalance/setup.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from podname.corefile import Directive
from podname.corefile.properties import Properties
from podname.plugins.base import Context, one_counts
from podname.plugins.loadbalance.handler import LoadBalance


@dataclass(frozen=True, slots=True)
class Options(Properties):
    """What `loadbalance` takes."""

    SYNTAX = "[round_robin]"
    LATER = frozenset({"prefer"})


def setup(directives: Sequence[Directive], context: Context) -> LoadBalance:
    """Make the plugin; `weighted` and `prefer` are refused by name. Raises CorefileError."""
    for directive in directives:
        _refuse_policies(directive)
        Options.read(directive, context)
    one_counts(directives, context)
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
