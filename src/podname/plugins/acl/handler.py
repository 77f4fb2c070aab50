"""Refuse, empty or drop questions by the client's network and the type that is asked for.

Sources: RFC 8914 §4.16, §4.18 (Blocked, Filtered); CoreDNS 1.15.0 plugin/acl.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import TYPE_CHECKING

from podname.dns import constants as c
from podname.dns.edns import extended_error
from podname.dns.names import longest_match, to_text
from podname.dns.reply import deny, with_opt
from podname.engine.base import Code
from podname.plugins.base import Draft, Next, Plugin, Reply, Request

if TYPE_CHECKING:
    from prometheus_client.core import Metric

Network = IPv4Network | IPv6Network
_BLOCKED, _FILTERED = 15, 17


class Action(Enum):
    """What becomes of a question; the values are CoreDNS's words in its metrics."""

    ALLOW = "allowed"
    BLOCK = "blocked"
    FILTER = "filtered"
    DROP = "dropped"


@dataclass(frozen=True, slots=True)
class Policy:
    """One line: what becomes of questions for these types from these networks; empty is every one."""

    action: Action
    types: frozenset[int] = frozenset()
    networks: tuple[Network, ...] = ()

    def is_about(self, qtype: int, address: str) -> bool:
        """Return whether a question is meant."""
        if self.types and qtype not in self.types:
            return False
        if not self.networks:
            return True
        client = ip_address(address.partition("%")[0])
        mapped = getattr(client, "ipv4_mapped", None)
        return any((mapped or client) in network for network in self.networks)


@dataclass(frozen=True, slots=True)
class Rule:
    """One `acl` directive."""

    zones: frozenset[bytes]
    policies: tuple[Policy, ...]


class Acl(Plugin):
    """All `acl` directives of a block, in the order of the Corefile."""

    name = "acl"

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = rules
        self._counts: Counter[tuple[Action, str, str, str]] = Counter()

    def plan(self, draft: Draft) -> None:
        """Ask the engine for questions that a policy other than to allow may be about."""
        for rule in self.rules:
            types = [policy.types for policy in rule.policies]
            every = frozenset().union(*types) if all(types) else frozenset[int]()
            draft.layers.append(Code(tuple(sorted(rule.zones)), every))

    async def serve(self, request: Request, next_: Next) -> Reply:
        """Do what the first policy says that is about the question."""
        zone, action = self._decision(request)
        self._counts[action, request.client.server, zone, request.view] += 1
        if action is Action.ALLOW:
            return await next_(request)
        request.plugin = self.name
        if action is Action.DROP:
            return None
        is_blocked = action is Action.BLOCK
        opt = extended_error(_BLOCKED if is_blocked else _FILTERED)
        rcode = c.REFUSED if is_blocked else c.NOERROR
        return with_opt(deny(request.query, rcode), opt)

    def collect(self) -> Iterable[Metric]:
        """Return its counts."""
        from prometheus_client.core import CounterMetricFamily  # noqa: PLC0415 - start time counts

        for action in Action:
            zone = () if action is Action.ALLOW else ("zone",)
            family = CounterMetricFamily(
                f"coredns_acl_{action.value}_requests_total",
                f"Counter of DNS requests being {action.value}.",
                labels=("server", *zone, "view"),
            )
            for (counted, server, name, view), count in self._counts.items():
                if counted is action:
                    family.add_metric((server, *((name,) if zone else ()), view), count)
            yield family

    def _decision(self, request: Request) -> tuple[str, Action]:
        query, address = request.query, request.client.address
        for rule in self.rules:
            zone = longest_match(query.folded, rule.zones)
            if zone is None:
                continue
            for policy in rule.policies:
                if policy.is_about(query.qtype, address):
                    if policy.action is Action.ALLOW:
                        return "", Action.ALLOW
                    return to_text(zone), policy.action
        return "", Action.ALLOW
