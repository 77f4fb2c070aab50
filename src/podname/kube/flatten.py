"""From the wire's shape to the flat object: what is bad in it is dropped, and said.

A tenant can write nearly any text into an object of theirs. The rules:

1. An object whose namespace or name cannot be a name in DNS is skipped: `key_of` gives None.
2. Of any other object the bad parts are dropped: an address that is none, a port out of range, a hostname with a
   space, a name of 64 octets where one label is needed. What remains is served; `faults` collects what was dropped.

Whether an object is skipped depends on its namespace and name alone, so that a comparison which sees only metadata
(`podname.kube.audit`) agrees with this module about what there is.

Texts that repeat in a cluster (namespaces, port names, phases) are kept once.

Sources: Kubernetes API validation (`IsDNS1123Label`, `IsDNS1123Subdomain`); CoreDNS plugin/kubernetes/object.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from sys import intern

from podname.dns import addresses
from podname.kube import types
from podname.kube.objects import (
    ALL_PORTS,
    Endpoint,
    EndpointSlice,
    Namespace,
    Pod,
    Port,
    Service,
)
from podname.kube.types import (
    SERVICE_NAME_LABEL,
    ObjectMeta,
    PodSpec,
    PodStatus,
    ServiceSpec,
    addresses_of,
)
from podname.text import shown

Faults = list[str]

_TEMPLATE_HASH = "pod-template-hash"
_CHANGED = "endpoints.kubernetes.io/last-change-trigger-time"

_LABEL = re.compile(r"[A-Za-z0-9_-]{1,63}").fullmatch
_SUBDOMAIN = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*").fullmatch
_EXTERNAL_NAME = re.compile(
    r"(?=.{1,254}\Z)(?:[A-Za-z0-9_*-]{1,63}\.)*[A-Za-z0-9_*-]{1,63}\.?"
).fullmatch
_SERVICE_TYPES = {text: text for text in ("ClusterIP", "NodePort", "LoadBalancer", "ExternalName")}
_PROTOCOLS = {text: text for text in ("TCP", "UDP", "SCTP")}
_ADDRESS_TYPES = {text: text for text in ("IPv4", "IPv6", "FQDN")}
#: The kinds of workloads that have names, by API group, and the label that they have there.
_WORKLOADS = {
    ("apps", "ReplicaSet"): "rs",
    ("apps", "StatefulSet"): "sts",
    ("apps", "DaemonSet"): "ds",
    ("batch", "Job"): "job",
}
_HEADLESS = ("None",)
_NOBODY = ObjectMeta()
_SHOWN_CHARACTERS = 80


def key_of(kind: str, metadata: ObjectMeta | None) -> str | None:
    """Return `namespace/name` (the name alone for a namespace); None when no name can be made of it."""
    if metadata is None or not (name := metadata.name):
        return None
    if kind == "Namespace":
        return name if _LABEL(name) else None
    namespace = metadata.namespace or ""
    fits = _LABEL(name) or (kind != "Service" and _SUBDOMAIN(name))  # nearly all are labels
    return f"{namespace}/{name}" if fits and _LABEL(namespace) else None


def namespace_of(shape: types.Namespace, _: Faults) -> Namespace:
    """Make a Namespace; its key is known to be good."""
    return Namespace(intern(_known(shape.metadata).name or ""))


def pod_of(shape: types.Pod, faults: Faults) -> Pod:
    """Make a Pod of `status.podIPs`, or of `status.podIP` when there are none."""
    metadata, status = shape.metadata or _NOBODY, shape.status
    texts = addresses_of(status)
    return Pod.of(
        intern(metadata.namespace or ""),
        metadata.name or "",
        _addresses(texts, faults),
        intern((status and status.phase) or ""),
        _owner(metadata, faults),
        _container_ports(shape.spec, faults),
        _hostname(shape.spec, metadata.name or "", faults),
        on_host=_on_host(shape.spec, status, texts),
    )


def _hostname(spec: PodSpec | None, name: str, faults: Faults) -> str:
    """Return what a pod is told to call itself, an override first; empty for none, or its own name.

    On its node's network it is called as the node is, whatever it is told.
    """
    if spec is None or spec.host_network or not (spec.hostname or spec.hostname_override):
        return ""
    text = spec.hostname_override or spec.hostname or ""
    if not (_SUBDOMAIN(text) if spec.hostname_override else _LABEL(text)):
        faults.append(f"hostname {_shown(text)} is no hostname")
        return ""
    return "" if text == name else text


def _on_host(spec: PodSpec | None, status: PodStatus | None, texts: list[str]) -> bool:
    """Return whether a pod has the addresses of its node: by its spec, or by what was given to it."""
    if spec is not None and spec.host_network:
        return True
    if status is None or not texts:
        return False
    return texts[0] == status.host_ip or any(
        each.ip in texts for each in status.host_ips or () if each.ip
    )


def service_of(shape: types.Service, faults: Faults) -> Service:
    """Make a Service."""
    metadata, spec = _known(shape.metadata), shape.spec or ServiceSpec()
    external_name = spec.external_name or ""
    is_address = addresses.parse(external_name) is not None
    if external_name and not is_address and not _EXTERNAL_NAME(external_name):
        faults.append(f"externalName {_shown(external_name)} is no name")
        external_name = ""
    return Service(
        intern(metadata.namespace or ""),
        metadata.name or "",
        _SERVICE_TYPES.get(spec.type or "", "ClusterIP"),
        _cluster_ips(spec, faults),
        external_name,
        _ports(spec.ports, faults),
        _external_ips(spec, shape.status, faults),
    )


def endpoint_slice_of(shape: types.EndpointSlice, faults: Faults) -> EndpointSlice:
    """Make an EndpointSlice of the endpoints that are ready, or of which nobody knows that they are not."""
    metadata = _known(shape.metadata)
    labels = shape.metadata.labels if shape.metadata else None
    service = (labels and labels.get(SERVICE_NAME_LABEL)) or ""
    if service and not _LABEL(service):
        faults.append(f"label {SERVICE_NAME_LABEL} {_shown(service)} is no Service's name")
        service = ""
    is_name = shape.address_type == "FQDN"
    endpoints = (_endpoint(each, is_name, faults) for each in shape.endpoints or () if _ready(each))
    return EndpointSlice.of(
        intern(metadata.namespace or ""),
        metadata.name or "",
        service,
        _ADDRESS_TYPES.get(shape.address_type or "", "IPv4"),
        [each for each in endpoints if each.addresses],
        _ports(shape.ports, faults, may_mean_all=True),
        _changed_at(shape.metadata),
    )


def _changed_at(metadata: ObjectMeta | None) -> float:
    """Return when the change happened that a slice tells of; 0 when it does not say, or no time."""
    text = metadata and metadata.annotations and metadata.annotations.get(_CHANGED)
    if not text:
        return 0.0
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        return 0.0


def _ready(endpoint: types.Endpoint) -> bool:
    return endpoint.conditions is None or endpoint.conditions.ready is not False


def _endpoint(shape: types.Endpoint, is_name: bool, faults: Faults) -> Endpoint:
    hostname = shape.hostname or ""
    if hostname and not _LABEL(hostname):
        faults.append(f"hostname {_shown(hostname)} is no label")
        hostname = ""
    pod = (shape.target_ref and shape.target_ref.name) or ""
    if pod and not _SUBDOMAIN(pod):
        faults.append(f"targetRef {_shown(pod)} is no name")
        pod = ""
    texts = shape.addresses or []
    return Endpoint(_names(texts, faults) if is_name else _addresses(texts, faults), hostname, pod)


def _cluster_ips(spec: ServiceSpec, faults: Faults) -> tuple[str, ...]:
    texts = spec.cluster_ips or ([spec.cluster_ip] if spec.cluster_ip else [])
    if texts[:1] == ["None"]:
        return _HEADLESS
    return _addresses([text for text in texts if text], faults)


def _external_ips(
    spec: ServiceSpec, status: types.ServiceStatus | None, faults: Faults
) -> tuple[str, ...]:
    """Return the external addresses of a Service, then those of its load balancer, as CoreDNS puts them."""
    balancer = status and status.load_balancer
    ingress = (balancer and balancer.ingress) or ()
    if not ingress and not spec.external_ips:
        return ()
    texts = [*(spec.external_ips or ()), *(each.ip or each.hostname or "" for each in ingress)]
    return _names([text for text in texts if text], faults, may_be_addresses=True)


def _addresses(texts: Sequence[str], faults: Faults) -> tuple[str, ...]:
    good = tuple([text for text in texts if addresses.parse(text) is not None])
    if len(good) != len(texts):
        faults.extend(f"{_shown(text)} is no address" for text in texts if text not in good)
    return good


def _names(texts: list[str], faults: Faults, *, may_be_addresses: bool = False) -> tuple[str, ...]:
    def is_good(text: str) -> bool:
        is_address = may_be_addresses and addresses.parse(text) is not None
        return is_address or _EXTERNAL_NAME(text) is not None

    good = tuple([text for text in texts if is_good(text)])
    faults.extend(f"{_shown(text)} is no name" for text in texts if text not in good)
    return good


def _owner(metadata: ObjectMeta, faults: Faults) -> str:
    """Spell the workload that a pod is one of: `deploy/web/7bd795854f`, `sts/db`; empty when there is none."""
    for reference in metadata.owner_references or ():
        if reference.controller:
            digits = (metadata.labels and metadata.labels.get(_TEMPLATE_HASH)) or ""
            name = reference.name or ""
            spelled = _spelled(reference.api_version or "", reference.kind or "", name, digits)
            if spelled:
                return spelled
            if spelled is None:
                faults.append(f"owner {_shown(name)} is no name")
    return ""


@lru_cache(maxsize=64)  # pods of one workload come one after the other
def _spelled(api_version: str, kind_word: str, name: str, digits: str) -> str | None:
    """Spell a workload; nothing when it is of a kind that has no names, None when it has no name itself."""
    kind = _WORKLOADS.get((api_version.partition("/")[0], kind_word))
    if kind is None:
        return ""
    if not _SUBDOMAIN(name):
        return None
    deployment = name.removesuffix(f"-{digits}") if digits else name
    if kind == "rs" and deployment not in {"", name}:
        return intern(f"deploy/{deployment}/{digits}")
    return intern(f"{kind}/{name}")


def _container_ports(spec: PodSpec | None, faults: Faults) -> tuple[Port, ...]:
    containers = (spec and spec.containers) or ()
    named = [port for each in containers for port in each.ports or () if port.name]
    return _same(tuple(port for port in _ports(named, faults) if port.name)) if named else ()


@lru_cache(maxsize=4096)
def _same(ports: tuple[Port, ...]) -> tuple[Port, ...]:
    """All pods of a workload have the same ports: one object for all of them."""
    return ports


def _ports(
    shapes: Sequence[types.ServicePort | types.EndpointPort | types.ContainerPort] | None,
    faults: Faults,
    *,
    may_mean_all: bool = False,
) -> tuple[Port, ...]:
    found = []
    for shape in shapes or ():
        number = shape.port
        if number is None and may_mean_all:
            number = ALL_PORTS
        elif number is None:
            continue
        protocol = _PROTOCOLS.get(shape.protocol or "TCP")
        if protocol is None or not (0 < number < 65536 or shape.port is None):
            faults.append(f"port {shape.port} {_shown(shape.protocol or '')} is no port")
            continue
        name = shape.name or ""
        if name and not _LABEL(name):
            faults.append(f"port name {_shown(name)} is no label")
            name = ""
        found.append(_port(intern(name), protocol, number))
    return tuple(found)


@lru_cache(maxsize=4096)
def _port(name: str, protocol: str, number: int) -> Port:
    """A cluster has few different ports: `http TCP 80` is one object for all of its Services."""
    return Port(name, protocol, number)


def _known(metadata: ObjectMeta | None) -> ObjectMeta:
    return metadata or ObjectMeta()


def _shown(text: str) -> str:
    return f"'{shown(text, _SHOWN_CHARACTERS)}'"
