"""SRV answers at the names of endpoints, pods and headless Services without ports, made only when somebody asks.

Hardly anybody does, and to keep them for every endpoint would cost more memory than all other answers together.

Sources: CoreDNS plugin/kubernetes `findServices` (an endpoint's own ports), `findPods` (a pod has no port: 0).
"""

from __future__ import annotations

from podname.dns import addresses
from podname.dns import constants as c
from podname.dns.query import Query
from podname.dns.records import rdatas_of
from podname.engine.base import Outcome, Table
from podname.kube.objects import Port
from podname.names import endpoints, schema
from podname.names.compiler import Compiler
from podname.names.endpoints import Entry
from podname.names.pods import pods_owner
from podname.names.schema import Kind, Name
from podname.names.services import service_owner

_NO_PORT_OF_A_POD = Port("", "", 0)


def is_lazy(query: Query, table: Table) -> bool:
    """Return whether the table leaves a name to code whatever its type, which it says to no type that it knows."""
    if not table.options.lazy_labels:
        return False
    return table.respond(query._replace(qtype=c.TXT)) is Outcome.MISS


def srv_answer(owner: bytes, compiler: Compiler) -> bytes | None:
    """Make the SRV answer at an existing owner name that has none in the table; None when there is none."""
    options = compiler.options
    zone = options.zone_of(owner)
    if zone is None or zone not in options.forward_zones:
        return None
    for name in schema.read(owner, zone):
        match name.kind:
            case Kind.SERVICE:
                return compiler.workloads.portless(owner, name.namespace, name.service, zone)
            case Kind.ENDPOINT:
                return _of_endpoint(owner, name, zone, compiler)
            case Kind.ADDRESS if options.pods != "disabled":
                return _of_address(owner, name, zone, compiler)
            case Kind.POD:
                return _of_pod(owner, name, zone, compiler)
    return None


def _of_endpoint(owner: bytes, name: Name, zone: bytes, compiler: Compiler) -> bytes | None:
    above = service_owner(name.namespace, name.service, zone) or zone
    labels = owner.removesuffix(above)
    slices = compiler.services.slices.naming(f"{name.namespace}/{name.service}", (labels,))
    reached = endpoints.entries(slices, compiler.options, only=labels)
    return _srv(owner, above, reached, compiler.options.ttl_seconds)


def _of_address(owner: bytes, name: Name, zone: bytes, compiler: Compiler) -> bytes | None:
    """Make the answer of as many pods as have the address, as those on their node's network do; weights tell."""
    labels, octets = Kind.ADDRESS.labels(address=name.address), name.address.encode()
    address = addresses.from_dashed(octets)
    if labels is None or address is None:
        return None
    count = 1
    if compiler.options.pods == "verified":
        holders = compiler.pods.holders.get(address)
        count = max(1, sum(pod.namespace == name.namespace for pod in holders))
    reached = [Entry(address, labels, _NO_PORT_OF_A_POD)] * count
    above = pods_owner(name.namespace, zone) or zone
    return _srv(owner, above, reached, compiler.options.ttl_seconds)


def _of_pod(owner: bytes, name: Name, zone: bytes, compiler: Compiler) -> bytes | None:
    above = pods_owner(name.namespace, zone) or zone
    ready = [compiler.table.get(owner, rtype) for rtype in (c.A, c.AAAA)]
    found = [address for answer in ready if answer for address in rdatas_of(answer)]
    labels = owner.removesuffix(above)
    reached = [Entry(address, labels, _NO_PORT_OF_A_POD) for address in found]
    return _srv(owner, above, reached, compiler.options.pod_ttl_seconds)


def _srv(owner: bytes, above: bytes, reached: list[Entry], ttl_seconds: int) -> bytes | None:
    return endpoints.answers(owner, above, reached, ttl_seconds).get(c.SRV)
