"""What a Service's endpoints contribute: their names under the Service, and entries for its records.

An endpoint has one *primary* name, which SRV and PTR records point to: its hostname, else (with
`endpoint_pod_names`) its pod's name if that is below 64 octets, else its address with dashes. With `pod_names` it is
found by all three. A primary name always wins over another endpoint's alias.

An *entry* is an address and a port that somebody can reach: what CoreDNS calls a `msg.Service`. SRV weights depend on
how many there are, before equal targets are merged.

Sources: dns-spec 1.1.0 §2.4; CoreDNS plugin/kubernetes `findServices`, `endpointHostname`; plugin/backend_lookup.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from podname.kube.objects import Endpoint, EndpointSlice, Port
from podname.wire import addresses
from podname.wire import constants as c
from podname.wire.records import ReadyAnswers, answer, answer_with_additional, srv_rdata
from podname.zone.labels import labels, pod_labels, shared_label
from podname.zone.options import ZoneOptions

#: What a slice or Service without ports has: addresses, yes; SRV records, no.
NO_PORT = Port("", "", -1)
_POD_LABEL_OCTETS = 64


class Entry(NamedTuple):
    """An address and port, and the labels under the Service that name it (empty for the Service itself)."""

    address: bytes
    target: bytes
    port: Port


def primary_name(endpoint: Endpoint, address: str, options: ZoneOptions) -> bytes | None:
    """Give the labels of the endpoint's one name in SRV and PTR records; None when nothing makes a label."""
    if endpoint.hostname and (octets := labels(endpoint.hostname)):
        return octets
    if options.endpoint_pod_names and endpoint.pod and len(endpoint.pod) < _POD_LABEL_OCTETS:
        octets = labels(endpoint.pod)
        if octets:
            return octets
    return labels(addresses.to_dashed(address))


def aliases(endpoint: Endpoint, address: str, options: ZoneOptions) -> Iterator[bytes]:
    """Give what else the endpoint is found by."""
    if not options.pod_names:
        return
    if endpoint.pod:
        yield from pod_labels(endpoint.pod)
        shared = shared_label(endpoint.pod)
        if shared:
            yield shared
    dashed = labels(addresses.to_dashed(address))
    if dashed:
        yield dashed


def named_addresses(
    slices: Iterable[EndpointSlice], options: ZoneOptions
) -> dict[bytes, tuple[bytes, ...]]:
    """Map the labels of endpoints to their addresses, over all slices of one Service."""
    primary: dict[bytes, tuple[bytes, ...]] = {}
    other: dict[bytes, tuple[bytes, ...]] = {}
    for endpoint, text, address in _addresses(slices):
        name = primary_name(endpoint, text, options)
        if name:
            _add(primary, name, address)
        for alias in aliases(endpoint, text, options):
            if alias != name:
                _add(other, alias, address)
    return other | primary if other else primary


def entries(
    slices: Iterable[EndpointSlice], options: ZoneOptions, only: bytes | None = None
) -> list[Entry]:
    """List addresses x ports of the slices; with `only`, of the endpoints that these labels find."""
    out = []
    found = named_addresses(slices, options).get(only, ()) if only is not None else None
    for endpoint_slice in slices:
        ports = endpoint_slice.ports or (NO_PORT,)
        for endpoint, text, address in _addresses((endpoint_slice,)):
            if found is not None and address not in found:
                continue
            target = primary_name(endpoint, text, options)
            if target:
                out.extend([Entry(address, target, port) for port in ports])
    return out


def address_answers(found: Iterable[bytes], ttl_seconds: int) -> ReadyAnswers:
    """Make the A and AAAA answers of distinct addresses."""
    by_rtype: dict[int, list[bytes]] = {}
    for address in found:
        by_rtype.setdefault(addresses.rtype_of(address), []).append(address)
    return {rtype: answer(rtype, ttl_seconds, rdatas) for rtype, rdatas in by_rtype.items()}


def answers(owner: bytes, service: bytes, reached: list[Entry], ttl_seconds: int) -> ReadyAnswers:
    """Make the A, AAAA and SRV answers at `owner` from entries; `service` is what targets are relative to."""
    out = address_answers(dict.fromkeys(entry.address for entry in reached), ttl_seconds)
    srv = _srv(owner, service, reached, ttl_seconds)
    if srv:
        out[c.SRV] = srv
    return out


def srv_weight(count: int) -> int:
    """Share 100 among `count` entries in CoreDNS's floating-point way; never zero."""
    return int(100.0 / (100 * count) * 100) or 1


def _srv(owner: bytes, service: bytes, reached: list[Entry], ttl_seconds: int) -> bytes | None:
    weight = srv_weight(len(reached)) if reached else 0
    records: dict[tuple[bytes, int], tuple[bytes, int]] = {}
    first: dict[bytes, int] = {}
    extra: dict[tuple[bytes, bytes], None] = {}
    for entry in reached:
        if entry.port.number < 0:
            continue
        if (entry.target, entry.port.number) not in records:
            first.setdefault(entry.target, len(records))
            rdata = srv_rdata(0, weight, entry.port.number, entry.target + service)
            records[entry.target, entry.port.number] = (rdata, 6)
        extra[entry.target, entry.address] = None
    if not records:
        return None
    additional = [
        (first[target], addresses.rtype_of(address), address) for target, address in extra
    ]
    return answer_with_additional(
        len(owner), c.SRV, ttl_seconds, list(records.values()), additional
    )


def _addresses(slices: Iterable[EndpointSlice]) -> Iterator[tuple[Endpoint, str, bytes]]:
    for endpoint_slice in slices:
        for endpoint in endpoint_slice.endpoints:
            for text in endpoint.addresses:
                address = addresses.parse(text)
                if address is not None:
                    yield endpoint, text, address


def _add(names: dict[bytes, tuple[bytes, ...]], name: bytes, address: bytes) -> None:
    known = names.get(name, ())
    if address not in known:
        names[name] = (*known, address)
