"""What `kubectl kustomize` makes of our folders, as far as they use it; a word that this does not know is an error.

The tests on a real cluster apply them with the real one.

Sources: https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/; RFC 6902.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

Object = dict[str, Any]
DEPLOY = Path(__file__).parents[3] / "deploy"
FOLDERS = sorted(path.parent for path in DEPLOY.rglob("kustomization.yaml"))
WORDS = {
    "apiVersion",
    "kind",
    "resources",
    "namespace",
    "images",
    "configMapGenerator",
    "generatorOptions",
    "patches",
}
CLUSTER_SCOPED = {
    "Namespace",
    "ClusterRole",
    "ClusterRoleBinding",
    "MutatingWebhookConfiguration",
}


def build(folder: Path) -> list[Object]:
    """Return the objects of a folder."""
    words = yaml.safe_load((folder / "kustomization.yaml").read_text())
    assert words.keys() <= WORDS, words.keys() - WORDS
    objects = [item for name in words["resources"] for item in _resource(folder / name)]
    objects += [_config_map(folder, maker) for maker in words.get("configMapGenerator", ())]
    for patch in words.get("patches", ()):
        for item in objects:
            if item["kind"] == patch["target"]["kind"]:
                _apply(item, yaml.safe_load(patch["patch"]))
    if "namespace" in words:
        for item in objects:
            _move(item, words["namespace"])
    return objects


def _resource(path: Path) -> Iterator[Object]:
    if path.is_dir():
        yield from build(path.resolve())
    else:
        yield from yaml.safe_load_all(path.read_text())


def _config_map(folder: Path, maker: Object) -> Object:
    place = {"namespace": maker["namespace"]} if "namespace" in maker else {}
    data = {name: (folder / name).read_text() for name in maker["files"]}
    metadata = {"name": maker["name"], **place}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def _apply(item: Object, operations: list[Object]) -> None:
    for operation in operations:
        *steps, last = operation["path"].lstrip("/").split("/")
        place: Any = item
        for step in steps:
            place = place[int(step)] if isinstance(place, list) else place[step]
        if last == "-":
            place.append(operation["value"])
        else:
            assert (last in place) == (operation["op"] == "replace"), operation
            place[last] = operation["value"]


def _move(item: Object, namespace: str) -> None:
    if item["kind"] not in CLUSTER_SCOPED:
        item["metadata"]["namespace"] = namespace
    for subject in item.get("subjects", ()):
        subject["namespace"] = namespace
