"""Of the API's JSON, what the doctor reads: a little of a pod, a Service and an EndpointSlice.

Apart from `podname.kube.shapes`, where every field costs memory for each object of the cluster; here a few objects are
read once. Read leniently: what is not as promised is as good as missing.

Sources: Kubernetes API v1, discovery.k8s.io/v1.
"""

from __future__ import annotations

from msgspec import Struct, field


class Metadata(Struct, rename="camel"):
    """v1 ObjectMeta."""

    name: str | None = None
    namespace: str | None = None
    deletion_timestamp: str | None = None


class Variable(Struct):
    """v1 EnvVar; `value` is missing when it comes from elsewhere."""

    name: str | None = None
    value: str | None = None


class ContainerPort(Struct, rename="camel"):
    """v1 ContainerPort."""

    name: str | None = None
    container_port: int | None = None


class Container(Struct):
    """v1 Container."""

    env: list[Variable] | None = None
    ports: list[ContainerPort] | None = None


class DnsConfig(Struct):
    """v1 PodDNSConfig."""

    searches: list[str] | None = None


class PodSpec(Struct, rename="camel"):
    """v1 PodSpec."""

    hostname: str | None = None
    hostname_override: str | None = None
    subdomain: str | None = None
    dns_policy: str | None = None
    dns_config: DnsConfig | None = None
    containers: list[Container] | None = None


class Address(Struct):
    """v1 PodIP."""

    ip: str | None = None


class Condition(Struct):
    """v1 PodCondition."""

    type: str | None = None
    status: str | None = None


class PodStatus(Struct):
    """v1 PodStatus."""

    phase: str | None = None
    pod_ip: str | None = field(default=None, name="podIP")
    pod_ips: list[Address] | None = field(default=None, name="podIPs")
    conditions: list[Condition] | None = None


class Pod(Struct):
    """v1 Pod."""

    metadata: Metadata | None = None
    spec: PodSpec | None = None
    status: PodStatus | None = None


class PodList(Struct):
    """v1 PodList."""

    items: list[Pod] | None = None


class ServiceSpec(Struct, rename="camel"):
    """v1 ServiceSpec."""

    cluster_ip: str | None = field(default=None, name="clusterIP")
    publish_not_ready_addresses: bool | None = None


class Service(Struct):
    """v1 Service."""

    spec: ServiceSpec | None = None


class Conditions(Struct):
    """discovery.k8s.io/v1 EndpointConditions."""

    ready: bool | None = None


class Endpoint(Struct):
    """discovery.k8s.io/v1 Endpoint."""

    addresses: list[str] | None = None
    conditions: Conditions | None = None
    hostname: str | None = None


class EndpointSlice(Struct):
    """discovery.k8s.io/v1 EndpointSlice."""

    endpoints: list[Endpoint] | None = None


class EndpointSliceList(Struct):
    """discovery.k8s.io/v1 EndpointSliceList."""

    items: list[EndpointSlice] | None = None
