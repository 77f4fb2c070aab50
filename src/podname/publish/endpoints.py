"""From a pod to the endpoints that a Service has of it, as Kubernetes makes them, and the pod's name as `hostname`.

A name that is no DNS label (over 63 octets, or with dots) cannot be a hostname: the addresses are published without.

Sources: k8s.io/endpointslice `podToEndpoint`, `getEndpointPorts`; RFC 1123 §2.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from podname.publish.objects import IPV4, IPV6, Endpoint, Pod, Port, Service

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?").fullmatch


@dataclass(frozen=True)
class Group:
    """What the endpoints of one slice have in common."""

    family: str
    ports: tuple[Port, ...]


def hostname_of(pod: Pod) -> str:
    """Return the hostname that stands for a pod, '' when its name cannot be one."""
    return pod.name if _LABEL(pod.name) else ""


def endpoints_of(service: Service, pod: Pod) -> Iterator[tuple[Group, Endpoint]]:
    """Return what a pod contributes: an endpoint for each family in which it has addresses."""
    ports = _ports(service, pod)
    for family in (IPV4, IPV6):
        if family not in service.families:
            continue
        addresses = tuple([each for each in pod.addresses if (":" in each) == (family == IPV6)])
        if addresses:
            yield Group(family, ports), _endpoint(service, pod, addresses)


def _endpoint(service: Service, pod: Pod, addresses: tuple[str, ...]) -> Endpoint:
    """A pod that ends is never ready, unless readiness does not count."""
    is_ready = service.publishes_not_ready or (pod.is_ready and not pod.is_terminating)
    return Endpoint(
        pod.uid,
        pod.name,
        hostname_of(pod),
        addresses,
        pod.node,
        is_ready,
        pod.is_ready,
        pod.is_terminating,
    )


def _ports(service: Service, pod: Pod) -> tuple[Port, ...]:
    """A port by a name that the pod does not have is left out, for this pod."""
    found = []
    for wanted in service.ports:
        number = (
            wanted.target
            if isinstance(wanted.target, int)
            else _named(pod, wanted.target, wanted.protocol)
        )
        if number:
            found.append(Port(wanted.name, wanted.protocol, number, wanted.app_protocol))
    return tuple(found)


def _named(pod: Pod, name: str, protocol: str) -> int:
    numbers = (each.number for each in pod.ports if each.name == name and each.protocol == protocol)
    return next(numbers, 0)
