"""Whether the RELEASE_NODE that is there gives a node that is found by its pod's name.

`mix release` starts the VM with `-sname $RELEASE_NODE` or `-name $RELEASE_NODE`. With short names a host has no dot,
and the VM does not boot with one; with long names it must have one. `RULES` says for each form of RELEASE_NODE what
becomes of it. Who removes what is refused gets a workload that works: nothing else is asked of the variable.

Sources: mix help release, "Environment variables"; Erlang/OTP net_kernel (`create_name`); each rule is tried with a
real VM by tests/cluster/test_inject_in_the_vm.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from podname.attach.environment import ADDRESS, ELSEWHERE
from podname.erlang.nodename import is_address, is_node_name

Form = Literal[
    "elsewhere", "unexpanded", "broken", "bare", "own", "complete", "address", "dotted", "other"
]  # fmt: skip
_HEAD = re.compile(r"(?:[0-9A-Za-z_-]|<pod>|<namespace>|<job>|<index>)+")
_KEPT = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """What becomes of a form: empty where it is kept, else why it is refused."""

    short: str
    long: str


_UNEXPANDED = "holds a variable that nobody expands: Kubernetes knows only $(NAME), of a variable above it in the list"
_ADDRESS = "names an address, so that the node would not be called by its pod"
_BROKEN = "is no node's name"
_DOT = "names a host with a dot, with which a VM of short names does not boot"
_NO_DOMAIN = "names no complete host, as long names must"
_OTHER = "names another host"
RULES: dict[Form, Rule] = {
    "bare": Rule(_KEPT, _NO_DOMAIN),
    "own": Rule(_KEPT, _NO_DOMAIN),
    "complete": Rule(_DOT, _KEPT),
    "dotted": Rule(_DOT, _OTHER),
    "address": Rule(_ADDRESS, _ADDRESS),
    "other": Rule(_OTHER, _OTHER),
    "unexpanded": Rule(_UNEXPANDED, _UNEXPANDED),
    "broken": Rule(_BROKEN, _BROKEN),
    "elsewhere": Rule(_KEPT, "comes from elsewhere, where it cannot be seen"),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """How a node may be called: by `head` before the @ (empty: any), by `own` short hosts, by `complete` long ones."""

    is_long: bool
    head: str
    own: frozenset[str]
    complete: frozenset[str]


def form_of(node: str, wanted: Wanted) -> Form:
    """Tell the form of what a RELEASE_NODE means."""
    head, _, host = node.partition("@")
    if ELSEWHERE in node:
        return "elsewhere"
    if "$" in node:
        return "unexpanded"
    if not _HEAD.fullmatch(head):
        return "broken"
    if not host:
        return "bare"
    if host in wanted.own:
        return "own"
    if host in wanted.complete:
        return "complete"
    if ADDRESS in host or is_address(host.strip("[]")):
        return "address"
    return "dotted" if "." in host else "other"


def refusal(node: str, wanted: Wanted) -> str:
    """Return why a RELEASE_NODE is refused, and what to do; empty when it is kept."""
    head = node.partition("@")[0]
    rule = RULES[form_of(node, wanted)]
    reason = rule.long if wanted.is_long else rule.short
    if not reason and wanted.head not in {"", head}:
        reason = f"is not called {wanted.head}, as --node says"
    if not reason:
        return ""
    is_lost = wanted.is_long and not wanted.head and is_node_name(head)
    return f"{reason}: remove it" + (f", and give --node {head} to stay {head}@" if is_lost else "")
