"""What a response is to a cache: its classification, whether it may be kept, where its TTLs stand, which is the least.

A NOERROR response whose answer does not answer the question (an alias that leads nowhere) is a denial when a SOA
record bounds it, and otherwise not kept.

Sources: CoreDNS 1.15.0 plugin/pkg/response typify.go, plugin/pkg/dnsutil ttl.go, plugin/cache cache.go
(`cacheResponseType`, `isNODATA`); RFC 2308 §2, §5; RFC 4034 §3.1.5 (validity of RRSIG).
"""

from __future__ import annotations

from collections.abc import Sequence
from time import time
from typing import NamedTuple

from podname.dns import constants as c
from podname.dns.message import Classification, Message, Section
from podname.dns.query import Query
from podname.dns.records import Record, rrsig_validity
from podname.plugins.cache.options import LimitOptions

_ANY_CLASS = 255
_RRSIG = 46
_NEVER_KEPT = frozenset({Classification.META, Classification.OTHER_ERROR})
_TTL_SECONDS_DEFAULT = 5  # of what has no TTL of its own to go by


class Examined(NamedTuple):
    """What one walk over a response tells."""

    classification: Classification
    is_keepable: bool
    is_authenticated: bool
    answers: bool  # the question, with at least one record
    ttl_offsets: tuple[int, ...]
    ttl_seconds_least: int | None  # None: it has no records

    def ttl_seconds(self, shelf: LimitOptions) -> int:
        """Return the TTL that the whole message leaves with."""
        least = self.ttl_seconds_least
        told = self.classification is Classification.SUCCESS or self.classification.is_denial
        if least is None or not told:
            least = _TTL_SECONDS_DEFAULT
        return shelf.clamped(min(least, shelf.ttl_seconds_most))


def examine(query: Query, message: Message) -> Examined:
    """Look a response over. Raises BadMessage."""
    records = [rr for rr in message.records if rr.rtype != c.OPT]
    found = message.classify(query)
    has_soa = any(rr.rtype == c.SOA for rr in message.section(Section.AUTHORITY))
    keepable = found not in _NEVER_KEPT and not message.is_truncated
    answers = False
    if query.dnssec_ok and _has_expired(message):
        found, keepable = Classification.OTHER_ERROR, False
    elif found is Classification.SUCCESS:
        answers = message.count(Section.ANSWER) > 0 and _answers(query, message)
        if message.count(Section.ANSWER) and not answers:
            found, keepable = (Classification.NODATA, keepable) if has_soa else (found, False)
    elif message.rcode == c.NXDOMAIN and not has_soa:
        keepable = False
    least = min((rr.ttl_seconds for rr in records), default=None)
    offsets = tuple([rr.ttl_at for rr in records])
    return Examined(found, keepable, message.is_authenticated, answers, offsets, least)


def is_whole_reply(query: Query, octets: bytes) -> bool:
    """Return whether a message answers the query's question, and nothing of it was cut."""
    message = Message(octets, query.end)
    return message.is_response_to(query) and not message.is_truncated


def replaces(query: Query, octets: bytes, *, only_good: bool) -> bool:
    """Return whether a response is better than an expired one: NOERROR or NXDOMAIN (RFC 8767 §4). Raises BadMessage.

    With `only_good` only one is that has what was asked for.
    """
    if not is_whole_reply(query, octets):
        return False
    found = examine(query, Message(octets, query.end))
    if only_good:
        return found.answers
    return found.classification not in {*_NEVER_KEPT, Classification.SERVER_ERROR}


def _answers(query: Query, message: Message) -> bool:
    """Return whether the answer section answers the question, aliases followed."""
    answer = message.section(Section.ANSWER)
    if _answers_by_itself(query, message.octets, answer):
        return True
    owned = [rr for rr in answer if query.qclass in {_ANY_CLASS, message.class_of(rr)}]
    aliases = [rr for rr in owned if rr.rtype == c.CNAME]
    if not aliases:
        return any(
            message.name(rr.start).lower() == query.folded
            for rr in owned
            if query.qtype in {rr.rtype, c.ANY}
        )
    if query.qtype == c.ANY:
        return any(message.name(rr.start).lower() == query.folded for rr in owned)
    targets = _targets(message, aliases)
    if targets is None:
        return False
    if query.qtype == c.CNAME:
        return query.folded in targets
    end = _end_of(query.folded, targets)
    return end is not None and any(
        rr.rtype == query.qtype and message.name(rr.start).lower() == end for rr in owned
    )


def _answers_by_itself(query: Query, octets: bytes, answer: Sequence[Record]) -> bool:
    """Return whether all records are what was asked for, under the question's own name, as nearly always."""
    fixed = c.POINTER_TO_QNAME + query.question[-4:]
    if query.qtype == c.CNAME:
        return False
    return all(octets.startswith(fixed, rr.start) for rr in answer)


def _targets(message: Message, aliases: Sequence[Record]) -> dict[bytes, bytes] | None:
    """Return where each alias leads; None when one leads to two names (RFC 2181 §10.1)."""
    targets: dict[bytes, bytes] = {}
    for rr in aliases:
        owner, target = message.name(rr.start).lower(), message.name(rr.rdata).lower()
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


def _has_expired(message: Message) -> bool:
    """Return whether a signature is past its time, or before it."""
    now = int(time()) & 0xFFFFFFFF
    validity = [rrsig_validity(message.rdata(rr)) for rr in message.records if rr.rtype == _RRSIG]
    return any(
        not (_is_before(inception, now) and _is_before(now, expiration))
        for inception, expiration in validity
    )


def _is_before(first: int, second: int) -> bool:
    """Compare two times in the arithmetic of RFC 1982."""
    return (second - first) & 0xFFFFFFFF < 0x80000000
