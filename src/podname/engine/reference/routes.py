"""Which plan a question goes to.

The longest zone wins; a DS question goes to the shortest one other than the root, for the parent of a zone holds its DS
records. A question for nobody's zone is refused.

Sources: RFC 4035 §3.1.4.1 (DS); CoreDNS core/dnsserver `Server.ServeDNS`.
"""

from __future__ import annotations

from collections.abc import Sequence

from podname.dns import constants as c
from podname.dns.names import ROOT, is_subdomain, longest_match, to_text
from podname.dns.query import Query
from podname.engine.base import Code, Layer, Plan
from podname.engine.caching import AnswerCache
from podname.engine.reference.cache import PythonCache
from podname.engine.reference.table import PythonTable


class Coded:
    """A layer of code."""

    def __init__(self, code: Code) -> None:
        self._code, self._zones = code, frozenset(code.zones)

    def covers(self, query: Query) -> bool:
        """Return whether the code must be asked."""
        owner = query.folded
        if not self._code.covers(owner, query.qtype):
            return False
        return longest_match(owner, self._zones) is not None


class Served:
    """A plan as one responder serves it: with its tally."""

    def __init__(self, plan: Plan, labels: tuple[str, str, int]) -> None:
        server, protocol, family = labels
        self.plan = plan
        self.layers = [_layer(layer) for layer in plan.layers]
        self.tally = None
        if plan.counters is not None:
            self.tally = plan.counters.tally(server, to_text(plan.zone), protocol, family)
        self.cache = _cache(plan.cache)
        self.hits = [0, 0] if self.cache is None else self.cache.tally(server)


def _layer(layer: Layer) -> PythonTable | Coded:
    if isinstance(layer, Code):
        return Coded(layer)
    if not isinstance(layer, PythonTable):
        raise TypeError(f"a {type(layer).__name__} is no table of this engine")
    return layer


def _cache(cache: AnswerCache | None) -> PythonCache | None:
    if cache is not None and not isinstance(cache, PythonCache):
        raise TypeError(f"a {type(cache).__name__} is no cache of this engine")
    return cache


class Routes:
    """The plans of a listener by their zones."""

    def __init__(self, plans: Sequence[Plan], labels: tuple[str, str, int]) -> None:
        self._served = {plan.zone: Served(plan, labels) for plan in plans}
        classes = {qclass for plan in plans for qclass in plan.classes}
        self.classes = None if c.ANY in classes else frozenset(classes | {c.IN})

    def find(self, query: Query) -> Served | None:
        """Return the plan for a question."""
        owner = query.folded
        zone = longest_match(owner, self._served)
        if query.qtype == c.DS and zone is not None:
            above = [z for z in self._served if z != ROOT and is_subdomain(owner, z)]
            zone = min(above, key=len, default=zone)
        return None if zone is None else self._served[zone]
