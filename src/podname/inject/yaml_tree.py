"""A YAML document as a tree whose nodes know where they stand in the text.

Values are what Kubernetes' own tools read, JSON's: a date is a string. An alias stays one, so that a change to
what it stands for is seen to be one. Hostile documents end in a YamlError: too deep, too large once aliases are
written out, an alias of itself.

Source: YAML 1.1 (PyYAML, libyaml), its merge keys included; sigs.k8s.io/yaml.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import yaml

from podname.errors import PodnameError

DEEPEST = 60
MOST_NODES = 200_000
_MERGE = "tag:yaml.org,2002:merge"


class YamlError(PodnameError):
    """A document cannot be read; carries the line, counted from one."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


@dataclass(eq=False, slots=True)
class Node:
    """A node. `start` and `end` are offsets in characters; the start of one with an anchor or a tag is theirs.

    A mapping's children are keys and values in turn. An alias has a `target`.
    """

    kind: Literal["scalar", "mapping", "sequence", "alias"]
    start: int
    end: int
    line: int
    column: int
    style: str = ""
    tag: str | None = None
    anchor: str | None = None
    value: str = ""
    children: list[Node] = field(default_factory=list)
    target: Node | None = None
    size: int = 1
    height: int = 1

    @property
    def meant(self) -> Node:
        """The node itself, or the one that an alias stands for."""
        return self.target or self

    @property
    def is_flow(self) -> bool:
        """Whether it is written in brackets."""
        return self.kind in {"mapping", "sequence"} and self.style == "flow"

    def pairs(self) -> Iterator[tuple[Node, Node]]:
        """Return the keys and values of a mapping."""
        return zip(self.children[::2], self.children[1::2], strict=True)


class _Loader(yaml.CSafeLoader):
    """Resolves dates and `=` to strings, as Kubernetes' tools do."""


_Loader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern) for tag, pattern in resolvers if not tag.endswith((":timestamp", ":value"))
    ]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


def parse(text: str) -> Node | None:
    """Read one document; None when it is empty. Raises YamlError."""
    try:
        return _Composer(text).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlError(error.problem or "this is no YAML", _line(mark) if mark else 1) from None
    except yaml.YAMLError as error:
        raise YamlError(f"this is no YAML: {error}".replace("\n", " "), 1) from None


_RESOLVER: Any = _Loader("")


class _Composer:
    def __init__(self, text: str) -> None:
        self._events = yaml.parse(text, Loader=_Loader)
        self._anchors: dict[str, Node] = {}
        self._open: set[str] = set()

    def document(self) -> Node | None:
        root = None
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    raise YamlError(
                        "a second document begins here without ---", _line(event.start_mark)
                    )
                root = self._node(next(self._events), 0)
        return root

    def _node(self, event: Any, depth: int) -> Node:
        mark = event.start_mark
        if depth > DEEPEST:
            raise YamlError(f"nested more than {DEEPEST} levels deep", _line(mark))
        node = Node("scalar", mark.index, event.end_mark.index, _line(mark), mark.column)
        node.anchor = event.anchor
        if isinstance(event, yaml.AliasEvent):
            return self._alias(node)
        node.tag = event.tag
        if isinstance(event, yaml.ScalarEvent):
            node.value, node.style = event.value, event.style or ""
            node.tag = event.tag or _RESOLVER.resolve(yaml.ScalarNode, event.value, event.implicit)
        else:
            self._collection(node, event, depth)
        if node.anchor:
            self._anchors[node.anchor] = node
        return node

    def _alias(self, node: Node) -> Node:
        target = self._anchors.get(node.anchor or "")
        if target is None:
            inside = node.anchor in self._open
            why = "stands inside what it stands for" if inside else "stands for nothing above it"
            raise YamlError(f"the alias *{node.anchor} {why}", node.line)
        node.kind, node.target, node.anchor = "alias", target, None
        node.size, node.height = target.size, target.height
        return node

    def _collection(self, node: Node, event: Any, depth: int) -> None:
        node.kind = "mapping" if isinstance(event, yaml.MappingStartEvent) else "sequence"
        node.style = "flow" if event.flow_style else "block"
        previous = self._anchors.pop(node.anchor, None) if node.anchor else None
        if node.anchor:
            self._open.add(node.anchor)
        for inner in self._events:
            if isinstance(inner, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
                node.end = _index(inner.end_mark)
                break
            child = self._node(inner, depth + 1)
            node.children.append(child)
            node.size += child.size
            node.height = max(node.height, child.height + 1)
            if node.size > MOST_NODES or node.height > DEEPEST:
                raise YamlError("too large or too deep once its aliases are written out", node.line)
        self._open.discard(node.anchor or "")
        if previous is not None and node.anchor:
            self._anchors.setdefault(node.anchor, previous)


def _index(mark: Any) -> int:
    return int(mark.index)


def _line(mark: Any) -> int:
    return int(mark.line) + 1


_CONSTRUCTOR = yaml.constructor.SafeConstructor()


def plain(node: Node) -> Any:
    """Return what a node says, as dicts, lists and scalars. Raises YamlError."""
    node = node.meant
    if node.kind == "sequence":
        return [plain(child) for child in node.children]
    if node.kind == "mapping":
        return _mapping(node)
    return _scalar(node)


def _mapping(node: Node) -> dict[Any, Any]:
    own: dict[Any, Any] = {}
    merged: dict[Any, Any] = {}
    for key, value in node.pairs():
        if is_merge(key):
            for source in merge_sources(value):
                merged = {**_mapping(source), **merged}
        else:
            own[key_of(key)] = plain(value)
    return {**merged, **own}


def is_merge(key: Node) -> bool:
    """Tell the key `<<`."""
    return key.kind == "scalar" and key.tag == _MERGE


def merge_sources(value: Node) -> list[Node]:
    """Return the mappings that a `<<` merges, the first one winning."""
    sources = value.meant.children if value.meant.kind == "sequence" else [value]
    if any(source.meant.kind != "mapping" for source in sources):
        raise YamlError("only mappings can be merged with <<", value.line)
    return [source.meant for source in sources]


def key_of(key: Node) -> Any:
    """Return a key's value."""
    if key.meant.kind != "scalar":
        raise YamlError("a key must be a text", key.line)
    return _scalar(key.meant)


def _scalar(node: Node) -> Any:
    scalar = yaml.ScalarNode(node.tag or "", node.value)
    if scalar.tag in _KNOWN:
        try:
            value = _CONSTRUCTOR.construct_object(scalar)
        except (ValueError, KeyError, IndexError, yaml.YAMLError):
            raise YamlError(
                f"{node.value[:40]!r} is no {scalar.tag.rpartition(':')[2]}", node.line
            ) from None
        return str(value) if value != value else value  # noqa: PLR0124 - not a number
    return node.value


_KNOWN = frozenset(f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float"))
