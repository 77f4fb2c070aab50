"""The MutatingWebhookConfiguration, of which the webhook writes what cannot stand in a file.

Its entries, by name:

* *pod*: pods that say themselves how. In the file.
* *namespace*: pods that say nothing, of namespaces with the label. In the file.
* *annotated*: pods that say nothing, of namespaces with the annotation alone. By annotations the API server cannot
  choose, so that this one chooses namespaces by name. It is there while there are any, a copy of *namespace*.

Sources: Kubernetes, MutatingWebhookConfiguration; strategic merge patch; API conventions ("Concurrency Control").
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from podname.attach.ways import MARK
from podname.errors import KubeError
from podname.kube.transport import Requester

NAME = "podname-webhook"
"""Of the Service, the Secret and the MutatingWebhookConfiguration."""

BY_LABEL = "namespace.inject.podname.dev"
BY_ANNOTATION = "annotated.inject.podname.dev"
_OWN_NAME = "kubernetes.io/metadata.name"
"""The label with its name, which the API server gives to each namespace."""

_PATH = f"/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/{NAME}"
_MERGE = "application/strategic-merge-patch+json"

Entry = dict[str, Any]


async def read(requester: Requester, path: str) -> dict[str, Any]:
    """Read one object. Raises KubeError."""
    answer = await requester.request("GET", path)
    try:
        return msgspec.json.decode(answer, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise KubeError(f"GET {path}: this is no object: {error}") from error


async def correct(requester: Requester, changes: Callable[[list[Entry]], list[Entry]]) -> bool:
    """Write the changes that the entries need; tell whether there were any. Raises KubeError."""
    configuration = await read(requester, _PATH)
    entries = configuration.get("webhooks")
    wanted = changes(entries if isinstance(entries, list) else [])
    if wanted:
        version = configuration["metadata"]["resourceVersion"]
        body = {"metadata": {"resourceVersion": version}, "webhooks": wanted}
        await requester.request("PATCH", _PATH, {}, msgspec.json.encode(body), _MERGE)
    return bool(wanted)


def with_authorities(entries: list[Entry], bundle: str) -> list[Entry]:
    """Return the changes after which each entry has this `caBundle`."""
    return [
        {"name": entry["name"], "clientConfig": {"caBundle": bundle}}
        for entry in entries
        if entry["clientConfig"].get("caBundle") != bundle
    ]


def with_annotated(entries: list[Entry], names: list[str]) -> list[Entry]:
    """Return the changes after which these namespaces are asked about, and no others for an annotation."""
    by_name = {entry["name"]: entry for entry in entries}
    there, pattern = by_name.get(BY_ANNOTATION), by_name.get(BY_LABEL)
    if not names or pattern is None:
        return [{"name": BY_ANNOTATION, "$patch": "delete"}] if there else []
    wanted = pattern | {"name": BY_ANNOTATION, "namespaceSelector": _selector(names)}
    return [wanted] if wanted != there else []


def _selector(names: list[str]) -> dict[str, Any]:
    """Choose these, but not those that the other entry chooses: nobody is asked twice about a pod."""
    return {
        "matchExpressions": [
            {"key": MARK, "operator": "DoesNotExist"},
            {"key": _OWN_NAME, "operator": "In", "values": names},
        ]
    }
