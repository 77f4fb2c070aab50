"""From Kubernetes' types to flat objects, and what is asked of the API server for them.

As in `podname.kube.flatten`, what is bad in an object is dropped and said. An address that the API server would refuse
in a slice (loopback, link-local, multicast, unspecified) is dropped here: it must not cost the other endpoints theirs.

Sources: k8s.io/endpointslice `utils.go` (FindPort); core validation `ValidateEndpointIP`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from sys import intern

from podname.kube import types
from podname.kube.flatten import Faults
from podname.kube.kinds import UNFINISHED, Kind
from podname.kube.part import object_part
from podname.publish.choosing import ANNOTATION
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
_MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
_HEADLESS = "service.kubernetes.io/headless"
#: Asks for the slices that are ours; those of others are never even read.
OURS = f"{_MANAGED_BY}={MANAGER}"

_DEFAULT_PROTOCOL = "TCP"


def service_of(shape: types.Service, faults: Faults) -> Service:
    """Make a Service."""
    metadata = shape.metadata or types.ObjectMeta()
    spec = shape.spec or types.ServiceSpec()
    families = tuple([each for each in spec.ip_families or () if each in {IPV4, IPV6}])
    return Service(
        intern(metadata.namespace or ""),
        metadata.name or "",
        metadata.uid or "",
        metadata.annotations.get(ANNOTATION) if metadata.annotations else None,
        spec.cluster_ip == "None",
        spec.type or "ClusterIP",
        bool(spec.selector),
        families or (IPV4, IPV6),
        spec.publish_not_ready_addresses is True,
        tuple(_wanted_ports(spec, faults)),
    )


def _wanted_ports(spec: types.ServiceSpec, faults: Faults) -> Iterator[WantedPort]:
    for port in spec.ports or ():
        target = port.target_port or port.port
        if target is None:
            faults.append("a port without a number")
            continue
        yield WantedPort(
            port.name or "", port.protocol or _DEFAULT_PROTOCOL, target, port.app_protocol or ""
        )


def pod_of(shape: types.Pod, faults: Faults) -> Pod:
    """Make a Pod of `status.podIPs`, or of `status.podIP` when there are none."""
    metadata = shape.metadata or types.ObjectMeta()
    spec, status = shape.spec or types.PodSpec(), shape.status or types.PodStatus()
    return Pod(
        intern(metadata.namespace or ""),
        metadata.name or "",
        metadata.uid or "",
        _interned(metadata.labels or {}),
        tuple([text for text in types.addresses_of(status) if _can_be_published(text, faults)]),
        intern(spec.node_name or ""),
        any(each.type == "Ready" and each.status == "True" for each in status.conditions or ()),
        metadata.deletion_timestamp is not None,
        tuple(_named_ports(spec)),
    )


def _named_ports(spec: types.PodSpec) -> Iterator[NamedPort]:
    sidecars = [each for each in spec.init_containers or () if each.restart_policy == "Always"]
    for container in [*(spec.containers or ()), *sidecars]:
        for port in container.ports or ():
            if port.name and port.port:
                protocol = port.protocol or _DEFAULT_PROTOCOL
                yield NamedPort(intern(port.name), intern(protocol), port.port)


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


def slice_of(shape: types.EndpointSlice, _: Faults) -> Slice:
    """Make a Slice of one that says it is ours."""
    metadata = shape.metadata or types.ObjectMeta()
    labels = metadata.labels or {}
    content = Content(
        labels.get(types.SERVICE_NAME_LABEL) or "",
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
        labels.get(_MANAGED_BY) == MANAGER,
        labels.get(_HEADLESS) is not None,
        tuple([each.uid or "" for each in metadata.owner_references or ()]),
        content,
    )


def _port(shape: types.EndpointPort) -> Port:
    protocol = shape.protocol or _DEFAULT_PROTOCOL
    return Port(shape.name or "", protocol, shape.port or 0, shape.app_protocol or "")


def _endpoint(shape: types.Endpoint) -> Endpoint:
    conditions, target = shape.conditions or types.EndpointConditions(), shape.target_ref
    target = target or types.ObjectReference()
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


SERVICES = Kind(
    "Service",
    "services",
    "v1",
    object_part(
        types.Service,
        f"""metadata {{ uid annotations {{ {ANNOTATION} }} }}
        spec {{
            type clusterIP selector ipFamilies publishNotReadyAddresses
            ports {{ name protocol port targetPort appProtocol }}
        }}""",
    ),
    service_of,
)
PODS = Kind(
    "Pod",
    "pods",
    "v1",
    object_part(
        types.Pod,
        """metadata { uid labels deletionTimestamp }
        spec { nodeName containers { ports } initContainers { ports restartPolicy } }
        status { podIP podIPs conditions }""",
    ),
    pod_of,
    UNFINISHED,
)
SLICES = Kind(
    "EndpointSlice",
    "endpointslices",
    "discovery.k8s.io/v1",
    object_part(
        types.EndpointSlice,
        f"""metadata {{
            uid
            labels {{ {types.SERVICE_NAME_LABEL} {_MANAGED_BY} {_HEADLESS} }}
            ownerReferences {{ uid }}
        }}
        addressType endpoints ports""",
    ),
    slice_of,
)
