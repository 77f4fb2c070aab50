"""What a host's name says in Kubernetes: which pod it means, and by which rule it is to resolve.

`<label>.<service>.<namespace>.svc.<zone>` is an endpoint of a Service, `<label>.<namespace>.pod.<zone>` a pod (its
name, where podname answers, or its address with dashes), a single label a pod for whoever has the right search domain.

Sources: Kubernetes DNS specification; podname's docs/names.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from podname.dns import addresses


class Kind(StrEnum):
    """By which rule a host is to resolve."""

    SERVICE = "service"
    POD = "pod"
    SHORT = "short"
    ADDRESS = "address"
    OTHER = "other"


@dataclass(frozen=True)
class PodHost:
    """What a host means; `label` is the pod's name, hostname or dashed address."""

    kind: Kind
    label: str = ""
    service: str = ""
    namespace: str = ""
    zone: str = ""


def read(host: str) -> PodHost:
    """Return what a host means. Empty labels are left as they are: they are judged elsewhere."""
    if addresses.parse(host) is not None:
        return PodHost(Kind.ADDRESS, host)
    labels = host.removesuffix(".").lower().split(".")
    if len(labels) == 1:
        return PodHost(Kind.SHORT, labels[0])
    if len(labels) >= 4 and labels[3] == "svc":
        label, service, namespace = labels[:3]
        return PodHost(Kind.SERVICE, label, service, namespace, ".".join(labels[4:]))
    if "pod" in labels[2:]:
        at = labels.index("pod", 2)
        label, namespace, zone = ".".join(labels[: at - 1]), labels[at - 1], labels[at + 1 :]
        return PodHost(Kind.POD, label, "", namespace, ".".join(zone))
    return PodHost(Kind.OTHER, labels[0])
