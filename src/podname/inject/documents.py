"""Manifest files as documents, each with its text, its tree and the objects in it.

Only documents that name a kind of interest, or hold containers, are read at all: everything else, templates and broken
YAML included, is text that passes through.

Source: YAML 1.1 §9 (document streams); Kubernetes API conventions, "Lists and Simple kinds".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from podname.attach.patch import Operation, Path
from podname.errors import ManifestError
from podname.inject.unreadable import MARK, explained, mark_inside
from podname.inject.yaml_edit import child, edited
from podname.inject.yaml_tree import Node, YamlError, parse, plain

WORKLOADS: dict[tuple[str, str], Path] = {
    ("v1", "Pod"): (),
    ("v1", "ReplicationController"): ("spec", "template"),
    ("apps/v1", "Deployment"): ("spec", "template"),
    ("apps/v1", "StatefulSet"): ("spec", "template"),
    ("apps/v1", "DaemonSet"): ("spec", "template"),
    ("apps/v1", "ReplicaSet"): ("spec", "template"),
    ("batch/v1", "Job"): ("spec", "template"),
    ("batch/v1", "CronJob"): ("spec", "jobTemplate", "spec", "template"),
}
"""Where each kind keeps its pod template."""

COMPANIONS = frozenset({"ConfigMap", "Service", "Secret", "Certificate"})
_KINDS = "|".join(sorted({kind for _, kind in WORKLOADS} | COMPANIONS))
_OF_INTEREST = re.compile(rf"\bkind[\"']?\s*:\s*(?:[&!]\S*\s+)*[\"']?(?:{_KINDS}|\w*List)\b")
_MAY_BE = re.compile(r"\bcontainers\b")
_SEPARATOR = re.compile(r"^(?=---(?:\s|$))", re.MULTILINE)


@dataclass(eq=False)
class Document:
    """A document of a file. `line` is the one before its first; a byte order `mark` may stand before its text."""

    file: str
    text: str
    line: int
    tree: Node | None = None
    content: Any = None
    operations: list[Operation] = field(default_factory=list)
    mark: str = ""

    def read(self) -> str:
        """Read the text if it may matter. Raises ManifestError; what may matter little and cannot be read is told."""
        is_known = _OF_INTEREST.search(self.text)
        if not is_known and not _MAY_BE.search(self.text):
            return ""
        # JSON may be indented with tabs, which YAML takes for no white space; no string of JSON holds one.
        text = self.text.replace("\t", " ") if self.text.lstrip().startswith("{") else self.text
        try:
            self._parse(text)
        except YamlError as error:
            told = ManifestError(error.message, self.file, self.line + error.line)
            if is_known:
                raise told from None
            return f"{told} (passed through as it is)"
        return ""

    def _parse(self, text: str) -> None:
        """Read the text. Raises YamlError."""
        if (mark := mark_inside(text)) is not None:
            raise mark
        try:
            self.tree = parse(text)
            self.content = plain(self.tree) if self.tree else None
        except YamlError as error:
            raise explained(text, error) from None

    def result(self) -> str:
        """Return the text with all operations in it. Raises ManifestError."""
        try:
            return self.mark + edited(self.text, self.operations)
        except YamlError as error:
            raise ManifestError(error.message, self.file, self.line + error.line) from None

    @property
    def is_json(self) -> bool:
        """Whether it is written in braces."""
        return self.tree is not None and self.tree.is_flow

    def line_of(self, path: Path) -> int:
        """Return the line of what is at a path, or of the nearest thing above it."""
        node, line = self.tree, 1
        for step in path:
            if node is None:
                break
            line = node.line
            node = child(node, step)
        return self.line + (node.line if node is not None else line)


@dataclass(frozen=True, eq=False)
class Object:
    """An object in a document, and where it stands there."""

    document: Document
    path: Path
    content: dict[str, Any]

    @property
    def kind(self) -> str:
        """Its kind."""
        return str(self.content.get("kind", ""))

    @property
    def metadata(self) -> dict[str, Any]:
        """Its metadata."""
        metadata = self.content.get("metadata")
        return metadata if isinstance(metadata, dict) else {}

    @property
    def name(self) -> str:
        """Its name, or what it will begin with."""
        return str(self.metadata.get("name") or self.metadata.get("generateName") or "").rstrip("-")

    @property
    def namespace(self) -> str:
        """Its namespace as it is written."""
        return str(self.metadata.get("namespace") or "")

    @property
    def template(self) -> Path | None:
        """Where its pod template stands in it; None when it makes no pods."""
        return WORKLOADS.get((str(self.content.get("apiVersion")), self.kind))

    def at(self, path: Path) -> Any:
        """Return what is at a path of mappings, None if nothing is."""
        found: Any = self.content
        for step in path:
            found = found.get(step) if isinstance(found, dict) else None
        return found

    def error(self, message: str, path: Path = ()) -> ManifestError:
        """Return an error about what is at a path in it."""
        who = f"{self.kind} {self.namespace + '/' if self.namespace else ''}{self.name}"
        return ManifestError(
            message, self.document.file, self.document.line_of((*self.path, *path)), who[:300]
        )


def split(file: str, text: str) -> list[Document]:
    """Take a file's text apart at its document separators."""
    documents: list[Document] = []
    line = 0
    for part in _SEPARATOR.split(text.removeprefix(MARK)):
        documents.append(Document(file, part, line))
        line += part.count("\n")
    documents[0].mark = MARK if text.startswith(MARK) else ""
    return documents


def objects(document: Document) -> Iterator[Object]:
    """Return the objects of a document, those in lists, too."""
    content = document.content
    if not isinstance(content, dict):
        return
    items = content.get("items")
    if str(content.get("kind", "")).endswith("List") and isinstance(items, list):
        for number, item in enumerate(items):
            if isinstance(item, dict):
                yield Object(document, ("items", number), item)
    else:
        yield Object(document, (), content)
