"""The names at the top of a zone: the apex, `svc`, `pod`, `dns-version` and the name servers.

The name server of a zone is this very server: the Services that one of its own addresses is an endpoint of, or, where
there is none, `ns.dns.<zone>` with those addresses.

Sources: dns-spec 1.1.0 §2.1 (dns-version); CoreDNS plugin/kubernetes `nsAddrs`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from podname.dns import addresses
from podname.dns import constants as c
from podname.dns.records import (
    EMPTY_ANSWER,
    ReadyAnswers,
    answer,
    answer_with_additional,
    txt_rdata,
)
from podname.engine.base import EMPTY_NON_TERMINAL
from podname.kube.objects import EndpointSlice, Service
from podname.names.endpoints import address_answers, names_in
from podname.names.index import Index
from podname.names.options import ZoneOptions
from podname.names.schema import Kind
from podname.names.services import service_owner

DNS_SPEC_VERSION = b"1.1.0"


def fixed_names(zone: bytes, options: ZoneOptions) -> dict[bytes, ReadyAnswers]:
    """Return the names that stand in a zone whatever the cluster holds."""
    held: ReadyAnswers = {EMPTY_NON_TERMINAL: EMPTY_ANSWER}
    version = answer(c.TXT, options.version_ttl_seconds, [txt_rdata(DNS_SPEC_VERSION)])
    has = {
        Kind.APEX: held,
        Kind.SERVICES: held,
        Kind.PODS: held,
        Kind.DNS_VERSION: {c.TXT: version},
    }
    return {owner: answers for kind, answers in has.items() if (owner := kind.build(zone))}


def own_slices(options: ZoneOptions, holders: Index[bytes, EndpointSlice]) -> list[EndpointSlice]:
    """List the slices that one of this server's own addresses is an endpoint in."""
    found = {one.key: one for address in options.local_addresses for one in holders.get(address)}
    return [found[key] for key in sorted(found)]


def name_servers(
    zone: bytes,
    options: ZoneOptions,
    own: Iterable[EndpointSlice],
    services: Mapping[str, Service],
) -> dict[bytes, ReadyAnswers]:
    """Return the NS answer at the apex and the addresses of `ns.dns.<zone>`."""
    own, ns_dns = list(own), Kind.NAME_SERVER.build(zone)
    found: dict[tuple[bytes, bytes], None] = {}
    for endpoint_slice in own:
        service = services.get(endpoint_slice.service_key)
        if service is not None:
            found.update(dict.fromkeys(_servers_of(service, endpoint_slice, zone, options)))
    if ns_dns and not own:
        found = dict.fromkeys((ns_dns, address) for address in options.local_addresses)
    names: dict[bytes, ReadyAnswers] = {}
    if ns_dns:
        has = address_answers(dict.fromkeys(a for _, a in found), options.ttl_seconds)
        names[ns_dns] = has | {EMPTY_NON_TERMINAL: EMPTY_ANSWER}
    if found:
        hosts = {host: number for number, host in enumerate(dict.fromkeys(h for h, _ in found))}
        names[zone] = {
            c.NS: answer_with_additional(
                len(zone),
                c.NS,
                options.ttl_seconds,
                [(host, 0) for host in hosts],
                [(hosts[host], addresses.rtype_of(a), a) for host, a in found],
            )
        }
    return names


def _servers_of(
    service: Service, endpoint_slice: EndpointSlice, zone: bytes, options: ZoneOptions
) -> Iterable[tuple[bytes, bytes]]:
    owner = service_owner(service.namespace, service.name, zone)
    if owner is None:
        return
    if not service.headless:
        for text in service.cluster_ips:
            address = addresses.parse(text)
            if address is not None:
                yield owner, address
        return
    for named in names_in(endpoint_slice, options):
        if named.primary:
            yield named.primary + owner, named.address
