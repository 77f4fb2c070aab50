"""Walk a client's search list for it, from its first step on: one query instead of five.

A client that looks `www.example.com` up asks for `www.example.com.NAMESPACE.svc.ZONE` first. The answer is that of the
first step that is not denied, behind an alias that leads to it. When all steps are denied, the client gets the first
denial and goes on by itself.

Source: CoreDNS 1.15.0 plugin/autopath.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from podname.corefile import Directive
from podname.dns import constants as c
from podname.dns.message import BadMessage, rcode_of
from podname.dns.names import NAME_OCTETS_MAX, is_subdomain, longest_match
from podname.dns.query import Query, parse
from podname.dns.unpacked import ResourceRecord, unpack
from podname.engine.base import Code
from podname.plugins.base import Draft, KnowsSearchPaths, Next, Plugin, Reply, Request

if TYPE_CHECKING:
    from prometheus_client.core import Metric


class Autopath(Plugin):
    """The `autopath` of a server block. `search` is a fixed search list; `knower` is who knows that of each client."""

    name = "autopath"
    is_planned = True  # what comes from behind passes as it is

    def __init__(
        self,
        zones: Sequence[bytes],
        search: Sequence[bytes],
        knower: str,
        directive: Directive,
    ) -> None:
        self._zones, self._search = frozenset(zones), tuple(search)
        self._knower_name, self._directive = knower, directive
        self._knower: KnowsSearchPaths | None = None
        self._successes: Counter[str] = Counter()

    def link(self, siblings: Mapping[str, Plugin]) -> None:
        """Find who knows the search lists. Raises CorefileError when that is somebody who knows none."""
        knower = siblings.get(self._knower_name)
        if knower is None:
            return
        if not isinstance(knower, KnowsSearchPaths):
            raise self._directive.error(
                f"'{self._knower_name}' knows no search lists, only 'kubernetes' does",
                self._directive.arguments[-1],
            )
        self._knower = knower

    def plan(self, draft: Draft) -> None:
        """Ask the engine for the names where a first step may lie."""
        if self._knower is not None:
            draft.layers.append(Code(tuple(self._knower.first_steps())))
        elif self._search:
            draft.layers.append(Code(self._search[:1]))

    async def serve(self, request: Request, next_: Next) -> Reply:
        """Walk the search list, if this is its first step, or hand on."""
        asked = request.query
        search = self._search_of(request)
        if not search or not _is_below(asked.folded, search[0]):
            return await next_(request)
        base = asked.name[: len(asked.name) - len(search[0])]
        first: Reply = None
        try:
            for number, suffix in enumerate((*search, b"\0")):
                query = _renamed(asked, base + suffix) if number else asked
                if query is None:
                    continue
                request.query = query
                reply = await next_(request)
                first = reply if number == 0 else first
                if reply is None or rcode_of(reply) == c.NXDOMAIN:
                    continue
                self._successes[request.client.server] += 1
                return _as_of(asked, reply)
        finally:
            request.query = asked
        return first

    def _search_of(self, request: Request) -> tuple[bytes, ...]:
        query = request.query
        if longest_match(query.folded, self._zones) is None:
            return ()
        if self._knower is None:
            return self._search
        return self._knower.search_path(query, request.client)

    def collect(self) -> Iterable[Metric]:
        """Return its count."""
        from prometheus_client.core import CounterMetricFamily  # noqa: PLC0415 - start time counts

        family = CounterMetricFamily(
            "coredns_autopath_success_total",
            "Counter of requests that did autopath.",
            labels=["server"],
        )
        for server, count in self._successes.items():
            family.add_metric([server], count)
        yield family


def _is_below(name: bytes, zone: bytes) -> bool:
    return name != zone and is_subdomain(name, zone)


def _renamed(query: Query, name: bytes) -> Query | None:
    """Return the question about another name, None when that would be too long."""
    if len(name) > NAME_OCTETS_MAX:
        return None
    message = unpack(query.packet)
    message.name = name
    renamed = parse(message.pack())
    return renamed if isinstance(renamed, Query) else None


def _as_of(asked: Query, reply: bytes) -> bytes:
    """Return the response as one to the client's question: an alias leads to what was found."""
    try:
        message = unpack(reply)
    except BadMessage:
        return reply
    found = next((rr for rr in message.answer if rr.owner.lower() != asked.folded), None)
    if found is not None:
        alias = ResourceRecord(asked.name, c.CNAME, c.IN, found.ttl_seconds, found.owner)
        message.answer.insert(0, alias)
    return replace(message, name=asked.name).pack()
