"""A slice as JSON, for server-side apply: the fields that are ours, and no other.

Sources: discovery.k8s.io/v1 EndpointSlice; Kubernetes "Server-Side Apply"; kube-proxy, which leaves slices with the
label `service.kubernetes.io/headless` alone.
"""

from __future__ import annotations

from typing import Any

import msgspec

from podname.publish.objects import Content, Endpoint, Port
from podname.publish.planning import Write
from podname.publish.reading import MANAGER

FIELD_MANAGER = "podname"


def encode(write: Write) -> bytes:
    """Return the body of an apply. With a version it is refused when the slice is another one by now."""
    content = write.content
    metadata: dict[str, Any] = {
        "name": write.name,
        "namespace": write.namespace,
        "labels": {
            "kubernetes.io/service-name": content.service,
            "endpointslice.kubernetes.io/managed-by": MANAGER,
            "service.kubernetes.io/headless": "",
        },
        "ownerReferences": [_owner(content)],
    }
    if write.before is not None:
        metadata["resourceVersion"] = write.before.version
    return msgspec.json.encode(
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": metadata,
            "addressType": content.family,
            "ports": [_port(each) for each in content.ports],
            "endpoints": [_endpoint(each, write.namespace) for each in content.endpoints],
        }
    )


def _owner(content: Content) -> dict[str, Any]:
    """Let the slice go with its Service.

    Not `blockOwnerDeletion`: for that some clusters ask for a permission on the Service's finalizers.
    """
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "name": content.service,
        "uid": content.owner,
        "controller": True,
    }


def _port(port: Port) -> dict[str, Any]:
    fields: dict[str, Any] = {"name": port.name, "protocol": port.protocol, "port": port.number}
    if port.app_protocol:
        fields["appProtocol"] = port.app_protocol
    return fields


def _endpoint(endpoint: Endpoint, namespace: str) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "addresses": endpoint.addresses,
        "conditions": {
            "ready": endpoint.ready,
            "serving": endpoint.serving,
            "terminating": endpoint.terminating,
        },
        "targetRef": {
            "kind": "Pod",
            "namespace": namespace,
            "name": endpoint.pod,
            "uid": endpoint.uid,
        },
    }
    if endpoint.hostname:
        fields["hostname"] = endpoint.hostname
    if endpoint.node:
        fields["nodeName"] = endpoint.node
    return fields
