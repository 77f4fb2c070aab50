"""The answers in one zone of `k8s_external`.

Records that a Service's ports are in (SRV) and aliases have the TTL of `kubernetes`, all others that of this directive.

Source: CoreDNS 1.15.0 plugin/k8s_external apex.go and msg_to_dns.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from podname.dns import addresses
from podname.dns import constants as c
from podname.dns.names import NAME_OCTETS_MAX
from podname.dns.records import record, soa_rdata, srv_rdata
from podname.dns.reply import build
from podname.names.external import Entry
from podname.plugins.base import Request
from podname.plugins.k8s_external.options import Options
from podname.plugins.lookup import look_up, records_of

_TIMERS_SECONDS = (7200, 1800, 86400)  # refresh, retry, expire
_NAME_SERVER, _HOSTMASTER = b"\x03ns1", b"\x0ahostmaster"
_WEIGHTS = 100


@dataclass(frozen=True, slots=True)
class Answers:
    """What one question in a zone is answered with."""

    request: Request
    zone: bytes
    serial: int
    options: Options
    entry_ttl_seconds: int  # of SRV records and aliases

    def denial(self, rcode: int = c.NOERROR) -> bytes:
        """Deny a name, or only its type."""
        return build(self.request.query, authority=[self._soa()], rcode=rcode)

    def at_apex(self, own: Iterable[bytes]) -> bytes:
        """Answer at the zone's apex; `own` are the addresses of the name server."""
        query = self.request.query
        if query.qtype == c.SOA:
            return build(query, answer=[self._soa()])
        if query.qtype == c.NS:
            server = self._below_apex(_NAME_SERVER)
            answer = record(self.zone, c.NS, self.options.ttl_seconds, server)
            host = _NAME_SERVER + self.options.apex + query.name
            return build(query, answer=[answer], additional=self._addresses(host, own))
        return self.denial()

    def of_addresses(self, found: Iterable[bytes]) -> bytes:
        """Answer with the addresses of the type that is asked for."""
        query = self.request.query
        wanted = [each for each in found if addresses.rtype_of(each) == query.qtype]
        return self._positive(self._addresses(c.POINTER_TO_QNAME, wanted))

    def of_services(self, found: Iterable[bytes]) -> bytes:
        """Answer a question for PTR with Services, which are labels below the first zone."""
        return self._positive(
            record(c.POINTER_TO_QNAME, c.PTR, self.options.ttl_seconds, target)
            for labels in found
            if len(target := labels + self.options.zones[0]) <= NAME_OCTETS_MAX
        )

    async def of_entries(self, entries: Sequence[Entry]) -> bytes:
        """Answer at the name of a Service."""
        qtype = self.request.query.qtype
        if not entries:
            return self.denial()
        if qtype in {c.A, c.AAAA}:
            return await self._of_hosts(entries)
        return await self._srv(entries) if qtype == c.SRV else self.denial()

    async def _of_hosts(self, entries: Sequence[Entry]) -> bytes:
        qtype, ttl_seconds = self.request.query.qtype, self.entry_ttl_seconds
        records, flags = list[bytes](), 0
        for alias in dict.fromkeys(entry.alias for entry in entries if entry.alias):
            records.append(record(c.POINTER_TO_QNAME, c.CNAME, ttl_seconds, alias))
            reply = await look_up(self.request, alias, qtype)
            if reply is not None:
                records += records_of(reply)
                flags |= reply.flags & c.TC
        found = dict.fromkeys(entry.address for entry in entries if entry.address)
        wanted = [each for each in found if addresses.rtype_of(each) == qtype]
        return self._positive([*records, *self._addresses(c.POINTER_TO_QNAME, wanted)], flags)

    async def _srv(self, entries: Sequence[Entry]) -> bytes:
        weight = max(1, _WEIGHTS // len(entries))
        records: dict[bytes, None] = {}
        hosts: dict[tuple[bytes, bytes], None] = {}
        aliases: dict[bytes, None] = {}
        for entry in entries:
            target = entry.alias or entry.target + self.zone
            if entry.port < 0 or len(target) > NAME_OCTETS_MAX:
                continue
            records[srv_rdata(0, weight, entry.port, target)] = None
            if entry.address:
                hosts[target, entry.address] = None
            else:
                aliases[target] = None
        additional = [each for host, one in hosts for each in self._addresses(host, [one])]
        for alias in aliases:
            for qtype in (c.A, c.AAAA):
                reply = await look_up(self.request, alias, qtype)
                additional += records_of(reply) if reply is not None else ()
        ttl_seconds = self.entry_ttl_seconds
        answer = [record(c.POINTER_TO_QNAME, c.SRV, ttl_seconds, rdata) for rdata in records]
        return self._positive(answer, additional=additional)

    def _positive(
        self, answer: Iterable[bytes], flags: int = 0, additional: Sequence[bytes] = ()
    ) -> bytes:
        records = list(answer)
        if not records:
            return self.denial()
        query = self.request.query
        return build(query, answer=records, additional=additional, flags=c.AA | flags)

    def _addresses(self, owner: bytes, found: Iterable[bytes]) -> list[bytes]:
        ttl_seconds = self.options.ttl_seconds
        return [record(owner, addresses.rtype_of(one), ttl_seconds, one) for one in found]

    def _below_apex(self, label: bytes) -> bytes:
        return label + self.options.apex + self.zone

    def _soa(self) -> bytes:
        ttl_seconds = self.options.ttl_seconds
        rdata = soa_rdata(
            self._below_apex(_NAME_SERVER),
            self._below_apex(_HOSTMASTER),
            (self.serial, *_TIMERS_SECONDS, ttl_seconds),
        )
        return record(self.zone, c.SOA, ttl_seconds, rdata)
