"""Kubernetes' types, once: every field that anything here reads. A consumer takes a part of them (`podname.kube.part`).

Every field may be missing or null, as it may in JSON that Go wrote. A number is that of the field in the API's
protobuf, and never changes its meaning; a part with a field that has none is asked for in JSON.

`gc=False`: they live for a moment.

Sources: k8s.io/api (core/v1, discovery/v1, coordination/v1) and k8s.io/apimachinery (meta/v1), with the
`generated.proto` of each.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Struct, field

#: The label of an EndpointSlice that says which Service's it is.
SERVICE_NAME_LABEL = "kubernetes.io/service-name"


class Type(Struct, rename="camel", omit_defaults=True, gc=False):
    """How all of them are spelled in JSON."""


# ----------------------------------------------------------------------- meta/v1


class OwnerReference(Type):
    """meta/v1 OwnerReference."""

    api_version: Annotated[str | None, 5] = None
    kind: Annotated[str | None, 1] = None
    name: Annotated[str | None, 3] = None
    uid: Annotated[str | None, 4] = None
    controller: Annotated[bool | None, 6] = None


class ObjectMeta(Type):
    """meta/v1 ObjectMeta: what stands at the top of every object."""

    name: Annotated[str | None, 1] = None
    namespace: Annotated[str | None, 3] = None
    uid: Annotated[str | None, 5] = None
    resource_version: Annotated[str | None, 6] = None
    deletion_timestamp: str | None = None
    labels: Annotated[dict[str, str] | None, 11] = None
    annotations: Annotated[dict[str, str] | None, 12] = None
    owner_references: Annotated[list[OwnerReference] | None, 13] = None


class PartialObjectMetadata(Type):
    """meta/v1 PartialObjectMetadata: an object of any kind without anything but its metadata."""

    metadata: Annotated[ObjectMeta | None, 1] = None


class ListMeta(Type):
    """meta/v1 ListMeta; `continue` says where the next page begins."""

    resource_version: str | None = None
    continue_token: str | None = field(default=None, name="continue")


class ListHead(Type):
    """A list without its items."""

    metadata: ListMeta | None = None


class Status(Type):
    """meta/v1 Status: how the API server says that something went wrong."""

    message: Annotated[str | None, 3] = None
    reason: Annotated[str | None, 4] = None
    code: Annotated[int | None, 6] = None


# ----------------------------------------------------------------------- core/v1


class Namespace(Type):
    """v1 Namespace."""

    metadata: Annotated[ObjectMeta | None, 1] = None


class ServicePort(Type):
    """v1 ServicePort."""

    name: Annotated[str | None, 1] = None
    protocol: Annotated[str | None, 2] = None
    port: Annotated[int | None, 3] = None
    target_port: int | str | None = None
    app_protocol: Annotated[str | None, 6] = None


class ServiceSpec(Type):
    """v1 ServiceSpec."""

    ports: Annotated[list[ServicePort] | None, 1] = None
    selector: Annotated[dict[str, str] | None, 2] = None
    cluster_ip: Annotated[str | None, 3] = field(default=None, name="clusterIP")
    type: Annotated[str | None, 4] = None
    external_ips: Annotated[list[str] | None, 5] = field(default=None, name="externalIPs")
    external_name: Annotated[str | None, 10] = None
    publish_not_ready_addresses: Annotated[bool | None, 13] = None
    cluster_ips: Annotated[list[str] | None, 18] = field(default=None, name="clusterIPs")
    ip_families: Annotated[list[str] | None, 19] = None


class LoadBalancerIngress(Type):
    """v1 LoadBalancerIngress: an address of a load balancer, or its host name."""

    ip: Annotated[str | None, 1] = None
    hostname: Annotated[str | None, 2] = None


class LoadBalancerStatus(Type):
    """v1 LoadBalancerStatus."""

    ingress: Annotated[list[LoadBalancerIngress] | None, 1] = None


class ServiceStatus(Type):
    """v1 ServiceStatus."""

    load_balancer: Annotated[LoadBalancerStatus | None, 1] = None


class Service(Type):
    """v1 Service."""

    metadata: Annotated[ObjectMeta | None, 1] = None
    spec: Annotated[ServiceSpec | None, 2] = None
    status: Annotated[ServiceStatus | None, 3] = None


class EnvVar(Type):
    """v1 EnvVar; `value` is missing when it comes from elsewhere."""

    name: Annotated[str | None, 1] = None
    value: Annotated[str | None, 2] = None


class ContainerPort(Type):
    """v1 ContainerPort."""

    name: Annotated[str | None, 1] = None
    port: Annotated[int | None, 3] = field(default=None, name="containerPort")
    protocol: Annotated[str | None, 4] = None


class Container(Type):
    """v1 Container."""

    ports: Annotated[list[ContainerPort] | None, 6] = None
    env: Annotated[list[EnvVar] | None, 7] = None
    restart_policy: str | None = None


class PodDnsConfig(Type):
    """v1 PodDNSConfig."""

    searches: Annotated[list[str] | None, 2] = None


class PodSpec(Type):
    """v1 PodSpec."""

    containers: Annotated[list[Container] | None, 2] = None
    dns_policy: Annotated[str | None, 6] = None
    node_name: Annotated[str | None, 10] = None
    host_network: Annotated[bool | None, 11] = None
    hostname: Annotated[str | None, 16] = None
    subdomain: Annotated[str | None, 17] = None
    init_containers: Annotated[list[Container] | None, 20] = None
    dns_config: Annotated[PodDnsConfig | None, 26] = None
    hostname_override: Annotated[str | None, 41] = None  # KEP-4762


class PodIp(Type):
    """v1 PodIP, and HostIP, which is spelled alike."""

    ip: Annotated[str | None, 1] = None


class PodCondition(Type):
    """v1 PodCondition."""

    type: Annotated[str | None, 1] = None
    status: Annotated[str | None, 2] = None


class PodStatus(Type):
    """v1 PodStatus."""

    phase: Annotated[str | None, 1] = None
    conditions: Annotated[list[PodCondition] | None, 2] = None
    host_ip: Annotated[str | None, 5] = field(default=None, name="hostIP")
    pod_ip: Annotated[str | None, 6] = field(default=None, name="podIP")
    pod_ips: Annotated[list[PodIp] | None, 12] = field(default=None, name="podIPs")
    host_ips: Annotated[list[PodIp] | None, 16] = field(default=None, name="hostIPs")


class Pod(Type):
    """v1 Pod."""

    metadata: Annotated[ObjectMeta | None, 1] = None
    spec: Annotated[PodSpec | None, 2] = None
    status: Annotated[PodStatus | None, 3] = None


# ----------------------------------------------------------------------- discovery.k8s.io/v1


class EndpointConditions(Type):
    """discovery.k8s.io/v1 EndpointConditions."""

    ready: Annotated[bool | None, 1] = None
    serving: Annotated[bool | None, 2] = None
    terminating: Annotated[bool | None, 3] = None


class ObjectReference(Type):
    """v1 ObjectReference: what an endpoint is an address of."""

    name: Annotated[str | None, 3] = None
    uid: Annotated[str | None, 4] = None


class Endpoint(Type):
    """discovery.k8s.io/v1 Endpoint."""

    addresses: Annotated[list[str] | None, 1] = None
    conditions: Annotated[EndpointConditions | None, 2] = None
    hostname: Annotated[str | None, 3] = None
    target_ref: Annotated[ObjectReference | None, 4] = None
    node_name: Annotated[str | None, 6] = None


class EndpointPort(Type):
    """discovery.k8s.io/v1 EndpointPort."""

    name: Annotated[str | None, 1] = None
    protocol: Annotated[str | None, 2] = None
    port: Annotated[int | None, 3] = None
    app_protocol: Annotated[str | None, 4] = None


class EndpointSlice(Type):
    """discovery.k8s.io/v1 EndpointSlice."""

    metadata: Annotated[ObjectMeta | None, 1] = None
    endpoints: Annotated[list[Endpoint] | None, 2] = None
    ports: Annotated[list[EndpointPort] | None, 3] = None
    address_type: Annotated[str | None, 4] = None


# ----------------------------------------------------------------------- coordination.k8s.io/v1


class LeaseSpec(Type):
    """coordination.k8s.io/v1 LeaseSpec."""

    holder_identity: str | None = None
    lease_duration_seconds: int | None = None
    acquire_time: str | None = None
    renew_time: str | None = None
    lease_transitions: int | None = None


class Lease(Type):
    """coordination.k8s.io/v1 Lease."""

    metadata: ObjectMeta | None = None
    spec: LeaseSpec | None = None


def addresses_of(status: PodStatus | None) -> list[str]:
    """Return the addresses of a pod: its `podIPs`, or its `podIP` when there are none."""
    if status is None:
        return []
    texts = [each.ip for each in status.pod_ips or () if each.ip]
    return texts or ([status.pod_ip] if status.pod_ip else [])
