"""The wire shape of what this controller reads: of a Service, a pod and a slice more than names need.

Sources: Kubernetes API v1, discovery.k8s.io/v1.
"""

from __future__ import annotations

from msgspec import Struct, field

from podname.kube.shapes import Metadata, PodAddress


class Annotations(Struct, gc=False):
    """The one annotation that is ours."""

    publish: str | None = field(default=None, name="podname.dev/publish")


class ServiceMetadata(Metadata, rename="camel", gc=False):
    """A Service's metadata."""

    uid: str | None = None
    annotations: Annotations | None = None


class ServicePort(Struct, rename="camel", gc=False):
    """v1 ServicePort."""

    name: str | None = None
    protocol: str | None = None
    port: int | None = None
    target_port: int | str | None = None
    app_protocol: str | None = None


class ServiceSpec(Struct, rename="camel", gc=False):
    """v1 ServiceSpec."""

    type: str | None = None
    cluster_ip: str | None = field(default=None, name="clusterIP")
    selector: dict[str, str] | None = None
    ip_families: list[str] | None = None
    publish_not_ready_addresses: bool | None = None
    ports: list[ServicePort] | None = None


class ServiceShape(Struct, gc=False):
    """v1 Service."""

    metadata: ServiceMetadata | None = None
    spec: ServiceSpec | None = None


class PodMetadata(Metadata, rename="camel", gc=False):
    """A pod's metadata."""

    uid: str | None = None
    labels: dict[str, str] | None = None
    deletion_timestamp: str | None = None


class ContainerPort(Struct, rename="camel", gc=False):
    """v1 ContainerPort."""

    name: str | None = None
    protocol: str | None = None
    container_port: int | None = None


class Container(Struct, rename="camel", gc=False):
    """v1 Container."""

    ports: list[ContainerPort] | None = None
    restart_policy: str | None = None


class PodSpec(Struct, rename="camel", gc=False):
    """v1 PodSpec."""

    node_name: str | None = None
    containers: list[Container] | None = None
    init_containers: list[Container] | None = None


class Condition(Struct, gc=False):
    """v1 PodCondition."""

    type: str | None = None
    status: str | None = None


class PodStatus(Struct, gc=False):
    """v1 PodStatus."""

    phase: str | None = None
    pod_ip: str | None = field(default=None, name="podIP")
    pod_ips: list[PodAddress] | None = field(default=None, name="podIPs")
    conditions: list[Condition] | None = None


class PodShape(Struct, gc=False):
    """v1 Pod."""

    metadata: PodMetadata | None = None
    spec: PodSpec | None = None
    status: PodStatus | None = None


class SliceLabels(Struct, gc=False):
    """The labels that say whose a slice is."""

    service: str | None = field(default=None, name="kubernetes.io/service-name")
    managed_by: str | None = field(default=None, name="endpointslice.kubernetes.io/managed-by")
    headless: str | None = field(default=None, name="service.kubernetes.io/headless")


class OwnerReference(Struct, gc=False):
    """meta/v1 OwnerReference."""

    uid: str | None = None


class SliceMetadata(Metadata, rename="camel", gc=False):
    """A slice's metadata."""

    uid: str | None = None
    labels: SliceLabels | None = None
    owner_references: list[OwnerReference] | None = None


class Conditions(Struct, gc=False):
    """discovery.k8s.io/v1 EndpointConditions."""

    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None


class TargetRef(Struct, gc=False):
    """v1 ObjectReference."""

    kind: str | None = None
    name: str | None = None
    uid: str | None = None


class EndpointShape(Struct, rename="camel", gc=False):
    """discovery.k8s.io/v1 Endpoint."""

    addresses: list[str] | None = None
    conditions: Conditions | None = None
    hostname: str | None = None
    node_name: str | None = None
    target_ref: TargetRef | None = None


class SlicePort(Struct, rename="camel", gc=False):
    """discovery.k8s.io/v1 EndpointPort."""

    name: str | None = None
    protocol: str | None = None
    port: int | None = None
    app_protocol: str | None = None


class SliceShape(Struct, rename="camel", gc=False):
    """discovery.k8s.io/v1 EndpointSlice."""

    metadata: SliceMetadata | None = None
    address_type: str | None = None
    endpoints: list[EndpointShape] | None = None
    ports: list[SlicePort] | None = None
