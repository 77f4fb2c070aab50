"""The wire shape of the objects we read: of the API's JSON, the fields that names need and no other.

msgspec skips what is not named here without making anything of it, which is what makes a pod of ten kilobytes cost
ten microseconds. A field more costs for every object of the cluster.

Every field may be missing or null, as it may in JSON that Go wrote. `gc=False`: they live for a moment.

Sources: Kubernetes API v1, discovery.k8s.io/v1, apimachinery `ObjectMeta`.
"""

from __future__ import annotations

from msgspec import Struct, field


class Metadata(Struct, rename="camel", gc=False):
    """What stands at the top of every object."""

    name: str | None = None
    namespace: str | None = None
    resource_version: str | None = None


class SliceLabels(Struct, gc=False):
    """The one label of an EndpointSlice that says whose it is."""

    service_name: str | None = field(default=None, name="kubernetes.io/service-name")


class SliceAnnotations(Struct, gc=False):
    """The one annotation of an EndpointSlice that says when what it tells of happened."""

    changed: str | None = field(
        default=None, name="endpoints.kubernetes.io/last-change-trigger-time"
    )


class SliceMetadata(Metadata, rename="camel", gc=False):
    """An EndpointSlice's metadata, with whose it is."""

    labels: SliceLabels | None = None
    annotations: SliceAnnotations | None = None


class PortShape(Struct, gc=False):
    """A port of a Service or an EndpointSlice."""

    name: str | None = None
    protocol: str | None = None
    port: int | None = None


class NamespaceShape(Struct, gc=False):
    """v1 Namespace."""

    metadata: Metadata | None = None


class ServiceSpec(Struct, gc=False):
    """v1 ServiceSpec."""

    type: str | None = None
    cluster_ip: str | None = field(default=None, name="clusterIP")
    cluster_ips: list[str] | None = field(default=None, name="clusterIPs")
    external_name: str | None = field(default=None, name="externalName")
    ports: list[PortShape] | None = None


class ServiceShape(Struct, gc=False):
    """v1 Service."""

    metadata: Metadata | None = None
    spec: ServiceSpec | None = None


class Conditions(Struct, gc=False):
    """discovery.k8s.io/v1 EndpointConditions."""

    ready: bool | None = None


class TargetRef(Struct, gc=False):
    """v1 ObjectReference: what an endpoint is an address of."""

    name: str | None = None


class EndpointShape(Struct, rename="camel", gc=False):
    """discovery.k8s.io/v1 Endpoint."""

    addresses: list[str] | None = None
    conditions: Conditions | None = None
    hostname: str | None = None
    target_ref: TargetRef | None = None


class EndpointSliceShape(Struct, rename="camel", gc=False):
    """discovery.k8s.io/v1 EndpointSlice."""

    metadata: SliceMetadata | None = None
    address_type: str | None = None
    endpoints: list[EndpointShape] | None = None
    ports: list[PortShape] | None = None


class PodAddress(Struct, gc=False):
    """v1 PodIP."""

    ip: str | None = None


class PodStatus(Struct, gc=False):
    """v1 PodStatus."""

    phase: str | None = None
    pod_ip: str | None = field(default=None, name="podIP")
    pod_ips: list[PodAddress] | None = field(default=None, name="podIPs")
    host_ip: str | None = field(default=None, name="hostIP")
    host_ips: list[PodAddress] | None = field(default=None, name="hostIPs")


class PodLabels(Struct, gc=False):
    """The one label of a pod that says which revision of a Deployment it belongs to."""

    template_hash: str | None = field(default=None, name="pod-template-hash")


class OwnerReference(Struct, rename="camel", gc=False):
    """meta/v1 OwnerReference."""

    api_version: str | None = None
    kind: str | None = None
    name: str | None = None
    controller: bool | None = None


class PodMetadata(Metadata, rename="camel", gc=False):
    """A pod's metadata: whose it is, too."""

    labels: PodLabels | None = None
    owner_references: list[OwnerReference] | None = None


class ContainerPort(Struct, gc=False):
    """v1 ContainerPort."""

    name: str | None = None
    protocol: str | None = None
    port: int | None = field(default=None, name="containerPort")


class ContainerShape(Struct, gc=False):
    """v1 Container."""

    ports: list[ContainerPort] | None = None


class PodSpec(Struct, rename="camel", gc=False):
    """v1 PodSpec."""

    containers: list[ContainerShape] | None = None
    host_network: bool | None = None
    hostname: str | None = None
    hostname_override: str | None = None  # KEP-4762


class PodShape(Struct, gc=False):
    """v1 Pod."""

    metadata: PodMetadata | None = None
    spec: PodSpec | None = None
    status: PodStatus | None = None


class ListMetadata(Struct, rename="camel", gc=False):
    """meta/v1 ListMeta; `continue` says where the next page begins."""

    resource_version: str | None = None
    continue_token: str | None = field(default=None, name="continue")


class ListHead(Struct, gc=False):
    """A list without its items."""

    metadata: ListMetadata | None = None


class BookmarkAnnotations(Struct, gc=False):
    """How a bookmark says that everything which was there at the start has been sent (KEP-3157)."""

    initial_events_end: str | None = field(default=None, name="k8s.io/initial-events-end")


class BookmarkMetadata(Metadata, rename="camel", gc=False):
    """A bookmark's metadata."""

    annotations: BookmarkAnnotations | None = None


class Bookmark(Struct, gc=False):
    """The object of a BOOKMARK event: nothing but a resource version."""

    metadata: BookmarkMetadata | None = None


class Status(Struct, gc=False):
    """meta/v1 Status: how the API server says that something went wrong."""

    message: str | None = None
    reason: str | None = None
    code: int | None = None


Shape = NamespaceShape | ServiceShape | EndpointSliceShape | PodShape
