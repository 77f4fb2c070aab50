"""What can be known of a query before its name is looked at.

A *shape* is all of a query but its id and its name: header bits, counts, type, class and EDNS. Clients use a handful of
them, so what a shape means is worked out once, with every check that a query deserves, and kept under its octets. A
query whose shape is known needs no parsing: its name ends at the first zero octet, and if the octets before that
are a name of the table, then that is what was asked; if they are not, they are checked like any other.

Sources: RFC 1035 §4.1; RFC 6891 §6.1.
"""

from __future__ import annotations

from struct import pack

from podname.dns import constants as c
from podname.dns.fitting import fit
from podname.dns.query import Query
from podname.dns.reply import flags_of, opt_record
from podname.engine.base import ReadyAnswer
from podname.engine.reference.table import TYPES_IN_THE_ZONES_CASE

#: Some 500 octets each; a client that varies its options pays for the parsing itself.
SHAPES_MAX = 4096
_OPCODE = 0x7800

#: One more additional record, by the second octet of their number when the first is zero.
_ONE_MORE = [number.to_bytes(2, "big") for number in range(1, 257)]


class Shape:
    """How queries of one shape are answered: `found` and `denials` are headers from the flags on."""

    __slots__ = (
        *("asked", "denials", "flags", "found", "kind", "limit", "opt", "qtype", "recased"),
        *("udp_octets", "wants_authenticated"),
    )

    def __init__(self, query: Query, limit_octets: int) -> None:
        self.qtype = query.qtype
        self.asked = query.qtype << 1 | bool(query.edns and query.edns.dnssec_ok)
        self.kind = _kind_of(query)
        self.wants_authenticated = bool(query.flags & c.AD or self.asked & 1)
        self.limit = limit_octets
        self.udp_octets = query.edns.udp_octets if query.edns else 0
        self.opt = opt_record(query)
        self.flags = flags_of(query.flags)
        self.recased = query.qtype in TYPES_IN_THE_ZONES_CASE
        self.found = pack("!HH", self.flags | c.AA, 1)
        self.denials = {
            rcode: self._head(c.AA | rcode, authorities=1)
            for rcode in (c.NOERROR, c.NXDOMAIN, c.SERVFAIL)
        }

    def repeat(self, packet: bytes, behind: int, ready: ReadyAnswer) -> bytes:
        """Repeat a ready answer to a packet whose question ends before `behind`."""
        opt = self.opt
        if behind - 6 + len(ready) + len(opt) > self.limit:
            return self._fitted(packet, behind, ready)
        if not opt:
            return b"".join((packet[:2], self.found, ready[:6], packet[12:behind], ready[6:]))
        more = _one_more(ready[4:6]) if ready[4] else _ONE_MORE[ready[5]]
        return b"".join(
            (packet[:2], self.found, ready[:4], more, packet[12:behind], ready[6:], opt)
        )

    def deny(self, packet: bytes, behind: int, rcode: int, soa: bytes) -> bytes:
        """Say NOERROR without records, NXDOMAIN or SERVFAIL, with the zone's SOA."""
        return b"".join((packet[:2], self.denials[rcode], packet[12:behind], soa, self.opt))

    def reply(self, packet: bytes, behind: int, flags: int) -> bytes:
        """Say what flags and an RCODE say, without any record."""
        return b"".join((packet[:2], self._head(flags), packet[12:behind], self.opt))

    def finish(self, response: bytes) -> bytes:
        """Add OPT to a response that fits."""
        if not self.opt:
            return response
        return b"".join((response[:10], _one_more(response[10:12]), response[12:], self.opt))

    def _head(self, flags: int, *, authorities: int = 0) -> bytes:
        return pack("!5H", self.flags | flags, 1, 0, authorities, 1 if self.opt else 0)

    def _fitted(self, packet: bytes, behind: int, ready: ReadyAnswer) -> bytes:
        whole = b"".join((packet[:2], self.found, ready[:6], packet[12:behind], ready[6:]))
        return self.finish(fit(whole, self.limit - len(self.opt)))


def _kind_of(query: Query) -> tuple[int, int, bool, bool] | None:
    """Return type, class, DO and CD; None where no answer that was left is meant (another opcode)."""
    if query.flags & _OPCODE:
        return None
    dnssec_ok = query.edns is not None and query.edns.dnssec_ok
    return query.qtype, query.qclass, dnssec_ok, bool(query.flags & c.CD)


def _one_more(additionals: bytes) -> bytes:
    return (int.from_bytes(additionals, "big") + 1).to_bytes(2, "big")
