"""PTR records: which one name, or which names, an address has.

1. A Service with this cluster IP: its name, alone.
2. Ready endpoints with this address: each one's primary name, under every Service that it is an endpoint of.
3. With `pod_names`: the pods that have it. This changes no answer that a Service gives.

Targets are in the primary zone, in sorted order, so the answer is the same from every replica.

Sources: dns-spec 1.1.0 §2.3.3, §2.4.3; CoreDNS plugin/kubernetes `serviceRecordForIP`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import lru_cache

from podname.kube.objects import EndpointSlice, Service
from podname.wire import addresses
from podname.wire import constants as c
from podname.wire.records import ReadyAnswers, answer
from podname.zone.endpoints import names_in, plain_in
from podname.zone.options import ZoneOptions
from podname.zone.services import service_owner


def reverse_owner(address: bytes, options: ZoneOptions) -> bytes | None:
    """Give the owner of an address's PTR records; None when no zone of ours holds it."""
    owner = addresses.reverse_of(address)
    return owner if owner.endswith(options.reverse_zones) else None


def service_targets(services: Iterable[Service], zone: bytes) -> list[bytes]:
    """Give the one Service that answers for a cluster IP, or nothing."""
    for service in sorted(services, key=lambda each: each.key):
        owner = service_owner(service.namespace, service.name, zone)
        if owner:
            return [owner]
    return []


def targets_in(endpoint_slice: EndpointSlice, options: ZoneOptions) -> dict[bytes, set[bytes]]:
    """Map each address in a slice to the names of its endpoints."""
    owner = service_owner(endpoint_slice.namespace, endpoint_slice.service, options.primary_zone)
    targets: dict[bytes, set[bytes]] = {}
    if owner is None:
        return targets
    plain = plain_in(endpoint_slice, options)
    if plain:
        targets = {address: {dashed + owner} for address, dashed, _ in plain}
        if len(targets) == len(plain):
            return targets
        targets = {}
    for address, name, _ in names_in(endpoint_slice, options):
        if name is not None:
            known = targets.get(address)
            if known is None:
                targets[address] = {name + owner}
            else:
                known.add(name + owner)
    return targets


def addresses_in(endpoint_slice: EndpointSlice) -> list[bytes]:
    """List the addresses of a slice's endpoints as octets."""
    parsed = map(addresses.parse, endpoint_slice.addresses)
    return [address for address in parsed if address is not None]


def ptr_answer(targets: Collection[bytes], options: ZoneOptions) -> ReadyAnswers:
    """Make the PTR answer; nothing for no targets."""
    if len(targets) == 1:
        (target,) = targets
        octets = len(target).to_bytes(2, "big")
        return {c.PTR: _head_of_one(options.ttl_seconds) + octets + target}
    rdatas = sorted(targets)
    return {c.PTR: answer(c.PTR, options.ttl_seconds, rdatas)} if rdatas else {}


@lru_cache(maxsize=16)
def _head_of_one(ttl_seconds: int) -> bytes:
    """Give what stands before the length of the target in the answer of one: nearly every answer is one."""
    return answer(c.PTR, ttl_seconds, [b""])[:-2]
