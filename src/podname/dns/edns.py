"""The EDNS part of a query on its way: its size bounded, its options passed on or not. Extended errors of a response.

Sources: RFC 6891 §6.1.2; RFC 7871 (client subnet); RFC 7873 §5.2, RFC 7828, RFC 7830 (cookies, keepalive and padding
are between two neighbours); RFC 8914 (extended errors).
"""

from __future__ import annotations

from podname.dns import constants as c
from podname.dns.query import Query
from podname.dns.records import walk
from podname.dns.unpacked import opt_record, options_of, pack_options

EDE_NO_REACHABLE_AUTHORITY = 22
EDE_NETWORK_ERROR = 23

_HOP_BY_HOP = frozenset({10, 11, 12})
_CLIENT_SUBNET, _EXTENDED_ERROR = 8, 15
_OPT_OCTETS = 11  # without options


def passed_on(query: Query) -> bytes:
    """Return the packet for the next server: without the options that were meant for us alone.

    A packet with other records than OPT behind its question, such as a signature, stays as it is.
    """
    options = _options(query)
    kept = [(code, data) for code, data in options if code not in _HOP_BY_HOP]
    if len(kept) == len(options):
        return query.packet
    opt, data = query.end, pack_options(kept)
    head = query.packet[: opt + _OPT_OCTETS - 2]
    return head + len(data).to_bytes(2, "big") + data


def clamped(query: Query, octets_max: int) -> Query:
    """Return a query that says it takes no more over UDP than that."""
    edns = query.edns
    if edns is None or edns.udp_octets <= octets_max:
        return query
    packet = query.packet
    count = sum(int.from_bytes(packet[at : at + 2], "big") for at in (6, 8, 10))
    for record in walk(packet, query.end, count):
        if record.rtype == c.OPT:
            at = record.fixed + 2
            packet = packet[:at] + octets_max.to_bytes(2, "big") + packet[at + 2 :]
            break
    return query._replace(packet=packet, edns=edns._replace(udp_octets=octets_max))


def extended_error(code: int) -> bytes:
    """Make the OPT record that tells a client why. It ends a response (`podname.dns.reply`)."""
    return opt_record(0, [(_EXTENDED_ERROR, code.to_bytes(2, "big"))]).pack()


def is_for_one_subnet(query: Query) -> bool:
    """Return whether the answer is for the clients of one network only."""
    return any(code == _CLIENT_SUBNET for code, _ in _options(query))


def _options(query: Query) -> list[tuple[int, bytes]]:
    """Return code and data of each option, when OPT is all that stands behind the question."""
    packet, end = query.packet, query.end
    is_plain = query.edns is not None and packet[6:12] == b"\0\0\0\0\0\1"
    if not is_plain or len(packet) <= end + _OPT_OCTETS:
        return []
    (opt,) = walk(packet, end, 1)
    return options_of(packet[opt.rdata : opt.end]) if opt.rtype == c.OPT else []
