"""Let addresses take turns, so that clients which take the first one are spread.

The engine rotates the answers that it gives by itself. An answer of the plugin chain is shuffled
here: the RDATA of the A records of one owner in the answer section change places among themselves,
and so do those of AAAA records. Nothing else of the message moves, so compression pointers stay true. MX records, whose
RDATA may be compressed, are shuffled by writing the message anew.

Sources: CoreDNS plugin/loadbalance; RFC 1035 §4.1.4; RFC 1794.
"""

from __future__ import annotations

import random

import dns.exception

from podname.dns import constants as c
from podname.dns.message import BadMessage, Message, Section, rcode_of
from podname.dns.records import Record
from podname.engine.caching import groups_of
from podname.plugins.base import Draft, Next, Plugin, Reply, Request


class LoadBalance(Plugin):
    """`loadbalance`: NOERROR only, and never a zone transfer."""

    name = "loadbalance"
    is_planned = True

    def plan(self, draft: Draft) -> None:
        """Let the engine rotate."""
        draft.rotate = True

    async def serve(self, request: Request, next_: Next) -> Reply:
        """Shuffle what comes back."""
        reply = await next_(request)
        if reply is None or request.query.qtype in {c.AXFR, c.IXFR} or rcode_of(reply) != c.NOERROR:
            return reply
        return shuffle(reply, request.query.end)


def shuffle(reply: bytes, behind_question: int) -> bytes:
    """Return the message with its addresses in another order; a malformed one stays as it is."""
    message = Message(reply, behind_question)
    if message.count(Section.ANSWER) < 2:
        return reply
    try:
        records = message.section(Section.ANSWER)
        if any(rr.rtype == c.MX for rr in records):
            return _shuffle_mx(reply)
        return _shuffle_addresses(reply, records)
    except (BadMessage, dns.exception.DNSException):
        return reply


def _shuffle_addresses(reply: bytes, records: list[Record]) -> bytes:
    groups = groups_of(reply, records)
    if not groups:
        return reply
    message = bytearray(reply)
    for size, offsets in groups:
        for at, other in zip(offsets, random.sample(offsets, len(offsets)), strict=True):
            message[at : at + size] = reply[other : other + size]
    return bytes(message)


def _shuffle_mx(reply: bytes) -> bytes:
    import dns.message  # noqa: PLC0415 - start time counts

    message = dns.message.from_wire(reply, one_rr_per_rrset=True)
    mx = [place for place, rrset in enumerate(message.answer) if rrset.rdtype == c.MX]
    before = list(message.answer)
    for place, other in zip(mx, random.sample(mx, len(mx)), strict=True):
        message.answer[place] = before[other]
    return message.to_wire(max_size=c.MESSAGE_OCTETS_MAX)
