"""The four kinds of objects that names are made of, and what one can ask to watch of them.

Sources: Kubernetes API concepts, "Resource URIs"; API conventions, "Label and field selectors".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from msgspec import Struct

from podname.kube import flatten, types
from podname.kube.objects import EndpointSlice, Keyed, Namespace, Pod, Service
from podname.kube.part import object_part

T = TypeVar("T", bound=Keyed)


@dataclass(frozen=True)
class Kind(Generic[T]):
    """One kind: its words in the API, the part of its type that is read and how that becomes a flat object.

    Kinds of one name and another part are different: who needs other fields of a pod watches pods by itself.
    """

    name: str
    plural: str
    api_version: str
    shape: type[Struct] = field(repr=False)
    flatten: Callable[[Any, list[str]], T] = field(repr=False, compare=False)
    field_selector: str = ""  # always asked for, whoever watches

    def path(self, namespace: str | None = None) -> str:
        """Return the URL path of the collection, in one namespace or in all of them."""
        root = "/apis/" if "/" in self.api_version else "/api/"
        inside = f"/namespaces/{namespace}" if namespace else ""
        return f"{root}{self.api_version}{inside}/{self.plural}"


#: Pods that still run or will: a finished pod has given its address back, and the next one may have it.
UNFINISHED = "status.phase!=Succeeded,status.phase!=Failed"

NAMESPACES = Kind(
    "Namespace",
    "namespaces",
    "v1",
    object_part(types.Namespace),
    flatten.namespace_of,
)
SERVICES = Kind(
    "Service",
    "services",
    "v1",
    object_part(
        types.Service,
        """spec { type clusterIP clusterIPs externalIPs externalName ports { name protocol port } }
        status { loadBalancer { ingress { ip hostname } } }""",
    ),
    flatten.service_of,
)
ENDPOINT_SLICES = Kind(
    "EndpointSlice",
    "endpointslices",
    "discovery.k8s.io/v1",
    object_part(
        types.EndpointSlice,
        """metadata {
            labels { kubernetes.io/service-name }
            annotations { endpoints.kubernetes.io/last-change-trigger-time }
        }
        addressType
        endpoints { addresses conditions { ready } hostname targetRef { name } }
        ports { name protocol port }""",
    ),
    flatten.endpoint_slice_of,
)
PODS = Kind(
    "Pod",
    "pods",
    "v1",
    object_part(
        types.Pod,
        """metadata {
            labels { pod-template-hash }
            ownerReferences { apiVersion kind name controller }
        }
        spec { containers { ports { name protocol containerPort } } hostNetwork hostname hostnameOverride }
        status { phase podIP podIPs { ip } hostIP hostIPs { ip } }""",
    ),
    flatten.pod_of,
    UNFINISHED,
)

KINDS: dict[str, Kind[Namespace] | Kind[Service] | Kind[EndpointSlice] | Kind[Pod]] = {
    "Namespace": NAMESPACES,
    "Service": SERVICES,
    "EndpointSlice": ENDPOINT_SLICES,
    "Pod": PODS,
}


@dataclass(frozen=True)
class Watch(Generic[T]):
    """What a consumer asks to see of one kind. Equal watches share one reflector."""

    kind: Kind[T]
    namespace: str | None = None
    label_selector: str = ""
    field_selector: str = ""

    @property
    def path(self) -> str:
        """The URL path to list and watch."""
        return self.kind.path(self.namespace)

    @property
    def selectors(self) -> dict[str, str]:
        """The query parameters that select."""
        fields = ",".join(filter(None, (self.kind.field_selector, self.field_selector)))
        both = {"labelSelector": self.label_selector, "fieldSelector": fields}
        return {name: text for name, text in both.items() if text}
