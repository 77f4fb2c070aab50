"""Plans as the native engine takes them, and the counts that belong to them.

Sources: the design of podname (a server block compiles to a plan for the engine).
"""

from __future__ import annotations

from collections.abc import Sequence

from podname import _core
from podname.dns import constants as c
from podname.dns.names import to_text
from podname.engine.base import Code, Forwarded, Layer, Plan
from podname.engine.caching import AnswerCache
from podname.engine.counters import DROPPED, Counters, Tally
from podname.engine.native.cache import NativeCache
from podname.engine.native.counts import Fold
from podname.engine.native.relay import NativeRelay
from podname.engine.native.table import NativeTable

_Cache = tuple[_core.AnswerCache, int, _core.Hits]
_Layer = (
    tuple[_core.Table, int]
    | tuple[bytes, tuple[bytes, ...], _core.Relay, int]
    | tuple[tuple[bytes, ...], list[int], bytes]
)
_Fields = tuple[bytes, list[_Layer], bool, _core.Counts | None, bool, _Cache | None, int]

#: What a plan is served as: which plugins its answers are counted under.
Plugins = tuple[str, ...]


class Routing:
    """Makes routes for one server, protocol and family, and keeps the counts over every swap."""

    def __init__(
        self, server: str, protocol: str, family: int, dropped: Counters, threads: int = 1
    ) -> None:
        self._labels = (server, protocol, family)
        self._threads = threads
        self._folds: dict[tuple[Tally, Plugins], tuple[Fold, Counters]] = {}
        self._hits: dict[NativeCache, _core.Hits] = {}
        self._dropped = self._counts(dropped, DROPPED, ("",))
        self._number = 0

    def routes(self, plans: Sequence[Plan]) -> tuple[int, list[Plan], _core.Routes]:
        """Make routes: their number, the plans as they are numbered, and the routes themselves."""
        distinct = list({plan.zone: plan for plan in plans}.values())
        classes = {qclass for plan in plans for qclass in plan.classes} | {c.IN}
        self._number += 1
        fields = [self._fields(plan) for plan in distinct]
        return (
            self._number,
            distinct,
            _core.Routes(self._number, fields, sorted(classes), self._dropped),
        )

    def close(self) -> None:
        """Fold a last time."""
        for fold, counters in self._folds.values():
            fold.fold()
            counters.folds.discard(fold.fold)
        self._folds.clear()
        for cache, hits in self._hits.items():
            cache.let_go(self._labels[0], hits)
        self._hits.clear()

    def _fields(self, plan: Plan) -> _Fields:
        plugins = plugins_of(plan)
        counts = None
        if plan.counters is not None:
            counts = self._counts(plan.counters, to_text(plan.zone), plugins or ("",))
        layers = [_layer(layer, plugins) for layer in plan.layers]
        cache = self._cache(plan.cache, plugins)
        is_observed = bool(plan.observers)
        octets = plan.edns_octets_max
        return plan.zone, layers, plan.rotate, counts, is_observed, cache, octets

    def _cache(self, cache: AnswerCache | None, plugins: Plugins) -> _Cache | None:
        if cache is None:
            return None
        if not isinstance(cache, NativeCache):
            raise TypeError(f"a {type(cache).__name__} is no cache of this engine")
        hits = self._hits.get(cache)
        if hits is None:
            hits = self._hits[cache] = _core.Hits(self._threads)
            cache.follow(self._labels[0], hits)
        return cache.core, plugins.index(cache.plugin), hits

    def _counts(self, counters: Counters, zone: str, plugins: Plugins) -> _core.Counts:
        server, protocol, family = self._labels
        tally = counters.tally(server, zone, protocol, family)
        found = self._folds.get((tally, plugins))
        if found is None:
            fold = Fold(tally, plugins, self._threads)
            found = self._folds[tally, plugins] = fold, counters
            counters.folds.add(fold.fold)
        return found[0].core


def plugins_of(plan: Plan) -> Plugins:
    """Name the plugins of a plan's tables, of its cache and of its relays, in the order of their numbers."""
    tables = [layer.options.plugin for layer in plan.layers if isinstance(layer, NativeTable)]
    caches = [] if plan.cache is None else [plan.cache.plugin]
    relays = [layer.plugin for layer in plan.layers if isinstance(layer, Forwarded)]
    return tuple(dict.fromkeys((*tables, *caches, *relays)))


def _layer(layer: Layer, plugins: Plugins) -> _Layer:
    if isinstance(layer, NativeTable):
        return layer.core, plugins.index(layer.options.plugin)
    if isinstance(layer, Forwarded) and isinstance(layer.relay, NativeRelay):
        number = plugins.index(layer.plugin)
        return layer.zone, layer.excepted, layer.relay.core, number
    if not isinstance(layer, Code):
        raise TypeError(f"a {type(layer).__name__} is no table of this engine")
    return layer.zones, sorted(layer.types), layer.first_label
