"""What a packet is answered with: the one place where the reference engine decides that.

`respond` takes a packet and gives the response, None for silence, or the plan whose plugin chain must be asked. It does
no I/O, never raises on what a client sends, and is all there is to UDP, TCP and the tests.

Three ways lead through it. A question that was answered a moment ago, octet for octet the same but for its id, is
answered the same way; every change of a table or of the plans forgets all of these. A question for something that the
first table holds is one lookup away. All others, denials among them, go by `_by_rules`.

Sources: the design of podname (the path of a query); RFC 1035 §4.1; RFC 6891; CoreDNS core/dnsserver `ServeDNS`.
"""

from __future__ import annotations

from collections.abc import Sequence
from secrets import randbelow
from time import monotonic_ns, perf_counter
from typing import Protocol

from podname.dns import constants as c
from podname.dns import reply
from podname.dns.edns import clamped
from podname.dns.message import uncompressed_octets
from podname.dns.names import starts_of
from podname.dns.patching import rotate, turns_of
from podname.dns.query import Malformed, Query, parse
from podname.engine.base import Client, Outcome, Plan, ReadyAnswer
from podname.engine.caching import CachedAnswer
from podname.engine.counters import DROPPED, FIRST_BOUND_SECONDS, Counters, Tally
from podname.engine.reference.apex import Apex
from podname.engine.reference.cache import repeat
from podname.engine.reference.routes import Routes, Served
from podname.engine.reference.shapes import SHAPES_MAX, Shape
from podname.engine.reference.table import Denial, PythonTable

_UNCOUNTED = [0]  # counts for nobody
_SOA = c.SOA.to_bytes(2, "big")


class Source(Protocol):
    """Where a packet came from; who that was is worked out only if somebody wants to know."""

    def client(self) -> Client:
        """Return the client."""


Response = bytes | Plan | None

#: Answers kept for the same question, all of them together, and what one may take.
REMEMBERED_OCTETS_MAX = 4 << 20
_QUERY_OCTETS_MAX, _RESPONSE_OCTETS_MAX, _TURNS_MAX = 300, 1300, 16
_ENTRY_OCTETS = 300  # what Python adds to each

#: A response without its id, or one for each turn that was taken already.
Remembered = bytes | list[bytes | None]


class Responder:
    """Answers the packets of one server, protocol and address family."""

    def __init__(self, server: str, protocol: str, family: int, dropped: Counters) -> None:
        self.clock = perf_counter()  # when the question at hand was there; set by who feeds packets
        self._labels = (server, protocol, family)
        self._dropped = dropped.tally(server, DROPPED, protocol, family)
        self.now_ns = monotonic_ns
        self._over_udp = protocol == "udp"
        self._turn = randbelow(1 << 31)
        self._tally: Tally | None = None
        self._shapes: dict[bytes, Shape] = {}
        self._remembered: dict[bytes, tuple[Remembered, list[int]]] = {}  # with its count
        self._room_octets = REMEMBERED_OCTETS_MAX
        self._routes = Routes((), self._labels)
        self.serve(())

    def serve(self, plans: Sequence[Plan]) -> None:
        """Swap what is served."""
        for followers in self._routes.followers():
            followers.discard(self.forget)
        self._routes = Routes(plans, self._labels)
        self._first = self._routes.first_table()
        for followers in self._routes.followers():
            followers.add(self.forget)
        self._tally = None
        self._shapes.clear()
        self.forget()

    def forget(self) -> None:
        """Forget what was answered: something changed."""
        if self._remembered:
            self._remembered.clear()
            self._room_octets = REMEMBERED_OCTETS_MAX

    def respond(self, packet: bytes, source: Source) -> Response:
        """Answer a packet: octets to send, None for silence, or the plan whose `miss` must be asked."""
        remembered = self._remembered.get(packet[2:])
        if remembered is not None:
            known, counted = remembered
            response = known[self._next_turn() % len(known)] if isinstance(known, list) else known
            if response is not None:
                counted[0] += 1
                return packet[:2] + response
        end = packet.find(0, c.HEADER_OCTETS) + 1
        shape = self._shapes.get(packet[2:12] + packet[end:])
        if shape is None:
            return self._check(packet, source)
        name = packet[12:end]
        owner = name.lower()
        first = self._first
        if first is not None:
            table, served = first
            answers = table.by_type.get(shape.qtype)
            if (
                answers is not None
                and table.is_synced
                and (ready := answers.get(owner)) is not None
            ):
                return self._repeat(packet, source, name, shape, served, table, ready)
        return self._by_rules(packet, source, name, shape)

    def _next_turn(self) -> int:
        """Return a number that looks like chance: a plain count would beat with questions that alternate."""
        self._turn = turn = (self._turn * 1_103_515_245 + 12_345) & 0x7FFFFFFF
        return turn >> 16

    def settle(self) -> None:
        """Add the time since the last answer that was looked up: that of the ones that were remembered."""
        if self._tally is not None:
            self._tally.seconds += perf_counter() - self.clock

    def size_limit(self, query: Query) -> int:
        """Return how many octets the response to a query may have."""
        return query.octets_max(over_udp=self._over_udp)

    def refuse(self, query: Query, rcode: int) -> bytes:
        """Answer an RCODE and count it as dropped."""
        response = reply.finish(query, reply.deny(query, rcode), self.size_limit(query))
        now = perf_counter()
        self._dropped.count(
            query.qtype,
            rcode,
            "",
            request_octets=len(query.packet),
            response_octets=len(response),
            seconds=now - self.clock,
            dnssec_ok=bool(query.edns and query.edns.dnssec_ok),
        )
        self.clock = now
        return response

    def fail(self, packet: bytes) -> bytes | None:
        """Answer SERVFAIL where something of ours went wrong."""
        query = parse(packet)
        return self.refuse(query, c.SERVFAIL) if isinstance(query, Query) else None

    # ---------------------------------------------------------------- checks

    def _check(self, packet: bytes, source: Source) -> Response:
        """Answer a packet of a shape that was not met yet, and keep the shape."""
        query = parse(packet)
        if isinstance(query, Malformed):
            return reply.malformed(packet, query)
        if self._routes.classes is not None and query.qclass not in self._routes.classes:
            return self.refuse(query, c.REFUSED)
        if query.edns is not None and query.edns.version:
            return reply.bad_version(query)
        shape = Shape(query, self.size_limit(query))
        if query.name.find(0) == len(query.name) - 1:  # or `respond` finds no name
            if len(self._shapes) >= SHAPES_MAX:
                self._shapes.clear()
            self._shapes[packet[2:12] + packet[query.end - 4 :]] = shape
        return self._by_rules(packet, source, query.name, shape)

    def _by_rules(self, packet: bytes, source: Source, name: bytes, shape: Shape) -> Response:
        """Find the plan, and ask its layers in turn."""
        owner = name.lower()
        try:
            starts = starts_of(owner)
        except (ValueError, IndexError):
            return self._check(packet, source)  # a known shape, but what is before it is no name
        served = self._routes.find(owner, starts, shape.qtype)
        if served is None:
            query = parse(packet)
            return self.refuse(query, c.REFUSED) if isinstance(query, Query) else None
        if shape.udp_octets > served.edns_octets_max:
            return self._clamped(packet, source, served.edns_octets_max)
        for layer in served.layers:
            if isinstance(layer, tuple):
                names, code = layer
                if code.covers(owner, shape.qtype) and names.match(owner, starts) is not None:
                    break
                continue
            apex = layer.apex(owner, starts)
            if apex is None:
                continue
            found = layer.find(apex, owner, starts, shape.qtype)
            if found is Outcome.PASS:
                continue
            if isinstance(found, Outcome):
                break
            if isinstance(found, Denial):
                return self._deny(packet, source, name, shape, served, layer, apex, found)
            return self._repeat(packet, source, name, shape, served, layer, found)
        if served.cache is not None and shape.kind is not None:
            found_there = served.cache.find(owner, shape.kind, self.now_ns())
            if found_there is not None:
                return self._recall(packet, source, name, shape, served, *found_there)
        return served.plan

    def _clamped(self, packet: bytes, source: Source, octets_max: int) -> Response:
        query = parse(packet)
        if not isinstance(query, Query):
            return None
        return self.respond(clamped(query, octets_max).packet, source)

    # --------------------------------------------------------------- answers
    # Positional arguments, and many: these run for every packet.

    def _repeat(  # noqa: PLR0917
        self,
        packet: bytes,
        source: Source,
        name: bytes,
        shape: Shape,
        served: Served,
        table: PythonTable,
        ready: ReadyAnswer,
    ) -> bytes:
        turns, turn = 1, 0
        if served.rotate and (ready[1] > 1 or ready[5] > 1 or ready[0] or ready[4]):
            turns, turn = turns_of(ready), self._next_turn()
            ready = rotate(ready, turn)
        if shape.recased and not name.islower():
            ready = table.in_case_of(ready, name)
        behind = c.HEADER_OCTETS + len(name) + 4
        response = shape.repeat(packet, behind, ready)
        plugin, octets = table.options.plugin, _octets(packet, behind, ready)
        counted = self._watch(packet, source, shape, served, plugin, c.NOERROR, response, octets)
        if counted is not None and turns <= _TURNS_MAX:
            self._remember(packet, response, counted, turns, turn % turns)
        return response

    def _deny(  # noqa: PLR0917
        self,
        packet: bytes,
        source: Source,
        name: bytes,
        shape: Shape,
        served: Served,
        table: PythonTable,
        apex: Apex,
        denial: Denial,
    ) -> bytes:
        rcode = denial.rcode
        behind = c.HEADER_OCTETS + len(name) + 4
        if table.options.denies:
            response = shape.deny(packet, behind, rcode, apex.soa(len(name)))
            octets = behind + apex.soa_octets
        else:
            response = shape.reply(packet, behind, rcode if rcode else c.AA)
            octets = behind if rcode != c.SERVFAIL else 0  # in CoreDNS the server writes it
        plugin = table.options.plugin
        counted = self._watch(packet, source, shape, served, plugin, rcode, response, octets)
        if counted is not None:
            self._remember(packet, response, counted, 1, 0)
        return response

    def _recall(  # noqa: PLR0917
        self,
        packet: bytes,
        source: Source,
        name: bytes,
        shape: Shape,
        served: Served,
        answer: CachedAnswer,
        left_seconds: int,
    ) -> Response:
        """Repeat an answer that the plugin chain left."""
        turn = self._next_turn() if served.rotate else None
        behind = c.HEADER_OCTETS + len(name) + 4
        response = shape.finish(repeat(packet, behind, shape, answer, left_seconds, turn))
        served.hits[answer.is_denial] += 1
        rcode, plugin = answer.flags & 0xF, served.cached_by
        octets = behind + answer.uncompressed_octets
        self._watch(packet, source, shape, served, plugin, rcode, response, octets)
        return response

    def _watch(  # noqa: PLR0917
        self,
        packet: bytes,
        source: Source,
        shape: Shape,
        served: Served,
        plugin: str,
        rcode: int,
        response: bytes,
        response_octets: int,
    ) -> list[int] | None:
        """Count an answer and show it to the observers; give its count when nobody else need see the next one."""
        if not served.watched:
            return _UNCOUNTED
        now = perf_counter()
        seconds = now - self.clock
        self.clock = now
        tally = self._tally = served.tally
        counted = _UNCOUNTED
        if tally is not None:
            counted = tally.cell((shape.asked, rcode, plugin, len(packet), response_octets))
            counted[0] += 1
            tally.seconds += seconds
            if seconds > FIRST_BOUND_SECONDS:
                tally.count_slow(seconds)
        for observe in served.observers:
            observe(packet, response, source.client(), plugin, seconds)
        return None if served.observers else counted

    def _remember(
        self, packet: bytes, response: bytes, counted: list[int], turns: int, turn: int
    ) -> None:
        if len(packet) > _QUERY_OCTETS_MAX or len(response) > _RESPONSE_OCTETS_MAX:
            return
        self._room_octets -= len(packet) + len(response) + _ENTRY_OCTETS
        if self._room_octets < 0:
            self.forget()
        if turns == 1:
            self._remembered[packet[2:]] = response[2:], counted
            return
        by_turn = self._remembered.setdefault(packet[2:], ([None] * turns, counted))[0]
        if isinstance(by_turn, list):
            by_turn[turn] = response[2:]


def _octets(packet: bytes, behind: int, ready: ReadyAnswer) -> int:
    """Return the size of an answer without compression, before OPT and before it is cut to fit."""
    if not (ready[4] or ready[5]) and ready[8:10] != _SOA:
        # Records of the question's own name, by pointers of two octets.
        answers = ready[0] << 8 | ready[1]
        return behind + len(ready) - 6 + answers * (behind - 18)
    whole = b"".join((packet[:6], ready[:6], packet[12:behind], ready[6:]))
    return uncompressed_octets(whole, behind)
