"""What can be known of a query before its name is looked at.

A *shape* is all of a query but its id and its name: header bits, counts, type, class and EDNS. Clients use a handful of
them, so what a shape means is worked out once, with every check that a query deserves, and kept under its octets. A
query whose shape is known needs no parsing: its name ends at the first zero octet, and if the octets before that
are a name of the table, then that is what was asked; if they are not, they are checked like any other.

Sources: RFC 1035 §4.1; RFC 6891 §6.1.
"""

from __future__ import annotations

from struct import pack

from podname.engine.python.table import TYPES_IN_THE_ZONES_CASE
from podname.wire import constants as c
from podname.wire.query import Query
from podname.wire.reply import flags_of, opt_record

SHAPES_MAX = (
    4096  # some 500 octets each; a client that varies its options pays for the parsing itself
)


class Shape:
    """How queries of one shape are answered: `found` and `denials` are headers from the flags on."""

    __slots__ = ("asked", "denials", "flags", "found", "limit", "opt", "qtype", "recased")

    def __init__(self, query: Query, limit_octets: int) -> None:
        self.qtype = query.qtype
        self.asked = query.qtype << 1 | bool(query.edns and query.edns.dnssec_ok)
        self.limit = limit_octets
        self.opt = opt_record(query)
        self.flags = flags_of(query.flags)
        self.recased = query.qtype in TYPES_IN_THE_ZONES_CASE
        self.found = pack("!HH", self.flags | c.AA, 1)
        self.denials = {
            rcode: self.head(c.AA | rcode, authorities=1)
            for rcode in (c.NOERROR, c.NXDOMAIN, c.SERVFAIL)
        }

    def head(self, flags: int, *, authorities: int = 0) -> bytes:
        """Make the header, from the flags on, of a response without answers; OPT is counted."""
        return pack("!5H", self.flags | flags, 1, 0, authorities, 1 if self.opt else 0)
