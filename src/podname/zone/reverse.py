"""PTR records: which one name, or which names, an address has.

1. A Service with this cluster IP: its name, alone.
2. Without `pod_names`, or with `coredns_ptr`: the primary name of each ready endpoint with this address, under every
   Service that it is an endpoint of; where there is none, with `pod_names`, the best name of the pods that have it.
3. Else the best of the names that endpoints and pods give it, and no second one, which clients such as Erlang's refuse:
   a hostname under a Service; a pod's name under a Service that names its endpoints so (`endpoint_pod_names`); what a
   pod calls itself, or its name, at `<pod>.<ns>.pod.<zone>`; an address with dashes. Headless Services come first,
   then the order of octets decides.

A pod on its node's network gives the address none: that is the node's.
Targets are in the primary zone, in sorted order, so the answer is the same from every replica.

Sources: dns-spec 1.1.0 §2.3.3, §2.4.3; CoreDNS plugin/kubernetes `serviceRecordForIP`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

from podname.kube.objects import Endpoint, EndpointSlice, Service
from podname.wire import addresses
from podname.wire import constants as c
from podname.wire.records import ReadyAnswers, answer
from podname.zone import endpoints
from podname.zone.endpoints import names_in, plain_in
from podname.zone.labels import labels
from podname.zone.options import ZoneOptions
from podname.zone.pods import POD
from podname.zone.services import service_owner


class Rank(IntEnum):
    """How good a name is for an address; the lowest is best."""

    HOSTNAME = 0
    POD_UNDER_SERVICE = 1
    POD = 2
    DASHED = 3


class Candidate(NamedTuple):
    """A name that an address may have. They compare as they are chosen: the least is the best."""

    rank: Rank
    is_not_headless: bool
    target: bytes


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


def candidates_in(
    endpoint_slice: EndpointSlice, options: ZoneOptions, *, headless: bool
) -> dict[bytes, list[Candidate]]:
    """Map each address in a slice to the names that its endpoints may give it."""
    owner = service_owner(endpoint_slice.namespace, endpoint_slice.service, options.primary_zone)
    found: dict[bytes, list[Candidate]] = {}
    for endpoint in endpoint_slice.endpoints if owner else ():
        for address, primary, _ in endpoints.named(endpoint, options):
            if primary is not None and owner is not None:
                made = Candidate(
                    _rank_of(endpoint, primary, options), not headless, primary + owner
                )
                found.setdefault(address, []).append(made)
    return found


def _rank_of(endpoint: Endpoint, primary: bytes, options: ZoneOptions) -> Rank:
    if endpoint.hostname and labels(endpoint.hostname) == primary:
        return Rank.HOSTNAME
    is_pod = options.endpoint_pod_names and endpoint.pod and labels(endpoint.pod) == primary
    return Rank.POD_UNDER_SERVICE if is_pod else Rank.DASHED


def addresses_in(endpoint_slice: EndpointSlice) -> list[bytes]:
    """List the addresses of a slice's endpoints as octets."""
    parsed = map(addresses.parse, endpoint_slice.addresses)
    return [address for address in parsed if address is not None]


def ptr_answer(targets: Collection[bytes], options: ZoneOptions) -> ReadyAnswers:
    """Make the PTR answer; nothing for no targets."""
    if len(targets) == 1:
        (target,) = targets
        octets = len(target).to_bytes(2, "big")
        is_pod = target.endswith(POD + options.primary_zone)
        ttl_seconds = options.pod_ttl_seconds if is_pod else options.ttl_seconds
        return {c.PTR: _head_of_one(ttl_seconds) + octets + target}
    rdatas = sorted(targets)
    return {c.PTR: answer(c.PTR, options.ttl_seconds, rdatas)} if rdatas else {}


@lru_cache(maxsize=16)
def _head_of_one(ttl_seconds: int) -> bytes:
    """Give what stands before the length of the target in the answer of one: nearly every answer is one."""
    return answer(c.PTR, ttl_seconds, [b""])[:-2]
