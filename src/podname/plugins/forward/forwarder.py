"""One `forward` directive at work: upstreams are asked one after the other until one answers or time is over.

Source: CoreDNS 1.15.0 plugin/forward forward.go.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import cycle
from time import perf_counter

from podname.dns import constants as c
from podname.dns.edns import EDE_NETWORK_ERROR, EDE_NO_REACHABLE_AUTHORITY, passed_on
from podname.dns.message import Message, Section, rcode_of
from podname.dns.relayed import BadReply, relay
from podname.engine.relaying import Relay
from podname.errors import ServeError
from podname.plugins.base import Request
from podname.plugins.forward.options import TOTAL_SECONDS_MOST, Options
from podname.plugins.forward.policy import POLICIES, Policy
from podname.plugins.forward.upstream import Upstream


class Tally:
    """The counts of a server block's directives that belong to no upstream. They outlive a reload."""

    def __init__(self) -> None:
        self.healthcheck_broken = 0
        self.max_concurrent_rejects = 0

    async def close(self) -> None:
        """Let go of nothing: these are numbers."""


class Forwarder:
    """One `forward` directive at work."""

    def __init__(
        self,
        options: Options,
        upstreams: Sequence[Upstream],
        tally: Tally,
        relay: Relay | None = None,
    ) -> None:
        self.options = options
        self.upstreams = upstreams
        self.relay = relay
        self._failures = [0] * len(upstreams)  # of the relay, as far as they are known
        self.under_way = 0
        self._tally = tally
        self._order: Policy = POLICIES[options.policy]()

    async def ask(self, request: Request) -> bytes:
        """Ask upstreams until one gives a reply that may be handed on. Raises ServeError.

        This runs for every question that is forwarded: it is one coroutine, for each more costs half a microsecond.
        """
        options, query = self.options, request.query
        if self.relay is not None:
            self._learn(self.relay)
        self._take_a_place()
        over_tcp = request.client.protocol == "tcp"
        limit = query.octets_max(over_udp=not over_tcp)
        tcp = options.upstream.force_tcp or (over_tcp and not options.prefer_udp)
        packet = passed_on(query)
        failed, last, problem = 0, None, "no healthy proxies"
        others = len(self.upstreams) - 1  # that may be tried after an RCODE of `failover`
        try:
            for upstream in self._candidates():
                started = perf_counter()
                if request.metadata is not None:
                    request.metadata["forward/upstream"] = partial(str, upstream.label)
                try:
                    udp = None if tcp else upstream.udp
                    pool = upstream.stream if udp is None else udp
                    octets = await pool.exchange(packet)
                    message = relay(query, octets, limit, tcp=udp is None)
                    if options.prefer_udp and udp is not None and Message(message).is_truncated:
                        octets = await upstream.stream.exchange(packet)
                        message = relay(query, octets, limit, tcp=True)
                except (OSError, BadReply) as error:
                    unreadable = isinstance(error, BadReply)
                    problem = f"upstream {upstream.label}: {error}" if unreadable else str(error)
                    failed += 1
                    if self._gives_up(upstream, request, failed):
                        break
                    continue
                upstream.note(octets, perf_counter() - started)
                if others < 1 or rcode_of(message) not in options.failover_rcodes:
                    return message
                last, others = message, others - 1
        finally:
            self.under_way -= 1
        if last is None:
            extended = EDE_NETWORK_ERROR if failed else EDE_NO_REACHABLE_AUTHORITY
            raise ServeError(c.SERVFAIL, problem, extended_error=extended)
        return last

    def follow_health(self) -> None:
        """Tell the relay which upstreams are alive, now and whenever that changes."""
        self._tell_relay()
        for upstream in self.upstreams:
            upstream.health.watchers.add(self._tell_relay)

    def leave_health(self) -> None:
        """Tell it no more."""
        for upstream in self.upstreams:
            upstream.health.watchers.discard(self._tell_relay)

    def _tell_relay(self) -> None:
        if self.relay is not None:
            self.relay.set_alive([self._is_alive(upstream) for upstream in self.upstreams])

    def _learn(self, relay: Relay) -> None:
        """Let upstreams be checked that the relay got no reply from."""
        for number, counts in enumerate(relay.counts()):
            if counts.failures != self._failures[number]:
                self._failures[number] = counts.failures
                if self.options.max_fails:
                    self.upstreams[number].health.check()

    def _is_alive(self, upstream: Upstream) -> bool:
        most = self.options.max_fails
        return not most or upstream.health.fails <= most

    def passes_on(self, message: bytes) -> bool:
        """Return whether the next `forward` is to be asked instead (`next`, `next_on_nodata`)."""
        options, view = self.options, Message(message)
        return view.rcode in options.next_rcodes or (
            options.next_on_nodata and view.rcode == c.NOERROR and not view.count(Section.ANSWER)
        )

    def _take_a_place(self) -> None:
        """Count a question, or refuse it when there are too many. Raises ServeError."""
        most = self.options.max_concurrent
        relayed = 0 if self.relay is None else self.relay.under_way()
        if most and self.under_way + relayed >= most:
            self._tally.max_concurrent_rejects += 1
            raise ServeError(c.REFUSED, f"concurrent queries exceeded maximum {most}")
        self.under_way += 1

    def _candidates(self) -> Iterable[Upstream]:
        """Return upstreams to ask, round and round, without those that are down.

        When all are down, health checks are not to be trusted: any one of them is asked, once.
        """
        alive = [upstream for upstream in self._order(self.upstreams) if self._is_alive(upstream)]
        if alive:
            return cycle(alive)
        self._tally.healthcheck_broken += 1
        return () if self.options.failfast else (random.choice(self.upstreams),)  # noqa: S311  # no secret

    def _gives_up(self, upstream: Upstream, request: Request, failed: int) -> bool:
        """Let an upstream that failed be checked, and say whether time or attempts are over."""
        if self.options.max_fails:
            upstream.health.check()
        late = perf_counter() >= request.started_seconds + TOTAL_SECONDS_MOST
        return late or failed == self.options.attempts_most
