"""Changes written into a document's text, so that everything else stays byte for byte.

Each operation becomes an insertion at the end of what it adds to. The result is read again and must say exactly what
was asked: where an anchor shares what is changed with something that must not change, the aliases are written out
first; when even that does not help, nothing is written and the place is told.

Source: YAML 1.1 chapters 4 to 8.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import yaml

from podname.attach.patch import END, Operation, applied
from podname.inject.yaml_dump import dump, flow, in_brackets
from podname.inject.yaml_tree import Node, YamlError, is_merge, key_of, merge_sources, parse, plain


class _Edit(NamedTuple):
    start: int
    end: int
    text: str
    depth: int


def edited(text: str, operations: Sequence[Operation]) -> str:
    """Write operations into a document's text. Raises YamlError when that cannot be done without harm."""
    root = parse(text) if operations else None
    if root is None:
        return text
    expected = applied(plain(root), list(operations))
    for attempt in (text, _written_out(text, root, operations)):
        result = _attempt(attempt, operations)
        if result is not None and _says(result, expected):
            return result
    node = next(iter(_nodes(root, operations[0].path[:-1])), root)
    raise YamlError(
        "this cannot be changed without changing what shares it by an anchor: write it out",
        node.line,
    )


def _says(text: str, expected: Any) -> bool:
    try:
        root = parse(text)
        return root is not None and bool(plain(root) == expected)
    except YamlError:
        return False


def _attempt(text: str, operations: Sequence[Operation]) -> str | None:
    newline = "\r\n" if "\r\n" in text else "\n"
    padded = text if text.endswith("\n") else text + newline
    try:
        root = parse(padded)
        writer = _Writer(padded, root, newline) if root else None
        edits = [writer.edit(operation) for operation in operations] if writer else []
    except (YamlError, LookupError):
        return None
    at_the_end = any(edit.start == len(padded) for edit in edits)
    result = _applied(padded, edits)
    return result if at_the_end or padded == text else result.removesuffix(newline)


def _applied(text: str, edits: list[_Edit]) -> str:
    # Of insertions at the same place the deeper comes first; one that a shared anchor asks for twice counts once.
    ordered = sorted(dict.fromkeys(edits), key=lambda edit: (edit.start, -edit.depth))
    parts, at = [], 0
    for edit in ordered:
        parts += [text[at : edit.start], edit.text]
        at = max(at, edit.end)
    return "".join([*parts, text[at:]])


def _nodes(root: Node, path: Sequence[str | int]) -> Iterator[Node]:
    """Return the node at a path, if there is one."""
    node: Node | None = root.meant
    for step in path:
        node = child(node, step) if node else None
    if node is not None:
        yield node


def child(node: Node, step: str | int) -> Node | None:
    """Return the value of a key, own or merged, or the element of a sequence."""
    node = node.meant
    if node.kind == "sequence":
        return (
            node.children[step].meant
            if isinstance(step, int) and step < len(node.children)
            else None
        )
    own = [value for key, value in node.pairs() if not is_merge(key) and key_of(key) == step]
    if own:
        return own[-1].meant
    for key, value in node.pairs():
        if is_merge(key):
            for source in merge_sources(value):
                found = child(source, step)
                if found is not None:
                    return found
    return None


class _Writer:
    """Makes insertions for one text."""

    def __init__(self, text: str, root: Node, newline: str) -> None:
        self._text = text
        self._root = root
        self._newline = newline
        self._indents = bool(re.search(r"^( *)[^\s#-][^\n]*:[ ]*\r?\n\1 +- ", text, re.MULTILINE))

    def edit(self, operation: Operation) -> _Edit:
        (parent,) = _nodes(self._root, operation.path[:-1])
        depth = len(operation.path)
        last = operation.path[-1]
        if operation.op == "replace":
            (node,) = _nodes(self._root, operation.path)
            return self._replace(node, operation.value, depth)
        value = [operation.value] if last == END else {last: operation.value}
        if parent.kind == "scalar" or not parent.children:
            return self._fill(parent, value, depth)
        return self._insert(parent, value, depth)

    def _replace(self, node: Node, value: Any, depth: int) -> _Edit:
        if node.kind != "scalar" or isinstance(value, (dict, list)):
            return self._fill(node, value, depth)
        if not node.style and node.start == node.end:
            return _Edit(node.start, node.end, f" {json.dumps(value)}", depth)
        if node.anchor:
            raise LookupError
        if node.style in {"|", ">"} or "\n" in str(value):
            return self._block_scalar(node, value, depth)
        return _Edit(node.start, node.end, self._one_line(value, quoted=bool(node.style)), depth)

    def _block_scalar(self, node: Node, value: str, depth: int) -> _Edit:
        indent = " " * self._inner_column(node, value)
        first, *lines = dump(value)
        if not lines or self._inflow(node):
            raise LookupError
        end = self._content_end(node)
        written = [first, *((indent + line.removeprefix("  ")).rstrip() for line in lines)]
        return _Edit(node.start, end, self._newline.join(written), depth)

    def _one_line(self, value: Any, *, quoted: bool) -> str:
        if quoted or not isinstance(value, str):
            return json.dumps(value, ensure_ascii=False)
        return (
            yaml.safe_dump(value, width=10**9, allow_unicode=True)
            .removesuffix("\n")
            .removesuffix("...")
            .rstrip()
        )

    def _fill(self, node: Node, value: Any, depth: int) -> _Edit:
        """Put a value where there is none: an empty one, null, {} or []."""
        if node.anchor or node.children:
            raise LookupError
        if node.is_flow and self._inflow(node):
            return _Edit(node.start, node.end, flow(value), depth)
        start = len(self._text[: node.start].rstrip(" \t\r\n"))
        on_own_line = "\n" in self._text[start : node.start]
        column = node.column if on_own_line else self._inner_column(node, value)
        lines = self._dumped(value, column)
        return _Edit(start, node.end, self._newline + self._newline.join(lines), depth)

    def _inflow(self, node: Node) -> bool:
        return any(
            outer.is_flow and outer.start < node.start < outer.end for outer in _all(self._root)
        )

    def _inner_column(self, node: Node, value: Any) -> int:
        """Return the column for what a node holds, by the key or the dash that it belongs to."""
        for outer in _all(self._root):
            for number, inner in enumerate(outer.children):
                if inner is node and outer.kind == "sequence":
                    return self._indicated(outer.children[0], "-") + 2
                if inner is node and number % 2:
                    shift = 0 if isinstance(value, list) and not self._indents else 2
                    return self._indicated(outer.children[0], "?") + shift
        return 0

    def _insert(self, node: Node, value: Any, depth: int) -> _Edit:
        if node.is_flow:
            end = self._content_end(node.children[-1])
            first = node.children[0]
            line_start = (
                self._text.rfind("\n", 0, node.children[-2 if node.kind == "mapping" else -1].start)
                + 1
            )
            lead = self._text[line_start : len(self._text)]
            indent = lead[: len(lead) - len(lead.lstrip(" \t"))]
            own_line = line_start > node.start and first.start > node.start
            separator = f",{self._newline}{indent}" if own_line else ", "
            return _Edit(end, end, separator + flow(value)[1:-1], depth)
        column = self._indicated(node.children[0], "?" if node.kind == "mapping" else "-")
        lines = self._dumped(value, column)
        at = self._line_after(self._content_end(node))
        return _Edit(at, at, "".join(line + self._newline for line in lines), depth)

    def _indicated(self, first: Node, indicator: str) -> int:
        """Return the column in which a block collection's elements begin."""
        before = self._text[: first.start].rstrip(" ")
        if not before.endswith(indicator) and indicator == "?":
            return first.column
        at = before.rindex(indicator)
        return at - self._text.rfind("\n", 0, at) - 1

    def _content_end(self, node: Node) -> int:
        if node.kind in {"mapping", "sequence"} and not node.is_flow:
            return self._content_end(node.children[-1]) if node.children else node.start
        if node.style in {"|", ">"}:
            header = self._text[node.start : self._text.find("\n", node.start)]
            body = self._text[node.start : node.end]
            keeps = "+" in header.split("#")[0]
            return node.end if keeps else node.start + len(body.rstrip(" \r\n"))
        return node.end

    def _line_after(self, at: int) -> int:
        if at and self._text[at - 1] == "\n":
            return at
        end = self._text.find("\n", at)
        return len(self._text) if end < 0 else end + 1

    def _dumped(self, value: Any, column: int) -> list[str]:
        return [
            " " * column + line if line else line for line in dump(value, indented=self._indents)
        ]


def _all(node: Node) -> Iterator[Node]:
    yield node
    for inner in node.children:
        yield from _all(inner)


def _written_out(text: str, root: Node, operations: Sequence[Operation]) -> str:
    """Write out the aliases of all anchors that an operation touches."""
    touched: set[int] = set()
    for operation in operations:
        for length in range(len(operation.path) + 1):
            touched.update(id(node) for node in _nodes(root, operation.path[:length]))
    edits = [
        _Edit(node.start, node.end, in_brackets(node.meant), 0)
        for node in _all(root)
        if node.kind == "alias" and any(id(inner) in touched for inner in _all(node.meant))
    ]
    return _applied(text, edits)
