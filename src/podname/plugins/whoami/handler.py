"""Answer every question with the client's own address, port and protocol.

The answer section stays empty; the additional section has the address as A or AAAA, and port and
protocol as an SRV record. TTL is 0, the class is the question's.

Source: CoreDNS plugin/whoami.
"""

from __future__ import annotations

from podname.dns import addresses, names
from podname.dns import constants as c
from podname.dns.records import record, srv_rdata
from podname.dns.reply import build
from podname.plugins.base import Next, Plugin, Reply, Request


class Whoami(Plugin):
    """`whoami`: never hands a query on."""

    name = "whoami"

    async def serve(self, request: Request, next_: Next) -> Reply:
        """Answer with who asked."""
        return build(request.query, additional=_records(request))


def _records(request: Request) -> list[bytes]:
    client, query = request.client, request.query
    records = []
    if address := addresses.parse(client.address.partition("%")[0]):
        rtype = addresses.rtype_of(address)
        records.append(record(c.POINTER_TO_QNAME, rtype, 0, address, query.qclass))
    label = b"_" + client.protocol.encode()
    owner = bytes((len(label),)) + label + query.name
    if len(owner) <= names.NAME_OCTETS_MAX:
        rdata = srv_rdata(0, 0, client.port, names.ROOT)
        records.append(record(owner, c.SRV, 0, rdata, query.qclass))
    return records
