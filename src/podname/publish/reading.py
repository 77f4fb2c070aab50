"""From the wire's shape to flat objects, and what is asked of the API server for them.

As in `podname.kube.flatten`, what is bad in an object is dropped and said. An address that the API server would refuse
in a slice (loopback, link-local, multicast, unspecified) is dropped here: it must not cost the other endpoints theirs.

Sources: k8s.io/endpointslice `utils.go` (FindPort); core validation `ValidateEndpointIP`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from sys import intern

from podname.kube.flatten import Faults
from podname.kube.kinds import UNFINISHED, Kind
from podname.publish import shapes
from podname.publish.objects import (
    IPV4,
    IPV6,
    Content,
    Endpoint,
    NamedPort,
    Pod,
    Port,
    Service,
    Slice,
    WantedPort,
)
from podname.text import shown

MANAGER = "podname.dev"
#: Asks for the slices that are ours; those of others are never even read.
OURS = f"endpointslice.kubernetes.io/managed-by={MANAGER}"

_DEFAULT_PROTOCOL = "TCP"


def service_of(shape: shapes.ServiceShape, faults: Faults) -> Service:
    """Make a Service."""
    metadata = shape.metadata or shapes.ServiceMetadata()
    spec = shape.spec or shapes.ServiceSpec()
    families = tuple([each for each in spec.ip_families or () if each in {IPV4, IPV6}])
    return Service(
        intern(metadata.namespace or ""),
        metadata.name or "",
        metadata.uid or "",
        metadata.annotations.publish if metadata.annotations else None,
        spec.cluster_ip == "None",
        spec.type or "ClusterIP",
        bool(spec.selector),
        families or (IPV4, IPV6),
        spec.publish_not_ready_addresses is True,
        tuple(_wanted_ports(spec, faults)),
    )


def _wanted_ports(spec: shapes.ServiceSpec, faults: Faults) -> Iterator[WantedPort]:
    for port in spec.ports or ():
        target = port.target_port or port.port
        if target is None:
            faults.append("a port without a number")
            continue
        yield WantedPort(
            port.name or "", port.protocol or _DEFAULT_PROTOCOL, target, port.app_protocol or ""
        )


def pod_of(shape: shapes.PodShape, faults: Faults) -> Pod:
    """Make a Pod of `status.podIPs`, or of `status.podIP` when there are none."""
    metadata = shape.metadata or shapes.PodMetadata()
    spec, status = shape.spec or shapes.PodSpec(), shape.status or shapes.PodStatus()
    texts = [each.ip for each in status.pod_ips or () if each.ip]
    texts = texts or ([status.pod_ip] if status.pod_ip else [])
    return Pod(
        intern(metadata.namespace or ""),
        metadata.name or "",
        metadata.uid or "",
        _interned(metadata.labels or {}),
        tuple([text for text in texts if _can_be_published(text, faults)]),
        intern(spec.node_name or ""),
        any(each.type == "Ready" and each.status == "True" for each in status.conditions or ()),
        metadata.deletion_timestamp is not None,
        tuple(_named_ports(spec)),
    )


def _named_ports(spec: shapes.PodSpec) -> Iterator[NamedPort]:
    sidecars = [each for each in spec.init_containers or () if each.restart_policy == "Always"]
    for container in [*(spec.containers or ()), *sidecars]:
        for port in container.ports or ():
            if port.name and port.container_port:
                protocol = port.protocol or _DEFAULT_PROTOCOL
                yield NamedPort(intern(port.name), intern(protocol), port.container_port)


def _can_be_published(text: str, faults: Faults) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        faults.append(f"'{shown(text, 80)}' is no address")
        return False
    if address.is_loopback or address.is_link_local or address.is_multicast:
        faults.append(f"address {text} cannot be published")
        return False
    return not address.is_unspecified


def _interned(labels: Mapping[str, str]) -> dict[str, str]:
    """Texts that repeat from pod to pod are kept once."""
    return {intern(key): intern(value) for key, value in labels.items()}


def slice_of(shape: shapes.SliceShape, _: Faults) -> Slice:
    """Make a Slice of one that says it is ours."""
    metadata = shape.metadata or shapes.SliceMetadata()
    labels = metadata.labels or shapes.SliceLabels()
    content = Content(
        labels.service or "",
        "",
        shape.address_type or "",
        tuple([_port(each) for each in shape.ports or ()]),
        tuple([_endpoint(each) for each in shape.endpoints or ()]),
    )
    return Slice(
        intern(metadata.namespace or ""),
        metadata.name or "",
        metadata.uid or "",
        metadata.resource_version or "",
        labels.managed_by == MANAGER,
        labels.headless is not None,
        tuple([each.uid or "" for each in metadata.owner_references or ()]),
        content,
    )


def _port(shape: shapes.SlicePort) -> Port:
    protocol = shape.protocol or _DEFAULT_PROTOCOL
    return Port(shape.name or "", protocol, shape.port or 0, shape.app_protocol or "")


def _endpoint(shape: shapes.EndpointShape) -> Endpoint:
    conditions, target = shape.conditions or shapes.Conditions(), shape.target_ref
    target = target or shapes.TargetRef()
    return Endpoint(
        target.uid or "",
        target.name or "",
        shape.hostname or "",
        tuple(shape.addresses or ()),
        intern(shape.node_name or ""),
        conditions.ready,
        conditions.serving,
        conditions.terminating,
    )


SERVICES = Kind("Service", "services", "v1", shapes.ServiceShape, service_of)
PODS = Kind("Pod", "pods", "v1", shapes.PodShape, pod_of, UNFINISHED)
SLICES = Kind("EndpointSlice", "endpointslices", "discovery.k8s.io/v1", shapes.SliceShape, slice_of)
