"""A question to a zone, and the response that its answer makes: for `file` and its kin.

Source: CoreDNS 1.15.0 plugin/file file.go `ServeDNS`.
"""

from __future__ import annotations

from podname.dns import constants as c
from podname.dns.reply import build
from podname.errors import ServeError
from podname.plugins.base import Request
from podname.plugins.lookup import asked
from podname.zones import Found, Lookup, Result, Zone

_OPCODE = 0x7800
_TRANSFERS = frozenset({c.AXFR, c.IXFR})
_RCODES = {Result.NAME_ERROR: c.NXDOMAIN, Result.SERVER_FAILURE: c.SERVFAIL}


async def look_up(zone: Zone, request: Request) -> Found | None:
    """Look the question up; None is silence, for a NOTIFY. Raises ServeError for a transfer."""
    query = request.query
    if query.qtype in _TRANSFERS:
        raise ServeError(c.REFUSED, "no transfer of zones")
    if query.flags & _OPCODE:
        return None
    lookup = Lookup(
        zone,
        query.qtype,
        lambda name, qtype: asked(request, name, qtype),
        signed=query.dnssec_ok,
        lookups=request.lookups,
    )
    return await lookup.find(query.folded)


def response_of(request: Request, found: Found) -> bytes:
    """Make the response. Raises ServeError where there is none to make."""
    if found.result is Result.SERVER_FAILURE and not found.answer:
        raise ServeError(c.SERVFAIL, "a zone that was not read, or an alias that leads in circles")
    is_referral = found.result is Result.DELEGATION and not found.answer
    return build(
        request.query,
        answer=[record.pack() for record in found.answer],
        authority=[record.pack() for record in found.authority],
        additional=[record.pack() for record in found.additional],
        flags=0 if is_referral else c.AA,
        rcode=_RCODES.get(found.result, c.NOERROR),
    )
