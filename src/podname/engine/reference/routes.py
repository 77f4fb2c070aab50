"""Which plan a question goes to.

The longest zone wins; a DS question goes to the shortest one other than the root, for the parent of a zone holds its DS
records. A question for nobody's zone is refused.

Sources: RFC 4035 §3.1.4.1 (DS); CoreDNS core/dnsserver `Server.ServeDNS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from podname.dns import constants as c
from podname.dns.names import ROOT, is_subdomain, starts_of, to_text
from podname.engine.base import EDNS_OCTETS_MAX, Code, Layer, Owner, Plan
from podname.engine.caching import AnswerCache
from podname.engine.counters import Tally
from podname.engine.reference.cache import PythonCache
from podname.engine.reference.table import PythonTable, Suffixes


class Served:
    """A plan as one responder serves it: with its tally, and flat, for the hot path."""

    __slots__ = (
        *("cache", "cached_by", "edns_octets_max", "hits", "layers", "observers", "plan"),
        *("rotate", "tally"),
        *("watched", "zone"),
    )

    def __init__(self, plan: Plan, labels: tuple[str, str, int]) -> None:
        server, protocol, family = labels
        self.plan = plan
        self.zone = plan.zone
        self.layers = [_layer(layer) for layer in plan.layers]
        self.rotate = plan.rotate
        self.edns_octets_max = plan.edns_octets_max
        self.observers = plan.observers
        self.tally: Tally | None = None
        if plan.counters is not None:
            self.tally = plan.counters.tally(server, to_text(plan.zone), protocol, family)
        self.watched = bool(self.observers or self.tally)
        self.cache = _cache(plan.cache)
        self.cached_by, self.hits = "", [0, 0]
        if self.cache is not None:
            self.cached_by, self.hits = self.cache.plugin, self.cache.tally(server)


def _layer(layer: Layer) -> PythonTable | tuple[Suffixes, Code]:
    if isinstance(layer, Code):
        return Suffixes(layer.zones), layer
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
        self._zones = Suffixes(self._served)
        self._everything = self._served.get(ROOT) if len(self._served) == 1 else None
        classes = {qclass for plan in plans for qclass in plan.classes}
        self.classes = None if c.ANY in classes else frozenset(classes | {c.IN})

    def find(self, owner: Owner, starts: Sequence[int], qtype: int) -> Served | None:
        """Return the plan for a folded name whose labels begin at `starts`. O(lengths of zones)."""
        if self._everything is not None:
            return self._everything
        zone = self._zones.match(owner, starts)
        if qtype == c.DS and zone is not None:
            above = [z for z in self._served if z != ROOT and is_subdomain(owner, z)]
            zone = min(above, key=len, default=zone)
        return None if zone is None else self._served[zone]

    def followers(self) -> Iterator[set[Callable[[], None]]]:
        """Return the sets of those who are told when an answer may no longer be what it was."""
        for served in self._served.values():
            if served.tally is not None:
                yield served.tally.followers
            for layer in served.layers:
                if isinstance(layer, PythonTable):
                    yield layer.followers

    def first_table(self) -> tuple[PythonTable, Served] | None:
        """Find a plan whose first layer is a table that alone answers for whatever it holds.

        What such a table holds can be answered before anybody asks which plan the name belongs to.
        """
        for served in self._served.values():
            table = served.layers[0] if served.layers else None
            if not isinstance(table, PythonTable) or served.edns_octets_max < EDNS_OCTETS_MAX:
                continue
            if self._owns(served, table):
                return table, served
        return None

    def _owns(self, served: Served, table: PythonTable) -> bool:
        origins = [zone.origin for zone in table.options.zones]
        return all(self.find(o, starts_of(o), c.A) is served for o in origins) and not any(
            is_subdomain(other, origin)
            for other in self._served
            if other != served.zone
            for origin in origins
        )
