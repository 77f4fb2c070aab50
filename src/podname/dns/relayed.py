"""What an upstream said, made fit to be handed on: the client's id, the client's question, no OPT.

The message's records stay the octets that came. They are walked over once, so that nobody behind us meets a message
that ends in the middle of a record, or a name whose pointers lead nowhere. The question is put back as the client
spelled it: an upstream that folds its case does not spoil the client's check of it (draft-vixie-dnsext-dns0x20).

Sources: CoreDNS request.Match, plugin/pkg/proxy connect.go (`truncateResponse`); RFC 5452 §9.1; RFC 6891 §6.1.1.
"""

from __future__ import annotations

from struct import Struct
from struct import error as StructError

from podname.dns import constants as c
from podname.dns import reply as replies
from podname.dns.compression import NAMES, expand, names_in_rdata, skip_name
from podname.dns.query import Query

_COUNTS = Struct("!4H")
_FIXED = Struct("!HHIH")


class BadReply(ValueError):
    """The upstream's reply cannot be read."""


def relay(query: Query, octets: bytes, limit_octets: int, *, tcp: bool) -> bytes:
    """Make the response to `query` from the upstream's reply.

    A reply to another question is answered with FORMERR; one that is cut, or larger than `limit_octets`, which the
    client said it can take, with TC alone, so that the client asks again over TCP. Raises BadReply.
    """
    end, packet = query.end, query.packet
    same = octets[c.HEADER_OCTETS : end] == packet[c.HEADER_OCTETS : end]
    if not (same or _same_question(query, octets)) or octets[2] < 0x80 or octets[4:6] != b"\0\1":
        return replies.deny(query, c.FORMERR)
    if not tcp and len(octets) > limit_octets:
        return cut(query, octets)
    try:
        return _without_opt(query, octets)
    except (IndexError, StructError):
        if tcp:
            raise BadReply("the reply ends in the middle of a record") from None
        return cut(query, octets)
    except ValueError as error:
        raise BadReply(str(error)) from None


def cut(query: Query, octets: bytes) -> bytes:
    """Return the reply's header and the question, with TC."""
    flags = bytes((octets[2] | c.TC >> 8, octets[3]))
    return query.packet[:2] + flags + b"\x00\x01\x00\x00\x00\x00\x00\x00" + query.question


def _same_question(query: Query, octets: bytes) -> bool:
    """Return whether the question is the client's but for the case of its name."""
    end = query.end
    return (
        octets[end - 4 : end] == query.packet[end - 4 : end]
        and octets[c.HEADER_OCTETS : end - 4].lower() == query.folded
    )


def _without_opt(query: Query, octets: bytes) -> bytes:
    """Walk over the records and take OPT out."""
    _, answers, authorities, additionals = _COUNTS.unpack_from(octets, 4)
    at, opt = query.end, None
    first_additional = answers + authorities
    for number in range(first_additional + additionals):
        first = at
        if octets[at : at + 2] == c.POINTER_TO_QNAME:
            at += 2
        elif not octets[at]:
            at += 1
        else:
            expand(octets, at)
            at = skip_name(octets, at)
        rtype, _, ttl, length = _FIXED.unpack_from(octets, at)
        at += 10 + length
        if rtype in NAMES:
            for _name in names_in_rdata(octets, rtype, at - length):
                pass  # which one is does not matter: they lead somewhere
        if rtype == c.OPT and number >= first_additional:
            if ttl >> 24:
                raise BadReply(f"an RCODE of EDNS ({ttl >> 24 << 4 | octets[3] & 0xF})")
            opt = first, at
    if at > len(octets):
        raise IndexError
    head, end = query.packet[:2] + octets[2:10], query.end
    if opt is None:
        return head + octets[10:12] + query.question + octets[end:at]
    if opt[1] != at:
        return _without_opt_inside(query, octets)
    arcount: bytes = (additionals - 1).to_bytes(2, "big")
    return head + arcount + query.question + octets[end : opt[0]]


def _without_opt_inside(query: Query, octets: bytes) -> bytes:
    """Make the message anew when records follow OPT: names in them may point behind it."""
    import dns.message  # noqa: PLC0415 - start time counts

    try:
        message = dns.message.from_wire(octets, ignore_trailing=True)
        message.use_edns(False)
        anew: bytes = message.to_wire(max_size=c.MESSAGE_OCTETS_MAX)
    except (dns.exception.DNSException, ValueError) as error:
        raise BadReply(str(error)) from None
    return query.packet[:2] + anew[2:12] + query.question + anew[query.end :]
