"""Answer every question with one address, and some of them late, cut or not at all.

Queries are counted from zero. Those whose number AMOUNT divides are dropped or late. Cut are those whose number has no
bit in common with AMOUNT, as in CoreDNS: with 2 the first two of every four.

Source: CoreDNS 1.15.0 plugin/erratic.
"""

from __future__ import annotations

import asyncio

from podname.dns import constants as c
from podname.dns import names
from podname.dns.addresses import parse
from podname.dns.query import Query
from podname.dns.records import record, soa_rdata
from podname.dns.reply import build, deny
from podname.plugins.base import Next, Plugin, Reply, Request
from podname.plugins.erratic.options import Options

_ADDRESSES = {c.A: parse("192.0.2.53") or b"", c.AAAA: parse("2001:db8::53") or b""}
_LARGE_RECORDS = 30
_SOA = soa_rdata(
    names.from_text("sns.dns.icann.org"),
    names.from_text("noc.dns.icann.org"),
    (2018050825, 7200, 3600, 1209600, 3600),
)
#: The zone that is transferred: name servers and their addresses.
_SERVERS = ((b"\x01b", parse("2001:500::54") or b""), (b"\x01a", parse("2001:bd8::53") or b""))
_READY = range(3, 5)


class Erratic(Plugin):
    """`erratic`: never hands a query on."""

    name = "erratic"

    def __init__(self, options: Options) -> None:
        self.options = options
        self._count = 0

    def ready(self) -> bool:
        """Return whether three or four queries came, as CoreDNS does: to test who waits for it."""
        return self._count in _READY

    async def serve(self, request: Request, next_: Next) -> Reply:
        """Answer, or do not."""
        number, options, query = self._count, self.options, request.query
        self._count += 1
        if options.drops(number):
            return None
        if options.delays(number):
            await asyncio.sleep(max(0.0, options.delay.seconds))
        if query.qtype == c.AXFR:
            return _transfer(query, is_whole=not options.truncates(number))
        address = _ADDRESSES.get(query.qtype)
        if address is None:
            return deny(query, c.SERVFAIL)
        count = _LARGE_RECORDS if options.large and query.qtype == c.A else 1
        answer = [record(c.POINTER_TO_QNAME, query.qtype, 0, address)] * count
        return build(query, answer=answer, flags=c.AA | (c.TC if options.truncates(number) else 0))


def _transfer(query: Query, *, is_whole: bool) -> bytes:
    """Return a small zone; without the SOA at its end it is not whole."""
    soa = record(c.POINTER_TO_QNAME, c.SOA, 0, _SOA)
    here = c.POINTER_TO_QNAME
    servers = [record(here, c.NS, 0, label + query.name) for label, _ in _SERVERS]
    glue = [record(label + here, c.AAAA, 0, address) for label, address in reversed(_SERVERS)]
    return build(query, answer=[soa, *servers, *glue, *([soa] if is_whole else [])])
