"""Answer from what is kept; keep what the rest of the chain answers, unless it is the engine's to repeat.

An answer of `kubernetes` or `hosts` is never kept: it is always at hand, and always true. But it leaves with the TTL
that CoreDNS's cache would give it: `cap_ttl_seconds` tells those plugins before they compile their tables, and what
they answer in the chain is rewritten on its way through, like everything else.

Sources: CoreDNS 1.15.0 plugin/cache handler.go, cache.go; RFC 2308 §7 (SERVFAIL); RFC 6840 §5.7 (AD).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from time import monotonic
from typing import TYPE_CHECKING

from podname.dns import constants as c
from podname.dns import names, reply
from podname.dns.edns import extended_error, is_for_one_subnet
from podname.dns.message import BadMessage, Classification, Message, with_ttl
from podname.dns.query import Query
from podname.errors import ServeError
from podname.plugins.base import Draft, Next, Plugin, Reply, Request
from podname.plugins.cache.item import Item, wants_authenticated
from podname.plugins.cache.options import DENIAL, SUCCESS, LimitOptions, Options
from podname.plugins.cache.refresh import Refresher
from podname.plugins.cache.response import Examined, examine, is_whole_reply, replaces
from podname.plugins.cache.store import Key, Store, Tally, key_of
from podname.plugins.view.handler import view_name

if TYPE_CHECKING:
    from prometheus_client.core import Metric

_OPCODE = 0x7800
_NEVER_KEPT = frozenset({"kubernetes", "hosts"})
#: Extended errors (RFC 8914 §4.4, §4.20).
_STALE_ANSWER, _STALE_NXDOMAIN = 3, 19


class Cache(Plugin):
    """The `cache` directive of a server block."""

    name = "cache"

    def __init__(
        self, options: Options, store: Store, clock: Callable[[], float] = monotonic
    ) -> None:
        self.options = options
        self.store = store
        self.is_planned = options.covers_block
        self.clock = clock
        self._zones = frozenset(names.from_text(zone) for zone in options.zones)
        self._everywhere = names.ROOT in self._zones
        self._view = ""
        self._refresher = Refresher(options, clock, self.fetch, self.renew)

    def link(self, siblings: Mapping[str, Plugin]) -> None:
        """Learn the label of its metrics."""
        self._view = view_name(siblings)

    def plan(self, draft: Draft) -> None:
        """Let the engine repeat what is kept, unless somebody in front must see each question."""
        if draft.is_whole:
            draft.cache = self.store.left.cache

    async def stop(self) -> None:
        """End the fetching in the background."""
        await self._refresher.close()

    def cap_ttl_seconds(self, zone: bytes, ttl_seconds: int, *, denial: bool) -> int:
        """Return the TTL that a fresh answer from `zone` leaves with. `disable` does not change it."""
        if not self._covers(zone):
            return ttl_seconds
        return (self.options.denial if denial else self.options.success).clamped(ttl_seconds)

    def collect(self) -> Iterable[Metric]:
        """Return its metrics."""
        from podname.plugins.cache import metrics  # noqa: PLC0415 - start time counts

        return metrics.collect(self.store, self.options.label, self._view)

    async def serve(self, request: Request, next_: Next) -> Reply:
        """Answer from the cache, or ask the next plugin and keep what it says."""
        query = request.query
        if query.flags & _OPCODE or not self._covers(query.folded):
            return await next_(request)
        tally, now = self.store.tally(request.client.server), self.clock()
        tally.requests += 1
        key = key_of(query)
        item = self._find(key, now) or self._taken_over(request, key, now)
        if item is None:
            tally.misses += 1
            return await self._miss(request, next_)
        tally.hits[DENIAL if item.is_denial else SUCCESS] += 1
        left = item.left_seconds(now)
        if left <= 0:
            return await self._serve_stale(request, next_, item, tally)
        if self.options.prefetch.amount:
            self._refresher.prefetch(request, next_, item, tally, now)
        else:
            self.store.left.put(key, item)  # it was not there, or does not fit
        return item.response(query, item.ttl_seconds if self.options.keepttl else left)

    async def fetch(self, request: Request, next_: Next) -> Reply:
        """Fetch before it expires what is kept. Raises ServeError."""
        message = await _asked(request, next_)
        return message and self._keep(request, message, again=True)

    async def renew(self, request: Request, next_: Next) -> Reply:
        """Fetch what has expired; None when the stale answer is better. Raises ServeError."""
        message = await _asked(request, next_)
        if message is None:
            return None
        prefers_good, query = self.options.prefers_positive, request.query
        try:
            is_better = replaces(query, message, only_good=prefers_good)
        except BadMessage:
            return None
        if is_better or (prefers_good and is_whole_reply(query, message)):
            message = self._keep(request, message, again=True)
        return message if is_better else None

    # ---------------------------------------------------------------- lookup

    def _covers(self, name: bytes) -> bool:
        return self._everywhere or names.longest_match(name, self._zones) is not None

    def _find(self, key: Key, now: float) -> Item | None:
        """Find what may be served. A kept SERVFAIL does not stand before a good answer."""
        success, denial = self.store.success.get(key), self.store.denial.get(key)
        if self.options.prefers_positive and success is not None:
            good = self._usable(success.good, now)
            if good is not None:
                return good
        denial = self._usable(denial, now)
        if denial is None or denial.rcode == c.SERVFAIL:
            return self._usable(success, now) or denial
        return denial

    def _usable(self, item: Item | None, now: float) -> Item | None:
        if item is None:
            return None
        left = item.left_seconds(now)
        return item if left > 0 or -left < self.options.stale_seconds else None

    def _taken_over(self, request: Request, key: Key, now: float) -> Item | None:
        """Find what the engine fetched and may be served, and keep it here."""
        answer = self.store.left.get(key)
        if answer is None:
            return None
        item = self._usable(Item.of(request.query, answer), now)
        if item is not None:
            self._put(request, key, item)
        return item

    # --------------------------------------------------------------- answers

    async def _miss(self, request: Request, next_: Next) -> Reply:
        try:
            message = await _asked(request, next_)
        except ServeError as error:
            if error.rcode == c.SERVFAIL:
                self._keep(request, reply.deny(request.query, c.SERVFAIL), again=False)
            raise
        return message and self._keep(request, message, again=False)

    async def _serve_stale(self, request: Request, next_: Next, item: Item, tally: Tally) -> Reply:
        options, now = self.options, self.clock()
        if options.stale.verify:
            fresh = await self._refresher.verify(request, next_, item, now)
            if fresh is not None:
                return fresh
        else:
            self._refresher.renew(request, next_, item, tally, now)
        tally.served_stale += 1
        ttl_seconds = options.stale.ttl_seconds
        if options.keepttl and not ttl_seconds:
            ttl_seconds = item.ttl_seconds
        code = _STALE_NXDOMAIN if item.rcode == c.NXDOMAIN else _STALE_ANSWER
        return reply.with_opt(item.response(request.query, ttl_seconds), extended_error(code))

    def _keep(self, request: Request, message: bytes, *, again: bool) -> bytes:
        """Return a response the TTL that it leaves with, and keep it if it may be kept.

        One that answers another question, or cannot be read, is neither kept nor touched.
        """
        query = request.query
        view = Message(message, query.end)
        if not view.is_response_to(query):
            self.store.tally(request.client.server).drops += 1
            return message
        try:
            found = examine(query, view)
        except BadMessage:
            return message
        message, opt = reply.without_opt(message, query.end)
        ttl_seconds = self._ttl_seconds(found)
        message = with_ttl(message, found.ttl_offsets, ttl_seconds)
        if found.is_keepable and ttl_seconds > 0 and request.plugin not in _NEVER_KEPT:
            self._store(request, message, found, ttl_seconds, again=again)
        if found.is_authenticated and not wants_authenticated(query):
            message = Message(message).with_flags(clear=c.AD)
        return reply.with_opt(message, opt)

    def _ttl_seconds(self, found: Examined) -> int:
        if found.classification is Classification.SERVER_ERROR:
            return int(self.options.servfail_seconds)
        return found.ttl_seconds(self._limit_options(found.classification))

    def _limit_options(self, classification: Classification) -> LimitOptions:
        return self.options.denial if classification.is_denial else self.options.success

    def _store(
        self, request: Request, message: bytes, found: Examined, ttl_seconds: int, *, again: bool
    ) -> None:
        query, store = request.query, self.store
        classification = found.classification
        denial = classification.is_denial or classification is Classification.SERVER_ERROR
        is_for_all = not is_for_one_subnet(query)
        if not is_for_all or not self.options.keeps(DENIAL if denial else SUCCESS, query.folded):
            return
        key, now = key_of(query), self.clock()
        item = Item(
            query,
            message,
            found.ttl_offsets,
            ttl_seconds,
            now,
            is_denial=denial,
            answers=found.answers,
        )
        old = store.success.get(key)
        if again and (before := old or store.denial.get(key)):
            item.inherit(before.hits, now)
        prefers_good = self.options.prefers_positive
        if prefers_good and old is not None and not (denial or item.answers):
            item.last_good = old.good
        if not denial and (item.answers if prefers_good else again):
            store.denial.remove(key)
        self._put(request, key, item)

    def _put(self, request: Request, key: Key, item: Item) -> None:
        store = self.store
        shelf, name = (store.denial, DENIAL) if item.is_denial else (store.success, SUCCESS)
        for evicted in shelf.put(key, item):
            store.tally(request.client.server).evictions[name] += 1
            store.left.remove(evicted)
        self._leave(key)

    def _leave(self, key: Key) -> None:
        """Let the engine answer as we would, and hand on what is stale rather than fetch it."""
        item = self._find(key, self.clock())
        if item is not None:
            self.store.left.put(key, item)
        else:
            self.store.left.remove(key)


async def _asked(request: Request, next_: Next) -> Reply:
    """Ask the next plugin. Raises ServeError."""
    query = request.query
    request.query = authenticated(query)
    try:
        return await next_(request)
    finally:
        request.query = query


def authenticated(query: Query) -> Query:
    """Ask for AD, so that what is kept serves those who want to know and those who do not."""
    if query.flags & c.AD:
        return query
    packet = Message(query.packet).with_flags(set_=c.AD)
    return query._replace(packet=packet, flags=query.flags | c.AD)
