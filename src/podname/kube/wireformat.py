"""The fields of the API's protobuf that we read, by number, and what they are called in its JSON.

An API server writes an object as protobuf at a quarter of what JSON costs it, in half the octets. What we need of it is
turned into the few JSON fields that `podname.kube.shapes` names, so that everything behind reads one language.

A message is a mapping from field number to JSON name and kind: `str`, `int`, `bool`, another message, a list of one of
them (repeated), or a set of texts (a map, of which these keys are kept). A number never changes its meaning.

Sources: the `generated.proto` files of k8s.io/api (core/v1, discovery/v1) and k8s.io/apimachinery (meta/v1, runtime).
"""

from __future__ import annotations

from typing import Any

Message = dict[int, tuple[str, Any]]

_OWNER: Message = {
    1: ("kind", str),
    3: ("name", str),
    5: ("apiVersion", str),
    6: ("controller", bool),
}
#: Of all kinds, bookmarks and metadata without objects included.
METADATA: Message = {
    1: ("name", str),
    3: ("namespace", str),
    6: ("resourceVersion", str),
    11: ("labels", {"kubernetes.io/service-name", "pod-template-hash"}),
    12: (
        "annotations",
        {"k8s.io/initial-events-end", "endpoints.kubernetes.io/last-change-trigger-time"},
    ),
    13: ("ownerReferences", [_OWNER]),
}

_NAMESPACE: Message = {1: ("metadata", METADATA)}

_CONTAINER_PORT: Message = {1: ("name", str), 3: ("containerPort", int), 4: ("protocol", str)}
_CONTAINER: Message = {6: ("ports", [_CONTAINER_PORT])}
_POD: Message = {
    1: ("metadata", METADATA),
    2: (
        "spec",
        {
            2: ("containers", [_CONTAINER]),
            11: ("hostNetwork", bool),
            16: ("hostname", str),
            41: ("hostnameOverride", str),
        },
    ),
    3: (
        "status",
        {
            1: ("phase", str),
            5: ("hostIP", str),
            6: ("podIP", str),
            12: ("podIPs", [{1: ("ip", str)}]),
            16: ("hostIPs", [{1: ("ip", str)}]),
        },
    ),
}

_PORT: Message = {1: ("name", str), 2: ("protocol", str), 3: ("port", int)}
_SERVICE: Message = {
    1: ("metadata", METADATA),
    2: (
        "spec",
        {
            1: ("ports", [_PORT]),
            3: ("clusterIP", str),
            4: ("type", str),
            10: ("externalName", str),
            18: ("clusterIPs", [str]),
        },
    ),
}

_ENDPOINT: Message = {
    1: ("addresses", [str]),
    2: ("conditions", {1: ("ready", bool)}),
    3: ("hostname", str),
    4: ("targetRef", {3: ("name", str)}),
}
_ENDPOINT_SLICE: Message = {
    1: ("metadata", METADATA),
    2: ("endpoints", [_ENDPOINT]),
    3: ("ports", [_PORT]),
    4: ("addressType", str),
}

#: What the object of an ERROR event is.
STATUS: Message = {3: ("message", str), 4: ("reason", str), 6: ("code", int)}

MESSAGES: dict[str, Message] = {
    "Namespace": _NAMESPACE,
    "Service": _SERVICE,
    "EndpointSlice": _ENDPOINT_SLICE,
    "Pod": _POD,
}
