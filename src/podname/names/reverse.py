"""PTR records: which one name, or which names, an address has.

1. A Service with this cluster IP: its name, alone.
2. Ready endpoints with this address, and with `pod_names` the pods that have it.

With `pod_names` an address has one PTR record, because who asks for the name of a node takes several for an error
(Erlang's `inet_res:gethostbyaddr`): the best name that leads back to it, in the order of `Rank`. Else, and where the
Corefile says so, it has each endpoint's primary name, under every Service that it is an endpoint of: CoreDNS's set.

A pod on its node's network has no PTR record: the address is the node's, and so is the name.

Targets are in the primary zone, and among equals the least counts, so the answer is the same from every replica.

Sources: dns-spec 1.1.0 §2.3.3, §2.4.3; CoreDNS plugin/kubernetes `serviceRecordForIP`; OTP inet_res.erl.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

from podname.dns import addresses
from podname.dns import constants as c
from podname.dns.names import LABEL_OCTETS_MAX, NAME_OCTETS_MAX
from podname.dns.records import ReadyAnswers, answer
from podname.kube.objects import EndpointSlice, Service
from podname.names.endpoints import hostnames_in, names_in, plain_in
from podname.names.options import ZoneOptions
from podname.names.schema import below
from podname.names.services import service_owner

#: Below a longer name there may be no room for any label.
_ROOM_FOR_A_LABEL = NAME_OCTETS_MAX - LABEL_OCTETS_MAX - 1


class Rank(IntEnum):
    """How good a name of an address is; less is better."""

    HOSTNAME = 0  # an endpoint's hostname under its Service
    POD_OF_SERVICE = 1  # a pod's name under a Service that has it
    POD = 2  # a pod's own name
    DASHED = 3  # the address itself, under a Service


class Ranked(NamedTuple):
    """A name of an address. They compare as they are chosen: the least is the best."""

    rank: Rank
    is_not_headless: bool
    owner: bytes


def reverse_owner(address: bytes, options: ZoneOptions) -> bytes | None:
    """Return the owner of an address's PTR records; None when no zone of ours holds it."""
    owner = addresses.reverse_of(address)
    return owner if owner.endswith(options.reverse_zones) else None


def service_targets(services: Iterable[Service], zone: bytes) -> list[bytes]:
    """Return the one Service that answers for a cluster IP, or nothing."""
    for service in sorted(services, key=lambda each: each.key):
        owner = service_owner(service.namespace, service.name, zone)
        if owner:
            return [owner]
    return []


def targets_in(endpoint_slice: EndpointSlice, options: ZoneOptions) -> dict[bytes, set[bytes]]:
    """Map each address in a slice to the primary names of its endpoints."""
    owner = service_owner(endpoint_slice.namespace, endpoint_slice.service, options.primary_zone)
    targets: dict[bytes, set[bytes]] = {}
    if owner is None:
        return targets
    plain = plain_in(endpoint_slice, options)
    if plain and len(owner) <= _ROOM_FOR_A_LABEL:
        targets = {one.address: {one.dashed + owner} for one in plain}
        if len(targets) == len(plain):
            return targets
        targets = {}
    for named in names_in(endpoint_slice, options):
        if target := below(named.primary, owner):
            targets.setdefault(named.address, set()).add(target)
    return targets


def ranked_in(
    endpoint_slice: EndpointSlice, service: Service | None, options: ZoneOptions
) -> dict[bytes, Ranked]:
    """Map each address in a slice to the best of its names there, which is the Service's if there is one."""
    owner = service_owner(endpoint_slice.namespace, endpoint_slice.service, options.primary_zone)
    if owner is None:
        return {}
    answers = service is not None and service.type != "ExternalName"
    is_other = service is None or not service.headless
    plain = plain_in(endpoint_slice, options) if answers else None
    if plain and len(owner) <= _ROOM_FOR_A_LABEL:
        rank = Rank.POD_OF_SERVICE
        best = {one.address: Ranked(rank, is_other, one.pod + owner) for one in plain}
        if len(best) == len(plain):
            return best
    best = {}
    for one in hostnames_in(endpoint_slice):
        called = (
            (Rank.HOSTNAME, one.hostname),
            (Rank.POD_OF_SERVICE, one.pod if answers else None),
            (Rank.DASHED, one.dashed),
        )
        found = [
            Ranked(rank, is_other, name) for rank, each in called if (name := below(each, owner))
        ]
        if found:
            best[one.address] = min(*found, best.get(one.address, found[0]))
    return best


def primaries_of(
    address: bytes, endpoint_slice: EndpointSlice, options: ZoneOptions
) -> list[Ranked]:
    """Return the primary names of an address's endpoints in a slice: those that CoreDNS gives a node's address."""
    found = targets_in(endpoint_slice, options).get(address, ())
    return [Ranked(Rank.DASHED, True, owner) for owner in found]


def addresses_in(endpoint_slice: EndpointSlice) -> list[bytes]:
    """List the addresses of a slice's endpoints as octets."""
    parsed = map(addresses.parse, endpoint_slice.addresses)
    return [address for address in parsed if address is not None]


def ptr_answer(targets: Collection[bytes], ttl_seconds: int) -> ReadyAnswers:
    """Make the PTR answer; nothing for no targets."""
    if len(targets) == 1:
        (target,) = targets
        octets = len(target).to_bytes(2, "big")
        return {c.PTR: _head_of_one(ttl_seconds) + octets + target}
    rdatas = sorted(targets)
    return {c.PTR: answer(c.PTR, ttl_seconds, rdatas)} if rdatas else {}


@lru_cache(maxsize=16)
def _head_of_one(ttl_seconds: int) -> bytes:
    """Return what stands before the length of the target in the answer of one: nearly every answer is one."""
    return answer(c.PTR, ttl_seconds, [b""])[:-2]
