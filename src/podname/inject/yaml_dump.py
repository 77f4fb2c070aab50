"""Values written as YAML: in block style, as lines; in one line of brackets, as JSON; a node of a document as it was.

Source: YAML 1.1 chapters 7 and 8.
"""

from __future__ import annotations

import json
import re
from typing import Any

import yaml

from podname.inject.yaml_tree import Node, is_merge, plain


def dump(value: Any, *, indented: bool = False) -> list[str]:
    """Write a value in block style, as lines."""
    dumper = _Indented if indented else _Dumper
    out = yaml.dump(value, Dumper=dumper, sort_keys=False, width=10**9, allow_unicode=True)
    return out.rstrip("\n").split("\n")


def flow(value: Any) -> str:
    """Write a value in one line."""
    return json.dumps(value, ensure_ascii=False)


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as such, and never an alias."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


class _Indented(_Dumper):
    """Writes the dashes of a list further in than the key above."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> Any:
        return super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if re.fullmatch(r"[^\s].*[^\n]\n?", text, re.DOTALL) and "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
_Indented.add_representer(str, _text)


def in_brackets(node: Node) -> str:
    """Write a node in one line."""
    node = node.meant
    if node.kind == "sequence":
        return "[" + ", ".join(map(in_brackets, node.children)) + "]"
    if node.kind == "mapping":
        pairs = (
            f"{'<<' if is_merge(k) else in_brackets(k)}: {in_brackets(v)}" for k, v in node.pairs()
        )
        return "{" + ", ".join(pairs) + "}"
    if node.style:
        return json.dumps(node.value, ensure_ascii=False)
    is_safe = re.fullmatch(r"[\w./+-]+", node.value)
    value = plain(node)
    return (
        node.value if is_safe else json.dumps(value if not isinstance(value, str) else node.value)
    )
