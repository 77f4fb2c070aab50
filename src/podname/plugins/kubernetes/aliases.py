"""Following the alias that an ExternalName Service is.

A target in the same zone is looked up in the table, alias after alias; any other is asked of the whole server, as if
a client had asked, so `forward`, `hosts` and every other server block have their say. The alias is part of the answer
when something came back, whatever its RCODE, and, within the zone, only when its target has the records.

Sources: RFC 1034 §3.6.2; CoreDNS plugin/backend_lookup.go `A`, plugin/pkg/upstream; coredns#4684 (TC is passed on).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from podname.dns import constants as c
from podname.dns.message import Message, Section
from podname.dns.names import is_subdomain
from podname.dns.query import Query, make, parse
from podname.dns.records import rdatas_of, record
from podname.dns.reply import build
from podname.dns.unpacked import Unpacked
from podname.engine.base import Table
from podname.names.options import ZoneOptions
from podname.plugins.base import Request
from podname.plugins.lookup import look_up, records_of

_CHAIN_MAX = 10


async def follow_alias(request: Request, table: Table, options: ZoneOptions) -> bytes | None:
    """Answer a question for A or AAAA at an alias; None when nothing is at its end."""
    query = request.query
    zone = options.zone_of(query.folded)
    chain, owner = [query.name], query.folded
    while zone is not None and len(chain) <= _CHAIN_MAX + 1:
        target = _target(table, owner)
        if target is None or target in {name.lower() for name in chain}:
            return None
        chain.append(target)
        if not is_subdomain(target, zone):
            upstream = await look_up(request, target, query.qtype)
            return (
                None if upstream is None else _compose(request, chain, options, upstream=upstream)
            )
        if options.zone_of(target) != zone:
            return None
        rdatas = _look_up(table, target, query.qtype)
        if rdatas:
            return _compose(request, chain, options, rdatas=rdatas)
        owner = target
    return None


def _target(table: Table, owner: bytes) -> bytes | None:
    ready = table.get(owner, c.CNAME)
    if ready is None:
        return None
    (target,) = rdatas_of(ready)
    return target


def _look_up(table: Table, owner: bytes, qtype: int) -> list[bytes]:
    """Return the RDATA that the table would answer with, also for names that it makes on the way."""
    query = parse(make(owner, qtype))
    response = table.respond(query) if isinstance(query, Query) else None
    if not isinstance(response, bytes):
        return []
    message = Message(response)
    return [message.rdata(rr) for rr in message.section(Section.ANSWER)]


def _compose(
    request: Request,
    chain: list[bytes],
    options: ZoneOptions,
    *,
    rdatas: Sequence[bytes] = (),
    upstream: Unpacked | None = None,
) -> bytes:
    """Put the answer together, octet by octet: each name keeps the case that it has where it comes from."""
    records = [
        record(c.POINTER_TO_QNAME if number == 0 else owner, c.CNAME, options.ttl_seconds, target)
        for number, (owner, target) in enumerate(pairwise(chain))
    ]
    flags = c.AA
    if upstream is not None:
        flags |= upstream.flags & c.TC
        records += records_of(upstream)
    else:
        qtype = request.query.qtype
        records += [record(chain[-1], qtype, options.ttl_seconds, rdata) for rdata in rdatas]
    return build(request.query, answer=records, flags=flags)
