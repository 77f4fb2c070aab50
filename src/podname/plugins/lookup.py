"""Ask the whole server for a name that an answer points to, as if the client had asked.

So `forward`, `hosts` and every other server block have their say.

Source: CoreDNS 1.15.0 plugin/pkg/upstream.
"""

from __future__ import annotations

import dns.flags
import dns.message
import dns.name
import dns.rdatatype

from podname.dns.message import BadMessage
from podname.dns.unpacked import Unpacked, unpack
from podname.plugins.base import Request


async def asked(request: Request, name: bytes, qtype: int) -> bytes | None:
    """Return the response to a question of our own; None when there is none."""
    question = dns.message.make_query(
        dns.name.from_wire(name, 0)[0], dns.rdatatype.RdataType(qtype)
    )
    edns = request.query.edns
    if edns is not None:
        question.use_edns(
            0, dns.flags.DO if edns.dnssec_ok else 0, payload=request.query.udp_octets
        )
    return await request.upstream(question.to_wire(), request.client)


async def look_up(request: Request, name: bytes, qtype: int) -> Unpacked | None:
    """Return the response to a question of our own; None when there is none that can be read."""
    reply = await asked(request, name, qtype)
    try:
        return None if reply is None else unpack(reply)
    except BadMessage:
        return None


def records_of(message: Unpacked) -> list[bytes]:
    """Return the packed records of an answer section, each with its own TTL."""
    return [record.pack() for record in message.answer]
