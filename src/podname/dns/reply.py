"""Responses as octets: made from a ready answer or an RCODE, and made fit to send.

The plugin chain makes a *whole* response: no OPT, no size limit. `finish` is the last step before the socket, the same
for every answer: OPT if the query had one, and, when the client cannot take all of it, as many whole records as fit
(`podname.dns.fitting`). A plugin that has EDNS options for the client ends its response with an OPT record, of which
only they count.

Sources: RFC 1035 §4.1.1; RFC 6891 §6.1.1, §6.1.3, §7; CoreDNS request.SizeAndDo, edns.Version; miekg/dns `SetReply`.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import pack, unpack_from

from podname.dns import constants as c
from podname.dns.fitting import fit
from podname.dns.query import Malformed, Query
from podname.dns.records import walk

_COPIED_FLAGS = c.RD | c.CD
_OPCODE = 0x7800
_OPT_DATA_AT = 11  # the root, type, class, TTL, length
_EDE = 15
_KEPT_OF_A_MALFORMED_QUERY = c.TC | c.RD | c.RA | c.AD | c.CD


def flags_of(query_flags: int) -> int:
    """Return the flags of a response before anything is known about it: the opcode, and of a QUERY also RD and CD."""
    opcode = query_flags & _OPCODE
    return c.QR | opcode | (query_flags & _COPIED_FLAGS if opcode == 0 else 0)


def respond(query: Query, ready_answer: bytes, *, flags: int = c.AA) -> bytes:
    """Make a NOERROR response that repeats a ready answer."""
    return repeat(query, flags=flags, counts=ready_answer[:6], records=ready_answer[6:])


def deny(
    query: Query,
    rcode: int,
    authority: bytes = b"",
    *,
    flags: int = 0,
    extended_error: int | None = None,
) -> bytes:
    """Make a response without answers; `authority` is one packed SOA record, or nothing."""
    return build(
        query,
        authority=(authority,) if authority else (),
        additional=() if extended_error is None else (_error_record(extended_error),),
        flags=flags,
        rcode=rcode & 0xF,
    )


def malformed(packet: bytes, problem: Malformed) -> bytes | None:
    """Answer a packet that is no query: its header and, if that could be read, its question. None is silence.

    As CoreDNS's library does, the client's flags come back, and the opcode only to say that it is not implemented.
    """
    if problem.rcode is None:
        return None
    flags = int.from_bytes(packet[2:4], "big")
    kept = flags & _KEPT_OF_A_MALFORMED_QUERY
    if problem.rcode == c.NOTIMP:
        kept |= flags & _OPCODE
    elif problem.rcode == c.SERVFAIL:
        kept = flags_of(flags)
    question = packet[c.HEADER_OCTETS : problem.question_end]
    header = pack("!5H", c.QR | kept | problem.rcode, 1 if question else 0, 0, 0, 0)
    return packet[:2] + header + question


def bad_version(query: Query) -> bytes:
    """Answer an EDNS version that we do not speak: BADVERS, in an OPT record that promises nothing."""
    opt = b"\x00" + pack("!HHIH", c.OPT, 0, c.BADVERS >> 4 << 24, 0)
    header = pack("!5H", flags_of(query.flags), 1, 0, 0, 1)
    return b"".join((query.packet[:2], header, query.question, opt))


def repeat(query: Query, *, flags: int, counts: bytes, records: bytes) -> bytes:
    """Make a response of sections as they stand: their counts (two octets each) and their records."""
    header = query.packet[:2] + pack("!HH", flags_of(query.flags) | flags, 1)
    return b"".join((header, counts, query.question, records))


def build(
    query: Query,
    *,
    answer: Sequence[bytes] = (),
    authority: Sequence[bytes] = (),
    additional: Sequence[bytes] = (),
    flags: int = c.AA,
    rcode: int = c.NOERROR,
) -> bytes:
    """Make a response of packed records (`podname.dns.records.record`)."""
    counts = pack("!3H", len(answer), len(authority), len(additional))
    records = b"".join((*answer, *authority, *additional))
    return repeat(query, flags=flags | rcode, counts=counts, records=records)


def opt_record(query: Query) -> bytes:
    """Make the OPT record that answers the query's, or nothing: its own size back, DO copied."""
    edns = query.edns
    if edns is None:
        return b""
    return b"\x00" + pack("!HHIH", c.OPT, edns.udp_octets, c.DNSSEC_OK if edns.dnssec_ok else 0, 0)


def _error_record(extended_error: int) -> bytes:
    """Make an OPT record of which the extended error counts (RFC 8914 §2)."""
    return b"\x00" + pack("!HHIHHHH", c.OPT, 0, 0, 6, _EDE, 2, extended_error)


def without_opt(response: bytes, question_end: int) -> tuple[bytes, bytes]:
    """Return a response and the OPT record that it ended with, or nothing. Raises what `walk` raises."""
    *counts, additionals = unpack_from("!3H", response, 6)
    if not additionals:
        return response, b""
    *_, last = walk(response, question_end, sum(counts) + additionals)
    if last.rtype != c.OPT:
        return response, b""
    count = pack("!H", additionals - 1)
    return response[:10] + count + response[12 : last.start], response[last.start :]


def with_opt(response: bytes, opt: bytes) -> bytes:
    """Return a response with an OPT record at its end, or as it is if there is none."""
    if not opt:
        return response
    additionals = int.from_bytes(response[10:12], "big") + 1
    return b"".join((response[:10], pack("!H", additionals), response[12:], opt))


def finish(query: Query, response: bytes, limit_octets: int) -> bytes:
    """Add OPT and see to it that the message fits. Raises what `walk` raises when `response` is malformed."""
    opt = opt_record(query)
    response, own = without_opt(response, query.end)
    if own:
        opt = opt and opt[:-2] + own[_OPT_DATA_AT - 2 :]
    if len(response) + len(opt) > limit_octets:
        response = fit(response, limit_octets - len(opt))
    return with_opt(response, opt)
