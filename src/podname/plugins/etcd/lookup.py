"""Services by their names, as etcd has them now.

Source: CoreDNS 1.15.0 plugin/etcd etcd.go.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from podname.dns import constants as c
from podname.dns.names import to_text
from podname.plugins.etcd.client import Client, EtcdError, KeyValue
from podname.plugins.etcd.service import Service, Value, fits, grouped, path_of, with_priority

_PRIORITY, _TTL_SECONDS = 10, 300


class KeyNotFoundError(Exception):
    """There is no such key, nor any below it."""


@dataclass(frozen=True, slots=True)
class Services:
    """Where services are, and how long their leases let them be known."""

    client: Client
    prefix: str
    lease_seconds_least: int
    lease_seconds_most: int

    async def find(self, name: bytes, qtype: int, *, exact: bool = False) -> list[Service]:
        """Return the services of a folded name. Raises KeyNotFoundError, EtcdError."""
        path, parts = path_of(to_text(name), self.prefix)
        found = [] if exact else await self.client.get(path.rstrip("/") + "/", is_prefix=True)
        found = found or await self.client.get(path, is_prefix=False)
        if not found:
            raise KeyNotFoundError
        services: dict[tuple[str, Value], Service] = {}
        for each in found:
            if parts and not fits(each.key, parts):
                continue
            value = _value_of(each)
            if (value.text and qtype == c.TXT) or value.host:
                ttl_seconds = await self._ttl_seconds(each, value)
                service = Service(each.key, with_priority(value, _PRIORITY), ttl_seconds)
                services.setdefault((each.key, value), service)
        return grouped(list(services.values()))

    async def _ttl_seconds(self, found: KeyValue, value: Value) -> int:
        left = await self.client.left_seconds(found.lease) if found.lease else 0
        if left:
            left = min(max(left, self.lease_seconds_least), self.lease_seconds_most)
        known = [seconds for seconds in (left, value.ttl) if seconds]
        return min(known, default=_TTL_SECONDS)


def _value_of(found: KeyValue) -> Value:
    try:
        value = msgspec.json.decode(found.value, type=Value)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise EtcdError(f"etcd: {found.key}: {error}") from None
    if not 0 <= value.ttl <= 0xFFFFFFFF:
        raise EtcdError(f"etcd: {found.key}: a TTL of {value.ttl}")
    return value
