"""What a packet is answered with: the one place where the reference engine decides that.

`respond` takes a packet and gives the response, None for silence, or the plan whose plugin chain must be asked. It does
no I/O, never raises on what a client sends, and is all there is to UDP, TCP and the tests.

A question for something that the first table holds takes the short way through `respond`; all others, denials
among them, go by way of `_by_rules`. Both end in `_repeat` or `_deny`.

Sources: the design of podname (the path of a query); RFC 1035 §4.1; RFC 6891; CoreDNS core/dnsserver `ServeDNS`.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter
from typing import Protocol

from podname.engine.base import Client, Outcome, Plan, ReadyAnswer
from podname.engine.counters import DROPPED, FIRST_BOUND_SECONDS, Counters
from podname.engine.python.apex import Apex
from podname.engine.python.routes import Routes, Served
from podname.engine.python.shapes import SHAPES_MAX, Shape
from podname.engine.python.table import Denial, PythonTable, Suffixes
from podname.wire import constants as c
from podname.wire import reply
from podname.wire.fitting import fit
from podname.wire.names import starts_of
from podname.wire.patching import rotate
from podname.wire.query import Malformed, Query, parse

#: One more additional record, by the second octet of their number when the first is zero.
_ONE_MORE = [number.to_bytes(2, "big") for number in range(1, 257)]


class Source(Protocol):
    """Where a packet came from; who that was is worked out only if somebody wants to know."""

    def client(self) -> Client:
        """Give the client."""


Response = bytes | Plan | None


class Responder:
    """Answers the packets of one server, protocol and address family."""

    def __init__(self, server: str, protocol: str, family: int, dropped: Counters) -> None:
        self.clock = perf_counter()  # when the question at hand was there; set by who feeds packets
        self._labels = (server, protocol, family)
        self._dropped = dropped.tally(server, DROPPED, protocol, family)
        self._over_udp = protocol == "udp"
        self._turn = 0
        self.serve(())

    def serve(self, plans: Sequence[Plan]) -> None:
        """Swap what is served."""
        self._shapes: dict[bytes, Shape] = {}
        self._routes = Routes(plans, self._labels)
        self._first = self._routes.first_table()

    def respond(self, packet: bytes, source: Source) -> Response:
        """Answer a packet: octets to send, None for silence, or the plan whose `miss` must be asked."""
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
            if answers is not None and table.synced and (ready := answers.get(owner)) is not None:
                return self._repeat(packet, source, name, shape, served, table, ready)
        return self._by_rules(packet, source, name, shape)

    def size_limit(self, query: Query) -> int:
        """Say how many octets the response to a query may have."""
        return query.udp_octets if self._over_udp else c.MESSAGE_OCTETS_MAX

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
        if (
            query.name.find(0) == len(query.name) - 1
        ):  # else `respond` would not find the name's end
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
        for layer in served.layers:
            if isinstance(layer, Suffixes):
                if layer.match(owner, starts) is not None:
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
        return served.plan

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
        if served.rotate and (ready[1] > 1 or ready[5] > 1 or ready[0] or ready[4]):
            self._turn += 1
            # Neither the turn alone (A and AAAA alternate) nor the id alone (it may be constant) would do.
            ready = rotate(ready, self._turn + packet[1])
        if shape.recased and not name.islower():
            ready = table.in_case_of(ready, name)
        opt, behind = shape.opt, c.HEADER_OCTETS + len(name) + 4
        octets = behind - 6 + len(ready) + len(opt)
        if octets > shape.limit:
            response = _fitted(packet, behind, shape, ready)
        elif opt:
            more = _ONE_MORE[ready[5]] if not ready[4] else _one_more(ready)
            response = b"".join(
                (packet[:2], shape.found, ready[:4], more, packet[12:behind], ready[6:], opt)
            )
        else:
            response = b"".join((packet[:2], shape.found, ready[:6], packet[12:behind], ready[6:]))
        if served.watched:
            self._watch(packet, source, shape, served, table, c.NOERROR, response)
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
        question = packet[c.HEADER_OCTETS : c.HEADER_OCTETS + len(name) + 4]
        if table.options.denies:
            head, soa = shape.denials[rcode], apex.soa(len(name))
        else:
            head, soa = shape.head(rcode if rcode else c.AA), b""
        response = b"".join((packet[:2], head, question, soa, shape.opt))
        if served.watched:
            self._watch(packet, source, shape, served, table, rcode, response)
        return response

    def _watch(  # noqa: PLR0917
        self,
        packet: bytes,
        source: Source,
        shape: Shape,
        served: Served,
        table: PythonTable,
        rcode: int,
        response: bytes,
    ) -> None:
        """Count an answer, and show it to the observers."""
        now = perf_counter()
        seconds = now - self.clock
        self.clock = now
        plugin = table.options.plugin
        tally = served.tally
        if tally is not None:
            cell = (shape.asked, rcode, plugin, len(packet), len(response))
            counted = tally.cells.get(cell)
            if counted is None:
                tally.open_cell(cell)
            else:
                counted[0] += 1
            tally.seconds += seconds
            if seconds > FIRST_BOUND_SECONDS:
                tally.count_slow(seconds)
        for observe in served.observers:
            observe(packet, response, source.client(), plugin, seconds)


def _one_more(ready: ReadyAnswer) -> bytes:
    """Count one more additional record, where there are many."""
    return (int.from_bytes(ready[4:6], "big") + 1).to_bytes(2, "big")


def _fitted(packet: bytes, behind: int, shape: Shape, ready: ReadyAnswer) -> bytes:
    """Repeat a ready answer that is too large as it is."""
    whole = b"".join((packet[:2], shape.found, ready[:6], packet[12:behind], ready[6:]))
    response = fit(whole, shape.limit - len(shape.opt))
    if not shape.opt:
        return response
    return b"".join((response[:10], _one_more(response[6:12]), response[12:], shape.opt))
