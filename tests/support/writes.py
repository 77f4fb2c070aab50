"""What the pretended API server does with single objects: reading, creating, applying, replacing, deleting.

As much of the rules as a controller can run into: versions and preconditions, field managers and force, an apply that
changes nothing. `metadata.managedFields` says only who manages an object.
"""

from __future__ import annotations

import copy
import json
from itertools import count
from typing import NamedTuple

from tests.support.clusterstate import ClusterState, Obj

_ROOTS = {
    "endpointslices": "/apis/discovery.k8s.io/v1/namespaces/",
    "leases": "/apis/coordination.k8s.io/v1/namespaces/",
}
_UIDS = count(1)
Answer = tuple[int, Obj]


class Single(NamedTuple):
    """What a request is about; without a name it creates."""

    plural: str
    namespace: str
    name: str


def single(path: str) -> Single | None:
    """Take a path apart; None when it is not that of a single object (or of leases, which nobody lists)."""
    for plural, root in _ROOTS.items():
        parts = path.removeprefix(root).split("/")
        if path.startswith(root) and parts[1:2] == [plural]:
            if len(parts) == 3:
                return Single(plural, parts[0], parts[2])
            if plural == "leases":
                return Single(plural, parts[0], "")
    return None


def answer(
    state: ClusterState, which: Single, method: str, parameters: dict[str, str], body: bytes
) -> Answer:
    """Do what is asked."""
    asked: Obj = json.loads(body) if body else {}
    known = state.get(which.plural, which.namespace, which.name)
    if method == "PATCH":
        return _apply(state, which, asked, known, parameters)
    if method == "POST":
        return _create(state, which, asked)
    if known is None:
        return _status(404, f'{which.plural} "{which.name}" not found')
    if method == "PUT":
        return _replace(state, which, asked, known)
    if method == "DELETE":
        return _delete(state, which, asked, known)
    return 200, known


def _apply(
    state: ClusterState, which: Single, asked: Obj, known: Obj | None, parameters: dict[str, str]
) -> Answer:
    manager = parameters["fieldManager"]
    version = asked["metadata"].get("resourceVersion")
    if version is not None and (known is None or version != known["metadata"]["resourceVersion"]):
        return _modified()
    if known is None:
        asked["metadata"]["managedFields"] = [{"manager": manager, "operation": "Apply"}]
        return 201, _put(state, which, asked)
    metadata = known["metadata"]
    managers = [each["manager"] for each in metadata.get("managedFields", [])]
    if manager not in managers and parameters.get("force") != "true":
        return _status(409, 'Apply failed with 1 conflict: conflict with "them": .endpoints')
    merged = copy.deepcopy({**known, **asked})
    merged["metadata"] = {
        **metadata,
        "labels": {**metadata.get("labels", {}), **asked["metadata"].get("labels", {})},
        "ownerReferences": asked["metadata"].get("ownerReferences", []),
    }
    if json.dumps(merged, sort_keys=True) == json.dumps(known, sort_keys=True):
        return 200, known
    return 200, state.put(which.plural, merged)


def _create(state: ClusterState, which: Single, asked: Obj) -> Answer:
    name = asked["metadata"]["name"]
    if state.get(which.plural, which.namespace, name) is not None:
        return _status(409, f'{which.plural} "{name}" already exists')
    return 201, _put(state, which, asked)


def _replace(state: ClusterState, which: Single, asked: Obj, known: Obj) -> Answer:
    if asked["metadata"]["resourceVersion"] != known["metadata"]["resourceVersion"]:
        return _modified()
    return 200, state.put(which.plural, asked)


def _delete(state: ClusterState, which: Single, asked: Obj, known: Obj) -> Answer:
    for key, wanted in asked.get("preconditions", {}).items():
        if known["metadata"].get(key) != wanted:
            return _status(409, f"Precondition failed: {key}")
    state.delete(which.plural, which.name, which.namespace)
    return 200, {"kind": "Status", "status": "Success"}


def _put(state: ClusterState, which: Single, asked: Obj) -> Obj:
    asked["metadata"] |= {"namespace": which.namespace, "uid": f"u-made-{next(_UIDS)}"}
    return state.put(which.plural, asked)


def _modified() -> Answer:
    return _status(409, "the object has been modified; please apply your changes to the latest")


def _status(code: int, message: str) -> Answer:
    return code, {"kind": "Status", "code": code, "message": message}
