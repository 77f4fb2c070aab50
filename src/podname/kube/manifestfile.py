"""One file of Kubernetes objects: YAML or JSON, one or many, as people write them and `kubectl get -o yaml` does.

Documents, lists of any kind (`List`, `PodList`, …) and plain sequences are taken apart; objects of kinds that are no
matter of ours are passed over. What cannot be read is a `ManifestError` with its line; what can be read is kept.

Sources: YAML 1.1 (PyYAML); Kubernetes API conventions, "Lists and Simple kinds".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
import yaml
from yaml.constructor import ConstructorError

from podname.dns import addresses
from podname.errors import ManifestError
from podname.kube.flatten import key_of
from podname.kube.itemstream import end_of_value
from podname.kube.kinds import KINDS
from podname.kube.objects import Object
from podname.kube.scrub import fit
from podname.kube.types import Pod

DEFAULT_NAMESPACE = "default"


_DOCUMENT = re.compile(rb"^(?=---(?:\s|$))", re.MULTILINE)


class _Loader(yaml.CSafeLoader):
    """Nodes first, for their lines; then one object after the other, so that a bad one costs itself."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """Make an object; a scalar of which none can be made (a date in month 99) is told in our words."""
        try:
            return super().construct_object(node, deep)
        except (
            ValueError,
            LookupError,
            AttributeError,
        ) as error:  # PyYAML lets all of them through
            problem = f"{node.value[:40]!r} is no {node.tag.rpartition(':')[2]}"
            raise ConstructorError(None, None, problem, node.start_mark) from error


@dataclass(frozen=True)
class Loaded:
    """An object of a file, with what selectors look at."""

    kind: str
    key: str
    namespace: str
    object: Object
    labels: dict[str, str]
    fields: dict[str, str]


@dataclass
class ManifestFile:
    """What a file holds. `is_broken`: a part of it could not be read, and nobody knows what it says."""

    name: str
    objects: list[Loaded] = field(default_factory=list)
    problems: list[ManifestError] = field(default_factory=list)
    is_broken: bool = False

    def take(self, raw: object, line: int, kind: str = "") -> None:
        """Add an object as it was parsed, or what is wrong with it. Items of a typed list may lack their `kind`."""
        if raw is None:
            return
        content = raw if isinstance(raw, dict) else {}
        name = content.get("kind") or kind
        if not isinstance(name, str) or not name:
            self._complain("this is no Kubernetes object: it has no `kind`", line)
        elif name in KINDS and content.get("apiVersion", KINDS[name].api_version) == (
            KINDS[name].api_version
        ):
            self._take_known(content, name, line)

    def _take_known(self, raw: dict[Any, Any], kind_name: str, line: int) -> None:
        kind = KINDS[kind_name]
        metadata = raw.get("metadata")
        metadata = dict(metadata) if isinstance(metadata, dict) else {}
        if kind_name != "Namespace" and metadata.get("namespace") is None:
            metadata["namespace"] = DEFAULT_NAMESPACE
        who = f"{kind_name} {metadata.get('namespace', '')}/{metadata.get('name', '')}"[:300]
        content = {**raw, "metadata": metadata}
        faults: list[str] = []
        shape: Any = fit(content, kind.shape)
        try:
            msgspec.convert(content, kind.shape)
        except (msgspec.ValidationError, ValueError, RecursionError) as error:
            faults.append(str(error))
        key = key_of(kind_name, shape.metadata) if shape else None
        if shape is None or key is None:
            self._complain("; ".join([*faults, "no name in DNS can be made of it"]), line, who)
            return
        flat = kind.flatten(shape, faults)
        if kind_name == "Pod":
            faults += _contradiction(shape)
        if faults:
            self._complain("; ".join(faults[:5]), line, who)
        labels = _texts(metadata.get("labels"))
        namespace = getattr(flat, "namespace", flat.name)
        fields = {
            "metadata.name": flat.name,
            "metadata.namespace": namespace,
            "status.phase": getattr(flat, "phase", ""),
        }
        self.objects.append(Loaded(kind_name, key, namespace, flat, labels, fields))

    def _complain(self, message: str, line: int, who: str = "") -> None:
        self.problems.append(ManifestError(message, self.name, line, who))

    def give_up(self, message: str, line: int) -> None:
        """Nothing can be made of what stands on this line."""
        self.is_broken = True
        self._complain(message, line)


def parse_manifest(name: str, octets: bytes) -> ManifestFile:
    """Read a file's octets; `name` says which file, and by its suffix whether it is JSON. Never raises."""
    file = ManifestFile(name)
    parse = _parse_json if name.endswith(".json") else _parse_yaml
    try:
        parse(file, octets)
    except RecursionError:
        file.give_up("nested too deeply", 1)
    return file


def _parse_yaml(file: ManifestFile, octets: bytes) -> None:
    """Read all documents; if one of them is no YAML, each by itself, so that it costs no other one."""
    _parse_documents(file, octets, 0)
    if not file.is_broken or len(pieces := _DOCUMENT.split(octets)) == 1:
        return
    file.objects, file.problems = [], []
    lines_above = 0
    for piece in pieces:
        _parse_documents(file, piece, lines_above)
        lines_above += piece.count(b"\n")


def _parse_documents(file: ManifestFile, octets: bytes, lines_above: int) -> None:
    line = lines_above + 1
    try:
        loader = _Loader(octets)
        while loader.check_node():
            node = loader.get_node()
            if node is None:
                break
            line = lines_above + node.start_mark.line + 1
            for item, kind in _yaml_items(node):
                _take_node(file, loader, item, kind, lines_above)
    except yaml.MarkedYAMLError as error:
        file.give_up(error.problem or str(error), _line_of(error, lines_above, line))
    except RecursionError:
        file.give_up("nested too deeply", line)
    except (yaml.YAMLError, UnicodeError) as error:
        file.give_up(" ".join(str(error).split()), line)


def _line_of(error: yaml.MarkedYAMLError, lines_above: int, otherwise: int) -> int:
    mark = error.problem_mark or error.context_mark
    return lines_above + mark.line + 1 if mark else otherwise


def _take_node(
    file: ManifestFile, loader: _Loader, node: yaml.Node, kind: str, lines_above: int
) -> None:
    line = lines_above + node.start_mark.line + 1
    try:
        raw = loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        line = _line_of(error, lines_above, line)
        file.problems.append(ManifestError(error.problem or str(error), file.name, line))
    else:
        file.take(raw, line, kind)


def _yaml_items(node: yaml.Node) -> Iterator[tuple[yaml.Node, str]]:
    """Take a document apart: each object's node, and the kind that its list says it has."""
    if isinstance(node, yaml.SequenceNode):
        for child in node.value:
            yield from _yaml_items(child)
        return
    if isinstance(node, yaml.MappingNode):
        entries = {key.value: value for key, value in node.value if isinstance(key.value, str)}
        kind, items = entries.get("kind"), entries.get("items")
        if kind is not None and str(kind.value).endswith("List") and items is not None:
            children = items.value if isinstance(items, yaml.SequenceNode) else []
            yield from ((child, str(kind.value).removesuffix("List")) for child in children)
            return
    yield node, ""


def _parse_json(file: ManifestFile, octets: bytes) -> None:
    try:
        document = json.loads(octets.decode("utf-8-sig", "replace"), strict=False)
    except json.JSONDecodeError as error:
        file.give_up(error.msg, error.lineno)
        return
    except ValueError as error:
        file.give_up(str(error), 1)
        return
    kind = document.get("kind") if isinstance(document, dict) else None
    if isinstance(kind, str) and kind.endswith("List"):
        items, item_kind = document.get("items"), kind.removesuffix("List")
        at = octets.find(b"[", max(octets.find(b'"items"'), 0))
    else:
        items, item_kind = document, ""
        at = octets.find(b"[")
    if not isinstance(items, list):
        file.take(items, 1, item_kind)
        return
    for item in items:
        at, line = _next_line(octets, at + 1)
        file.take(item, line, item_kind)


def _next_line(octets: bytes, at: int) -> tuple[int, int]:
    """Return where the next value of an array ends, and the line on which it begins."""
    while octets[at : at + 1] in {b" ", b"\t", b"\r", b"\n", b","}:
        at += 1
    return max(end_of_value(octets, at) - 1, at), octets.count(b"\n", 0, at) + 1


def _contradiction(pod: Pod) -> list[str]:
    """Tell of a Pod whose `podIP` is not the first of its `podIPs`, which an API server never stores."""
    status = pod.status
    if status is None or not status.pod_ip or not status.pod_ips:
        return []
    first = status.pod_ips[0].ip or ""
    if status.pod_ip == first or addresses.parse(status.pod_ip) == addresses.parse(first):
        return []
    said = f"status.podIP is {status.pod_ip[:80]!r}, but status.podIPs begins with {first[:80]!r}"
    return [f"{said}: podIPs counts, write the same address into both"]


def _texts(labels: object) -> dict[str, str]:
    if not isinstance(labels, dict):
        return {}
    return {str(key): value for key, value in labels.items() if isinstance(value, str)}
