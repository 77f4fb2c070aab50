"""The records that services make, by the type that is asked for.

Source: CoreDNS 1.15.0 plugin/backend_lookup.go.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from podname.dns import addresses
from podname.dns import constants as c
from podname.dns.names import BadName, is_subdomain
from podname.dns.records import record, soa_rdata, srv_rdata
from podname.plugins.base import Request
from podname.plugins.etcd.client import EtcdError
from podname.plugins.etcd.lookup import KeyNotFoundError, Services
from podname.plugins.etcd.service import Service
from podname.plugins.lookup import look_up, records_of

_ALIASES_MAX = 10
_WEIGHT, _TEXT_OCTETS = 100, 255
_SOA_TTL_SECONDS, _TIMERS_SECONDS = 30, (7200, 1800, 86400)
_APEX, _NAME_SERVER, _SOA_SERVER = b"\x04apex\x03dns", b"\x02ns\x03dns", b"\x02ns\x03dns"


@dataclass(slots=True)
class Answers:
    """What one question in a zone is answered with. Names that services spell wrongly raise EtcdError."""

    request: Request
    zone: bytes
    services: Services
    apex_falls_back: bool
    is_truncated: bool = False
    additional: list[bytes] = field(default_factory=list)

    async def find(self) -> list[bytes]:
        """Return the records of the answer section. Raises KeyNotFoundError, EtcdError."""
        query = self.request.query
        try:
            match query.qtype:
                case c.A | c.AAAA | c.TXT:
                    return await self._hosts(query.folded, query.name, query.qtype, ())
                case c.CNAME:
                    return await self._alias()
                case c.PTR:
                    return await self._pointers()
                case c.SRV:
                    return await self._srv()
                case c.MX:
                    return await self._mx()
                case c.SOA:
                    return [self.soa()]
                case c.NS if query.folded == self.zone:
                    return await self._ns()
            await self._hosts(query.folded, query.name, c.A, ())  # is there such a name?
        except BadName as error:
            raise EtcdError(f"etcd: a host that is no name: {error}") from None
        return []

    def soa(self) -> bytes:
        """Return the zone's SOA record."""
        rdata = soa_rdata(
            _SOA_SERVER + self.zone,
            b"\x0ahostmaster" + self.zone,
            (int(time.time()) & 0xFFFFFFFF, *_TIMERS_SECONDS, _SOA_TTL_SECONDS),
        )
        return record(self.zone, c.SOA, _SOA_TTL_SECONDS, rdata)

    # -------------------------------------------------- addresses, texts, aliases

    async def _hosts(
        self, name: bytes, owner: bytes, qtype: int, before: Sequence[bytes]
    ) -> list[bytes]:
        """Return the addresses or texts of a name; `before` are the aliases that led to it."""
        found, seen = list[bytes](), set[bytes]()
        for service in await self._at_apex_or_below(name, qtype):
            if service.is_alias:
                found += await self._followed(service, name, owner, qtype, before)
                continue
            rdata = _rdata_of(service, qtype)
            if rdata is not None and rdata not in seen:
                seen.add(rdata)
                found.append(record(owner, qtype, service.ttl_seconds, rdata))
        return found

    async def _at_apex_or_below(self, name: bytes, qtype: int) -> list[Service]:
        if name != self.zone or qtype == c.TXT:
            return await self.services.find(name, qtype)
        try:
            return await self.services.find(_APEX + self.zone, qtype)
        except KeyNotFoundError:
            if not self.apex_falls_back:
                raise
        return await self.services.find(name, qtype)

    async def _followed(  # what there is to know of an alias
        self, service: Service, name: bytes, owner: bytes, qtype: int, before: Sequence[bytes]
    ) -> list[bytes]:
        target = service.host
        folded = target.lower()
        if is_subdomain(folded, name) or len(before) > _ALIASES_MAX or folded in before:
            return []
        alias = record(owner, c.CNAME, service.ttl_seconds, target)
        if is_subdomain(folded, self.zone):
            try:
                found = await self._hosts(folded, target, qtype, (*before, folded))
            except (KeyNotFoundError, EtcdError):
                return []
            return [alias, *found] if found else []
        reply = await look_up(self.request, target, qtype)
        if reply is None:
            return []
        self.is_truncated |= bool(reply.flags & c.TC) and qtype != c.TXT
        return [alias, *records_of(reply)]

    async def _alias(self) -> list[bytes]:
        query = self.request.query
        for service in (await self.services.find(query.folded, query.qtype, exact=True))[:1]:
            if service.address is None:
                return [record(query.name, c.CNAME, service.ttl_seconds, service.host)]
        return []

    async def _pointers(self) -> list[bytes]:
        query = self.request.query
        found: dict[str, bytes] = {}
        for service in await self.services.find(query.folded, query.qtype, exact=True):
            if service.address is None:
                made = record(query.name, c.PTR, service.ttl_seconds, service.host)
                found.setdefault(service.value.host, made)
        return list(found.values())

    # ------------------------------------------------------------- SRV, MX and NS

    async def _srv(self) -> list[bytes]:
        query = self.request.query
        services = await self.services.find(query.folded, query.qtype)
        weights = Counter[int]()
        for service in services:
            weights[service.value.priority] += service.value.weight or _WEIGHT
        found, seen = list[bytes](), set[tuple[bytes, int]]()
        known = _Additional(self)
        for service in services:
            value = service.value
            if value.port == -1:
                continue
            share = 100.0 / weights[value.priority] * (value.weight or _WEIGHT)
            address = service.address
            target = service.target(service.domain if address else value.host)
            if address is None and value.text:
                continue
            rdata = srv_rdata(
                value.priority & 0xFFFF, max(1, int(share)), value.port & 0xFFFF, target
            )
            if address is None or (target, value.port) not in seen:
                found.append(record(query.name, c.SRV, service.ttl_seconds, rdata))
            if address is None:
                await known.add_name(target)
            else:
                seen.add((target, value.port))
                known.add_address(target, address, service.ttl_seconds)
        return found

    async def _mx(self) -> list[bytes]:
        query = self.request.query
        found, seen = list[bytes](), set[tuple[bytes, int]]()
        known = _Additional(self)
        for service in await self.services.find(query.folded, query.qtype):
            value, address = service.value, service.address
            if not value.mail or (address is None and value.text):
                continue
            target = service.target(service.domain if address else value.host)
            rdata = (value.priority & 0xFFFF).to_bytes(2, "big") + target
            if address is None or (target, value.priority) not in seen:
                found.append(record(query.name, c.MX, service.ttl_seconds, rdata))
            if address is None:
                await known.add_name(target)
            else:
                seen.add((target, value.priority))
                whole = service.target_of_key
                known.add_address(whole, address, service.ttl_seconds)
        return found

    async def _ns(self) -> list[bytes]:
        query = self.request.query
        found: dict[bytes, bytes] = {}
        for service in await self.services.find(_NAME_SERVER + self.zone, query.qtype):
            address = service.address
            if address is None:
                raise EtcdError(f"etcd: NS record must be an IP address: {service.value.host}")
            target = service.target(service.domain)
            self.additional.append(
                record(target, addresses.rtype_of(address), service.ttl_seconds, address)
            )
            found.setdefault(target, record(query.name, c.NS, service.ttl_seconds, target))
        return list(found.values())

    async def of_target(self, name: bytes) -> list[bytes]:
        """Return the addresses of a name that an answer leads to."""
        folded = name.lower()
        if is_subdomain(folded, self.zone):
            try:
                return await self._hosts(folded, name, c.A, ())
            except (KeyNotFoundError, EtcdError):
                return []
        first = await look_up(self.request, name, c.A)
        found = [] if first is None else records_of(first)
        second = await look_up(self.request, name, c.AAAA)
        if second is not None:
            found += [each.pack() for each in second.answer if each.rtype != c.CNAME]
        return found


class _Additional:
    """Addresses of targets, each target's once."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._names: set[bytes] = set()
        self._addresses: set[tuple[bytes, bytes]] = set()

    async def add_name(self, target: bytes) -> None:
        if target not in self._names:
            self._names.add(target)
            self._answers.additional += await self._answers.of_target(target)

    def add_address(self, target: bytes, address: bytes, ttl_seconds: int) -> None:
        if (target, address) not in self._addresses:
            self._addresses.add((target, address))
            made = record(target, addresses.rtype_of(address), ttl_seconds, address)
            self._answers.additional.append(made)


def _rdata_of(service: Service, qtype: int) -> bytes | None:
    """Return the address or the text of a service, if it is of the type."""
    address = service.address
    if qtype != c.TXT:
        is_wanted = address is not None and addresses.rtype_of(address) == qtype
        return address if is_wanted else None
    if address is not None:
        return None
    octets = service.value.text.encode()
    parts = [octets[at : at + _TEXT_OCTETS] for at in range(0, len(octets), _TEXT_OCTETS)]
    return b"".join(bytes((len(part),)) + part for part in parts or [b""])
