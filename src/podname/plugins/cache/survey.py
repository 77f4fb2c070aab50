"""What a response is, as far as a cache must know: success or denial, where its TTLs stand, which is the least.

One walk over the records tells. CoreDNS's words are kept: a *delegation* has NS records and no answer, a *server error*
is SERVFAIL or NOTIMP, what is never kept is *other*. A NOERROR response whose answer does not answer the question (an
alias that leads nowhere) is a denial when a SOA record bounds it, and otherwise not kept.

Sources: CoreDNS 1.15.0 plugin/pkg/response typify.go, plugin/pkg/dnsutil ttl.go, plugin/cache cache.go
(`cacheResponseType`, `isNODATA`); RFC 2308 §2, §5; RFC 4034 §3.1.5 (validity of RRSIG).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto
from time import time
from typing import NamedTuple

from podname.plugins.cache.options import ShelfOptions
from podname.wire import constants as c
from podname.wire.compression import expand
from podname.wire.query import Query
from podname.wire.records import Record, walk

_ANY_CLASS = 255
_RRSIG = 46
_NOTIFY = 4
_TTL_SECONDS_DEFAULT = 5  # of what has no TTL of its own to go by


class Kind(Enum):
    """What a response is to the cache."""

    SUCCESS = auto()
    DELEGATION = auto()
    DENIAL = auto()
    SERVER_ERROR = auto()
    OTHER = auto()


class Survey(NamedTuple):
    """What one walk over a response tells."""

    kind: Kind
    keepable: bool
    ttl_offsets: tuple[int, ...]
    ttl_seconds_least: int | None  # None: it has no records

    def ttl_seconds(self, shelf: ShelfOptions) -> int:
        """Give the TTL that the whole message leaves with."""
        least = self.ttl_seconds_least
        if least is None or self.kind not in {Kind.SUCCESS, Kind.DENIAL}:
            least = _TTL_SECONDS_DEFAULT
        return shelf.clamped(min(least, shelf.ttl_seconds_most))


def survey(query: Query, message: bytes) -> Survey:
    """Look a response over. Raises ValueError, IndexError or struct.error when it is malformed."""
    answers = int.from_bytes(message[6:8], "big")
    authorities = int.from_bytes(message[8:10], "big")
    additionals = int.from_bytes(message[10:12], "big")
    records = list(walk(message, query.end, answers + authorities + additionals))
    authority = [rr.rtype for rr in records[answers : answers + authorities]]
    has_soa = c.SOA in authority
    kind = _kind(query, message, answers, authority)
    keepable = kind is not Kind.OTHER and not message[2] & c.TC >> 8
    if query.edns and query.edns.dnssec_ok and _has_expired(message, records):
        kind, keepable = Kind.OTHER, False
    elif kind is Kind.SUCCESS and answers and not _answers(query, message, records[:answers]):
        kind, keepable = (Kind.DENIAL, keepable) if has_soa else (kind, False)
    elif message[3] & 0xF == c.NXDOMAIN and not has_soa:
        keepable = False
    least = min((rr.ttl_seconds for rr in records), default=None)
    return Survey(kind, keepable, tuple(rr.fixed + 4 for rr in records), least)


def _kind(query: Query, message: bytes, answers: int, authority: Sequence[int]) -> Kind:
    rcode = message[3] & 0xF
    if query.qtype in {c.AXFR, c.IXFR} or message[2] >> 3 & 0xF == _NOTIFY:
        return Kind.OTHER
    if answers:
        if rcode in {c.NOERROR, c.NXDOMAIN}:
            return Kind.OTHER if rcode else Kind.SUCCESS
    elif rcode == c.NXDOMAIN or (rcode == c.NOERROR and c.SOA in authority):
        return Kind.DENIAL
    if rcode in {c.SERVFAIL, c.NOTIMP}:
        return Kind.SERVER_ERROR
    if rcode:
        return Kind.OTHER
    return Kind.DELEGATION if c.NS in authority else Kind.SUCCESS


def _answers(query: Query, message: bytes, answer: Sequence[Record]) -> bool:
    """Say whether the answer section answers the question, aliases followed."""
    if _answers_by_itself(query, message, answer):
        return True
    owned = [
        rr
        for rr in answer
        if query.qclass in {_ANY_CLASS, int.from_bytes(message[rr.fixed + 2 : rr.fixed + 4], "big")}
    ]
    aliases = [rr for rr in owned if rr.rtype == c.CNAME]
    if not aliases:
        wanted = {rr.start for rr in owned if query.qtype in {rr.rtype, c.ANY}}
        return any(_is_named(message, start, query.folded) for start in wanted)
    if query.qtype == c.ANY:
        return any(_is_named(message, rr.start, query.folded) for rr in owned)
    targets = _targets(message, aliases)
    if targets is None:
        return False
    if query.qtype == c.CNAME:
        return query.folded in targets
    end = _end_of(query.folded, targets)
    return end is not None and any(
        rr.rtype == query.qtype and _is_named(message, rr.start, end) for rr in owned
    )


def _answers_by_itself(query: Query, message: bytes, answer: Sequence[Record]) -> bool:
    """Say whether all records are what was asked for, under the question's own name, as nearly always."""
    fixed = c.POINTER_TO_QNAME + query.packet[query.end - 4 : query.end]
    if query.qtype == c.CNAME:
        return False
    return all(message[rr.start : rr.start + 6] == fixed for rr in answer)


def _is_named(message: bytes, at: int, folded: bytes) -> bool:
    if message[at : at + 2] == c.POINTER_TO_QNAME:
        at = c.HEADER_OCTETS
    return expand(message, at).lower() == folded


def _targets(message: bytes, aliases: Sequence[Record]) -> dict[bytes, bytes] | None:
    """Give where each alias leads; None when one leads to two names (RFC 2181 §10.1)."""
    targets: dict[bytes, bytes] = {}
    for rr in aliases:
        owner, target = expand(message, rr.start).lower(), expand(message, rr.rdata).lower()
        if targets.setdefault(owner, target) != target:
            return None
    return targets


def _end_of(folded: bytes, targets: dict[bytes, bytes]) -> bytes | None:
    """Follow aliases to the last name; None when they go round."""
    for _ in range(len(targets) + 1):
        if folded not in targets:
            return folded
        folded = targets[folded]
    return None


def _has_expired(message: bytes, records: Sequence[Record]) -> bool:
    """Say whether a signature is past its time, or before it."""
    now = int(time()) & 0xFFFFFFFF
    return any(
        not (
            _is_before(_time_at(message, rr.rdata + 12), now)
            and _is_before(now, _time_at(message, rr.rdata + 8))
        )
        for rr in records
        if rr.rtype == _RRSIG
    )


def _time_at(message: bytes, at: int) -> int:
    return int.from_bytes(message[at : at + 4], "big")


def _is_before(first: int, second: int) -> bool:
    """Compare two times in the arithmetic of RFC 1982."""
    return (second - first) & 0xFFFFFFFF < 0x80000000
