"""Following the alias that an ExternalName Service is.

A target in the same zone is looked up in the table, alias after alias; any other is asked of the whole server, as if
a client had asked, so `forward`, `hosts` and every other server block have their say. The alias is part of the answer
when something came back, whatever its RCODE, and, within the zone, only when its target has the records.

Sources: RFC 1034 §3.6.2; CoreDNS plugin/backend_lookup.go `A`, plugin/pkg/upstream; coredns#4684 (TC is passed on).
"""

from __future__ import annotations

from itertools import pairwise

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from podname.engine.base import Table
from podname.plugins.base import Request
from podname.wire import constants as c
from podname.wire.names import is_subdomain
from podname.wire.records import walk
from podname.zone.options import ZoneOptions

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
            upstream = await _ask(request, target)
            return (
                None if upstream is None else _compose(request, chain, options, upstream=upstream)
            )
        ready = table.get(target, query.qtype)
        if ready is not None:
            return _compose(request, chain, options, ready=ready)
        owner = target
    return None


def _target(table: Table, owner: bytes) -> bytes | None:
    ready = table.get(owner, c.CNAME)
    if ready is None:
        return None
    (record,) = walk(ready, 6, 1)
    return ready[record.rdata : record.end]


async def _ask(request: Request, target: bytes) -> dns.message.Message | None:
    question = dns.message.make_query(
        dns.name.from_wire(target, 0)[0], dns.rdatatype.RdataType(request.query.qtype)
    )
    edns = request.query.edns
    if edns is not None:
        question.use_edns(
            0, dns.flags.DO if edns.dnssec_ok else 0, payload=request.query.udp_octets
        )
    reply = await request.upstream(question.to_wire(), request.client)
    if reply is None:
        return None
    try:
        return dns.message.from_wire(reply, ignore_trailing=True)
    except dns.exception.DNSException:
        return None


def _compose(
    request: Request,
    chain: list[bytes],
    options: ZoneOptions,
    *,
    ready: bytes = b"",
    upstream: dns.message.Message | None = None,
) -> bytes:
    query = request.query
    response = dns.message.make_response(dns.message.from_wire(query.packet, ignore_trailing=True))
    response.use_edns(False)
    response.flags = dns.flags.Flag(c.QR | c.AA | query.flags & (c.RD | c.CD))
    names = [dns.name.from_wire(name, 0)[0] for name in chain]
    for owner, target in pairwise(names):
        response.answer.append(
            dns.rrset.from_text(owner, options.ttl_seconds, "IN", "CNAME", target.to_text())
        )
    if upstream is not None:
        response.flags |= upstream.flags & dns.flags.TC
        response.answer += upstream.answer
    else:
        count = int.from_bytes(ready[:2], "big")
        rdatas = [ready[rr.rdata : rr.end] for rr in walk(ready, 6, count)]
        rtype = dns.rdatatype.RdataType(query.qtype)
        found = [dns.rdata.from_wire(dns.rdataclass.IN, rtype, r, 0, len(r)) for r in rdatas]
        response.answer.append(dns.rrset.from_rdata_list(names[-1], options.ttl_seconds, found))
    return response.to_wire(max_size=c.MESSAGE_OCTETS_MAX)
