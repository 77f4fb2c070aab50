"""Responses as octets: made from a ready answer or an RCODE, and made fit to send.

The plugin chain makes a *whole* response: no OPT, no size limit. `finish` is the last step before the socket, the same
for every answer: OPT if the query had one (no options are echoed, as CoreDNS 1.15), and whole records dropped from the
end, TC set, until it fits.

Sources: RFC 1035 §4.1.1; RFC 2181 §9; RFC 6891 §6.1.1, §7; CoreDNS request.Scrub.
"""

from __future__ import annotations

from struct import pack, pack_into, unpack_from

from podname.wire import constants as c
from podname.wire.query import Query
from podname.wire.records import skip_name, walk

_COPIED_FLAGS = c.RD | c.CD
_OPT_OCTETS = 11


def respond(query: Query, ready_answer: bytes, *, flags: int = c.AA) -> bytes:
    """Make a NOERROR response that repeats a ready answer."""
    return b"".join(
        (
            query.packet[:2],
            pack("!HH", c.QR | flags | query.flags & _COPIED_FLAGS | query.flags & 0x7800, 1),
            ready_answer[:6],
            query.question,
            ready_answer[6:],
        )
    )


def deny(query: Query, rcode: int, authority: bytes = b"", *, flags: int = 0) -> bytes:
    """Make a response without answers; `authority` is one packed SOA record, or nothing."""
    return b"".join(
        (
            query.packet[:2],
            pack(
                "!5H",
                c.QR | flags | query.flags & _COPIED_FLAGS | query.flags & 0x7800 | rcode & 0xF,
                1,
                0,
                1 if authority else 0,
                0,
            ),
            query.question,
            authority,
        )
    )


def malformed(packet: bytes, rcode: int) -> bytes:
    """Answer a packet whose question cannot be read: its header alone, with an RCODE."""
    flags = int.from_bytes(packet[2:4], "big")
    return packet[:2] + pack("!5H", c.QR | flags & (0x7800 | _COPIED_FLAGS) | rcode, 0, 0, 0, 0)


def rcode_of(response: bytes) -> int:
    """Read the RCODE of the header, without what an OPT record would add."""
    return response[3] & 0xF


def without_opt(response: bytes) -> bytes:
    """Take the OPT record out of a message. Raises what `walk` raises when the message is malformed."""
    questions, answers, authorities, additionals = unpack_from("!4H", response, 4)
    at = c.HEADER_OCTETS
    for _ in range(questions):
        at = skip_name(response, at) + 4
    first_additional = answers + authorities
    for number, rr in enumerate(walk(response, at, first_additional + additionals)):
        if number >= first_additional and rr.rtype == c.OPT:
            shorter = bytearray(response[: rr.start] + response[rr.end :])
            pack_into("!H", shorter, 10, additionals - 1)
            return bytes(shorter)
    return response


def opt_record(query: Query, rcode: int) -> bytes:
    """Make the OPT record that answers the query's: its own size back, DO copied, the RCODE's upper bits."""
    edns = query.edns
    if edns is None:
        return b""
    size = max(c.UDP_OCTETS_WITHOUT_EDNS, edns.udp_octets)
    return b"\x00" + pack("!HHIH", c.OPT, size, rcode >> 4 << 24 | (0x8000 if edns.dnssec_ok else 0), 0)


def finish(query: Query, response: bytes, limit_octets: int, rcode: int | None = None) -> bytes:
    """Add OPT, drop records from the end until the message fits, set TC if any was dropped."""
    opt = opt_record(query, response[3] & 0xF if rcode is None else rcode)
    if len(response) + len(opt) > limit_octets:
        response = truncate(query, response, limit_octets - len(opt))
    if not opt:
        return response
    message = bytearray(response + opt)
    pack_into("!H", message, 10, int.from_bytes(message[10:12], "big") + 1)
    return bytes(message)


def truncate(query: Query, response: bytes, limit_octets: int) -> bytes:
    """Keep as many whole records as fit, in order; TC says that some are missing."""
    counts = list(unpack_from("!3H", response, 6))
    kept, end = [0, 0, 0], query.end
    section = 0
    for number, rr in enumerate(walk(response, query.end, sum(counts))):
        while number >= sum(counts[: section + 1]):
            section += 1
        if rr.end > limit_octets:
            break
        kept[section] += 1
        end = rr.end
    message = bytearray(response[:end])
    pack_into("!3H", message, 6, *kept)
    message[2] |= c.TC >> 8
    return bytes(message)
