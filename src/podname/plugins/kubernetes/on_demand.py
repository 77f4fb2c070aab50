"""SRV answers at the names of endpoints, pods and headless Services without ports, made only when somebody asks.

Hardly anybody does, and to keep them for every endpoint would cost more memory than all other answers together.

Sources: CoreDNS plugin/kubernetes `findServices` (an endpoint's own ports), `findPods` (a pod has no port: 0).
"""

from __future__ import annotations

from podname.dns import addresses
from podname.dns import constants as c
from podname.dns.names import labels_of
from podname.dns.query import Query
from podname.dns.records import rdatas_of
from podname.engine.base import Outcome, Table
from podname.kube.objects import Port
from podname.names import endpoints
from podname.names.compiler import Compiler
from podname.names.endpoints import Entry
from podname.names.pods import POD
from podname.names.services import SVC

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
    relative = owner[: len(owner) - len(zone)]
    labels = labels_of(relative + b"\x00")
    if relative.endswith(SVC) and len(labels) > 3:
        return _of_endpoint(owner, relative, labels, zone, compiler)
    if relative.endswith(SVC) and len(labels) == 3:
        name, namespace = labels[0].decode("latin-1"), labels[1].decode("latin-1")
        return compiler.workloads.portless(owner, namespace, name, zone)
    if relative.endswith(POD) and len(labels) > 2:
        return _of_pod(owner, relative, labels, zone, compiler)
    return None


def _of_endpoint(
    owner: bytes, relative: bytes, labels: list[bytes], zone: bytes, compiler: Compiler
) -> bytes | None:
    service, namespace = labels[-3].decode("latin-1"), labels[-2].decode("latin-1")
    service_octets = sum(1 + len(label) for label in labels[-3:])
    name, service_owner = relative[:-service_octets], relative[-service_octets:] + zone
    slices = compiler.services.slices.naming(f"{namespace}/{service}", (name,))
    reached = endpoints.entries(slices, compiler.options, only=name)
    made = endpoints.answers(owner, service_owner, reached, compiler.options.ttl_seconds)
    return made.get(c.SRV)


def _of_pod(
    owner: bytes, relative: bytes, labels: list[bytes], zone: bytes, compiler: Compiler
) -> bytes | None:
    parent = relative[-sum(1 + len(label) for label in labels[-2:]) :] + zone
    spelled = addresses.from_dashed(labels[-3]) if compiler.options.pods != "disabled" else None
    if spelled is not None:
        name = bytes((len(labels[-3]),)) + labels[-3]
        found = [spelled] * max(1, _pods_with(spelled, labels[-2], compiler))
    else:
        name = owner[: -len(parent)]
        ready = [compiler.table.get(owner, rtype) for rtype in (c.A, c.AAAA)]
        found = [address for answer in ready if answer for address in rdatas_of(answer)]
    reached = [Entry(address, name, _NO_PORT_OF_A_POD) for address in found]
    options = compiler.options
    ttl_seconds = options.pod_ttl_seconds if spelled is None else options.ttl_seconds
    return endpoints.answers(owner, parent, reached, ttl_seconds).get(c.SRV)


def _pods_with(address: bytes, namespace: bytes, compiler: Compiler) -> int:
    """Count the pods of a namespace that have an address, as those on their node's network do; weights tell."""
    if compiler.options.pods != "verified":
        return 1
    pods = compiler.pods.holders.get(address)
    return sum(pod.namespace == namespace.decode("latin-1") for pod in pods)
