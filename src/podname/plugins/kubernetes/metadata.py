"""What `kubernetes` knows of a query for `metadata`: the pod that asks, and the parts of the name that it asks for.

Source: CoreDNS 1.15.0 plugin/kubernetes metadata.go, parse.go.
"""

from __future__ import annotations

from functools import partial

from podname.dns.names import to_text
from podname.kube.objects import Pod
from podname.plugins.base import Metadata

_PARTS = ("port-name", "protocol", "endpoint", "service", "namespace", "kind")
_KINDS = frozenset({"svc", "pod"})


def of_client(pod: Pod | None) -> Metadata:
    """Return what is known of the pod that asks."""
    if pod is None:
        return {}
    return {
        "kubernetes/client-namespace": lambda: pod.namespace,
        "kubernetes/client-pod-name": lambda: pod.name,
    }


def of_name(owner: bytes, zone: bytes) -> Metadata:
    """Return the parts of a folded name in a zone."""
    labels = to_text(owner[: len(owner) - len(zone)] + b"\x00").split(".")[:-1]
    found = _parts([label for label in labels if label])
    if found is None:
        return {"kubernetes/parse-error": lambda: "invalid query name"}
    return {f"kubernetes/{part}": partial(str, found.get(part, "")) for part in _PARTS}


def _parts(labels: list[str]) -> dict[str, str] | None:
    """Read the labels before a zone from the right; None when the name is none of a Service or a pod."""
    *before, kind = labels or [""]
    if not kind or (kind in _KINDS and not before):
        return {}
    if kind not in _KINDS or len(before) > 4:
        return None
    found = dict(zip(("kind", "namespace", "service"), reversed(labels), strict=False))
    match before[:-2]:
        case [endpoint]:
            found["endpoint"] = endpoint
        case [port, protocol]:
            found["port-name"], found["protocol"] = (
                port.removeprefix("_"),
                protocol.removeprefix("_"),
            )
    return found
