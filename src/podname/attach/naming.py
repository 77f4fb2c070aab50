"""The variables that name a container's node, RELEASE_DISTRIBUTION and RELEASE_NODE: what is there is kept or refused.

Source: mix help release, "Environment variables"; `release_node` for what is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from podname.attach.containers import Container
from podname.attach.environment import ELSEWHERE, JOB, NAMESPACE, POD
from podname.attach.hostname import BY_POD, Hostname, hostname_of
from podname.attach.release_node import Wanted, refusal
from podname.attach.ways import Options, Owner, domain_of
from podname.erlang.nodename import is_node_name

NODE, DISTRIBUTION = "RELEASE_NODE", "RELEASE_DISTRIBUTION"
_NAMESPACE = ("POD_NAMESPACE", "metadata.namespace")


@dataclass(frozen=True, slots=True)
class Called:
    """What there is to say of a node's name; it must be said when nobody gave that name."""

    text: str
    is_guess: bool = False


class Naming:
    """How the nodes of a workload's pods are called."""

    def __init__(self, spec: dict[str, Any], owner: Owner, options: Options) -> None:
        self._spec = spec
        self._owner = owner
        self._options = options
        self._hostname = self._hostname_of_a_pod()

    def _hostname_of_a_pod(self) -> Hostname:
        options, owner = self._options, self._owner
        if options.publish:
            return BY_POD
        in_service = options.via == "subdomain"
        return hostname_of(
            self._spec, owner.kind, is_indexed=owner.is_indexed, in_service=in_service
        )

    def name(self, container: Container) -> Called:
        """Set both variables, and say how the node is called."""
        node = self._settled(container.meanings().get(NODE, ""))
        if not node and self._options.is_long:
            for variable, path in (*self._hostname.fields.items(), _NAMESPACE):
                container.field(variable, path)
        self._distribution(container)
        if not node:
            return self._new_node(container)
        if reason := refusal(node, self._wanted()):
            container.refuse(NODE, reason)
        if ELSEWHERE in node:
            text = f"{NODE} comes from elsewhere: nothing with a dot may stand behind its @"
            return Called(text, is_guess=True)
        return Called(f"its node is {node}")

    def _distribution(self, container: Container) -> None:
        options = self._options
        needed, other = ("name", "sname") if options.is_long else ("sname", "name")
        kind, ways = ("long", "search") if options.is_long else ("short", "inetrc, epmd or subdomain")  # fmt: skip
        is_now = container.meanings().get(DISTRIBUTION)
        if is_now == other:
            message = f"does not go with --via {options.via}, whose names are {kind}: remove it, or take {ways}"
            container.refuse(DISTRIBUTION, message)
        elif is_now == "none":
            container.refuse(DISTRIBUTION, "switches distribution off: remove it")
        elif is_now != needed:
            container.set(DISTRIBUTION, needed)

    def _new_node(self, container: Container) -> Called:
        options, hostname = self._options, self._hostname
        host = self._settled(hostname.meaning)
        if not options.is_long:
            if options.node:
                container.set(NODE, options.node)
            return Called(f"its node is {options.node or '<release>'}@{host}")
        name = options.node or container.name
        if not is_node_name(name):
            container.complain(f"{name!r} cannot stand before the @ of a node: give --node")
        domain = domain_of(options, self._owner, self._spec, "$(POD_NAMESPACE)")
        container.set(NODE, f"{name}@{hostname.text}.{domain}")
        namespace = self._owner.namespace or NAMESPACE
        called = (
            f"its node is {name}@{host}.{domain_of(options, self._owner, self._spec, namespace)}"
        )
        if options.node:
            return Called(called)
        return Called(f"{called}, after the container: --node says otherwise", is_guess=True)

    def _wanted(self) -> Wanted:
        options = self._options
        domain = domain_of(options, self._owner, self._spec, NAMESPACE)
        own = {POD, self._hostname.meaning}
        named = {self._hostname.meaning} if options.via == "subdomain" else own
        return Wanted(
            options.is_long,
            options.node,
            frozenset(map(self._settled, own)),
            frozenset(self._settled(f"{host}.{domain}") for host in named),
        )

    def _settled(self, meaning: str) -> str:
        """Put in what is known before there is a pod."""
        owner = self._owner
        known = {NAMESPACE: owner.namespace, POD if owner.kind == "Pod" else JOB: owner.name}
        for field, value in known.items():
            meaning = meaning.replace(field, value) if value else meaning
        return meaning
