"""Answers to leave with an engine, made from messages."""

from __future__ import annotations

import dns.flags
import dns.message
import dns.rrset

from podname.dns import constants as c
from podname.dns import names
from podname.dns.message import uncompressed_octets
from podname.dns.records import walk
from podname.engine.caching import AnswerKey, CachedAnswer, groups_of

NS = 1_000_000_000


def key(
    name: str, qtype: int = c.A, qclass: int = c.IN, *, do: bool = False, cd: bool = False
) -> AnswerKey:
    """Make the key of an answer."""
    return names.from_text(name), qtype, qclass, do, cd


def answered(
    name: str,
    *records: str,
    ttl_seconds: int = 30,
    stored_ns: int = 0,
    flags: int = 0,
    **more: bool,
) -> CachedAnswer:
    """Make an answer of records in zone-file text without TTL; `authority:` before one puts it there."""
    message = dns.message.make_response(dns.message.make_query(name, "A"))
    for record in records:
        section = message.authority if record.startswith("authority:") else message.answer
        owner, rtype, rdata = record.removeprefix("authority:").split(maxsplit=2)
        section.append(dns.rrset.from_text(owner, ttl_seconds, "IN", rtype, rdata))
    return of_message(message.to_wire(), ttl_seconds, stored_ns, flags, **more)


def of_message(
    message: bytes, ttl_seconds: int, stored_ns: int, flags: int = 0, **more: bool
) -> CachedAnswer:
    """Make an answer of a whole message without OPT, all of whose TTLs are `ttl_seconds`."""
    end = message.index(0, c.HEADER_OCTETS) + 5
    counts = [int.from_bytes(message[at : at + 2], "big") for at in (6, 8, 10)]
    records = list(walk(message, end, sum(counts)))
    return CachedAnswer(
        flags=flags,
        counts=message[6:12],
        records=message[end:],
        ttl_offsets=tuple(rr.fixed + 4 - end for rr in records),
        ttl_seconds=ttl_seconds,
        stored_ns=stored_ns,
        groups=groups_of(message, records[: counts[0]], end),
        uncompressed_octets=uncompressed_octets(message) - end,
        **more,
    )
