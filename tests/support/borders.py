"""Answers of an exact size around what a datagram holds."""

from __future__ import annotations

import struct

import dns.flags
import dns.message

from podname.dns import constants as c
from podname.dns import reply
from podname.dns.query import Query

#: A type whose RDATA can have any size, and in which nothing can be compressed.
NULL = 10
BORDER = (65500, *range(65506, 65510), *range(65526, 65536))
_OPT_OCTETS = 11


def ready_answer(question_end: int, octets: int) -> bytes:
    """Make the ready answer that fills a response with OPT to so many octets."""
    left, records = octets - question_end - _OPT_OCTETS, list[bytes]()
    while left:
        rdata = left - 12 if left < 1000 else 800
        head = c.POINTER_TO_QNAME + struct.pack("!HHIH", NULL, c.IN, 5, rdata)
        records.append(head + bytes(rdata))
        left -= 12 + rdata
    return struct.pack("!3H", len(records), 0, 0) + b"".join(records)


def filled(query: Query, octets: int) -> bytes:
    """Answer so that the response has so many octets with OPT."""
    return reply.respond(query, ready_answer(query.end, octets))


def check(received: bytes, octets: int) -> None:
    """Fail unless a response over UDP that would have so many octets is whole, or cut where no datagram holds it."""
    is_cut = bool(dns.message.from_wire(received).flags & dns.flags.TC)
    assert is_cut == (octets > c.UDP_OCTETS_MAX)
    assert is_cut or len(received) == octets
