"""PTR records: which one name, or which names, an address has.

1. A Service with this cluster IP: its name, alone.
2. Ready endpoints with this address: each one's primary name, under every Service that it is an endpoint of.
3. With `pod_names`: the pods that have it. This changes no answer that a Service gives.

Targets are in the primary zone, in sorted order, so the answer is the same from every replica.

Sources: dns-spec 1.1.0 §2.3.3, §2.4.3; CoreDNS plugin/kubernetes `serviceRecordForIP`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from podname.kube.objects import EndpointSlice, Service
from podname.wire import addresses
from podname.wire import constants as c
from podname.wire.records import ReadyAnswers, answer
from podname.zone.endpoints import primary_name
from podname.zone.options import ZoneOptions, is_reverse
from podname.zone.services import service_owner


def reverse_owner(address: bytes, options: ZoneOptions) -> bytes | None:
    """Give the owner of an address's PTR records; None when no zone of ours holds it."""
    owner = addresses.reverse_of(address)
    zone = options.zone_of(owner)
    return owner if zone is not None and is_reverse(zone) else None


def service_targets(
    keys: Iterable[str], services: Mapping[str, Service], zone: bytes
) -> list[bytes]:
    """Give the one Service that answers for a cluster IP, or nothing."""
    for key in sorted(keys):
        service = services.get(key)
        owner = service_owner(service.namespace, service.name, zone) if service else None
        if owner:
            return [owner]
    return []


def slice_targets(
    endpoint_slice: EndpointSlice, options: ZoneOptions, address: bytes
) -> set[bytes]:
    """Give the names of the endpoints in a slice that have this address."""
    owner = service_owner(endpoint_slice.namespace, endpoint_slice.service, options.primary_zone)
    if owner is None:
        return set()
    return {
        name + owner
        for endpoint in endpoint_slice.endpoints
        for text in endpoint.addresses
        if addresses.parse(text) == address
        and (name := primary_name(endpoint, text, options)) is not None
    }


def addresses_in(endpoint_slice: EndpointSlice) -> list[bytes]:
    """List the addresses of a slice's endpoints as octets."""
    texts = [text for endpoint in endpoint_slice.endpoints for text in endpoint.addresses]
    return [address for text in texts if (address := addresses.parse(text)) is not None]


def ptr_answer(targets: Iterable[bytes], options: ZoneOptions) -> ReadyAnswers:
    """Make the PTR answer; nothing for no targets."""
    rdatas = sorted(targets)
    return {c.PTR: answer(c.PTR, options.ttl_seconds, rdatas)} if rdatas else {}
