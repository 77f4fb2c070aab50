"""Let addresses take turns, or put them into an order, so that clients which take the first one are spread.

The engine rotates the answers that it gives by itself. An answer of the plugin chain is shuffled here: the RDATA of the
A records of one owner in the answer section change places among themselves, and so do those of AAAA records. Nothing
else of the message moves, so compression pointers stay true. What needs more (MX records, an alias behind its address,
`weighted`, `prefer`) is taken apart and put together in its order.

Sources: CoreDNS 1.15.0 plugin/loadbalance; RFC 1035 §4.1.4; RFC 1794.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Sequence

from podname.dns import constants as c
from podname.dns.message import BadMessage, Message, Section, rcode_of
from podname.dns.names import ROOT
from podname.dns.records import Record
from podname.engine.base import Code
from podname.engine.caching import groups_of
from podname.plugins.base import Draft, Next, Plugin, Reply, Request
from podname.plugins.loadbalance.order import (
    Network,
    Order,
    Records,
    ordered,
    preferred_first,
    shuffled,
    unchanged,
)
from podname.plugins.loadbalance.weights import WeightFile, WeightFileError

_log = logging.getLogger(__name__)

#: What `weighted` is about, and what the engine has several addresses for.
_TYPES = frozenset({c.A, c.AAAA, c.SRV})


class LoadBalance(Plugin):
    """`loadbalance`: NOERROR only, and never a zone transfer."""

    name = "loadbalance"

    def __init__(
        self,
        weights: WeightFile | None = None,
        reload_seconds: float = 0.0,
        preferred: Sequence[Network] = (),
    ) -> None:
        self.weights = weights
        self.reload_seconds = reload_seconds
        self.preferred = tuple(preferred)
        self.is_planned = weights is None and not preferred
        self._task: asyncio.Task[None] | None = None

    def plan(self, draft: Draft) -> None:
        """Let the engine rotate, and ask it for what is to be ordered otherwise."""
        draft.rotate = True
        if not self.is_planned:
            draft.layers.append(Code((ROOT,), _TYPES))

    async def start(self) -> None:
        """Go on looking at the weight file."""
        if self.weights is not None and self.reload_seconds > 0:
            self._task = asyncio.create_task(self._follow(self.weights))

    async def stop(self) -> None:
        """Stop looking."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def serve(self, request: Request, next_: Next) -> Reply:
        """Put what comes back into its order."""
        reply = await next_(request)
        qtype = request.query.qtype
        if reply is None or qtype in {c.AXFR, c.IXFR} or rcode_of(reply) != c.NOERROR:
            return reply
        if self.is_planned:
            return shuffle(reply, request.query.end)
        return self._arranged(reply, qtype)

    def _arranged(self, reply: bytes, qtype: int) -> bytes:
        by_policy, exchangers = self._policy(qtype)

        def order(addresses: Records) -> Records:
            return preferred_first(by_policy(addresses), self.preferred)

        try:
            return ordered(reply, order, exchangers)
        except BadMessage:
            return reply

    def _policy(self, qtype: int) -> tuple[Order, Order]:
        """Return the order of addresses, `prefer` apart, and that of MX records."""
        if self.weights is None:
            return shuffled, shuffled
        return self.weights.ordered if qtype in _TYPES else unchanged, unchanged

    async def _follow(self, weights: WeightFile) -> None:
        while True:
            await asyncio.sleep(self.reload_seconds)
            try:
                await asyncio.to_thread(weights.read)
            except (OSError, WeightFileError) as error:
                _log.error("The weights stay as they were: %s", error)


def shuffle(reply: bytes, behind_question: int) -> bytes:
    """Return the message with its addresses in another order; a malformed one stays as it is."""
    message = Message(reply, behind_question)
    if message.count(Section.ANSWER) < 2:
        return reply
    try:
        records = message.section(Section.ANSWER)
        if _needs_order(records):
            return ordered(reply, shuffled, shuffled)
        return _shuffle_addresses(reply, records)
    except BadMessage:
        return reply


def _needs_order(records: Sequence[Record]) -> bool:
    """Return whether MX records take turns, or an alias stands behind something else."""
    others = [place for place, rr in enumerate(records) if rr.rtype != c.CNAME]
    is_mixed = bool(others) and others[0] < len(records) - len(others)
    return is_mixed or any(rr.rtype == c.MX for rr in records)


def _shuffle_addresses(reply: bytes, records: Sequence[Record]) -> bytes:
    groups = groups_of(reply, records)
    if not groups:
        return reply
    message = bytearray(reply)
    for size, offsets in groups:
        for at, other in zip(offsets, random.sample(offsets, len(offsets)), strict=True):
            message[at : at + size] = reply[other : other + size]
    return bytes(message)
