"""Changes in a document's text: exactly what was asked, and nothing else."""

# ruff: noqa: E501 - tables

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from podname.attach.patch import Operation, Path, applied, changes
from podname.inject.yaml_edit import edited
from podname.inject.yaml_tree import YamlError, parse, plain


def add(path: Path, value: Any) -> Operation:
    return Operation("add", path, value)


CASES = [
    ("a: 1\n", [add(("b",), 2)], "a: 1\nb: 2\n"),
    ("a: 1", [add(("b",), 2)], "a: 1\nb: 2\n"),
    ("a: 1\r\n", [add(("b",), 2)], "a: 1\r\nb: 2\r\n"),
    ("a: 1 # one\n# after\n", [add(("b",), 2)], "a: 1 # one\nb: 2\n# after\n"),
    ("a:\n  x: 1\nz: 2\n", [add(("a", "y"), [1])], "a:\n  x: 1\n  y:\n  - 1\nz: 2\n"),
    ("a:\n- 1\nz: 2\n", [add(("a", "-"), {"k": "v"})], "a:\n- 1\n- k: v\nz: 2\n"),
    ("a:\n  - 1\nz: 2\n", [add(("a", "-"), {"k": [1]})], "a:\n  - 1\n  - k:\n      - 1\nz: 2\n"),
    ("a:\n", [Operation("replace", ("a",), {"b": 1})], "a:\n  b: 1\n"),
    ("a: # c\nz: 1\n", [Operation("replace", ("a",), {"b": 1})], "a:\n  b: 1 # c\nz: 1\n"),
    ("a: {}\nz: 1\n", [add(("a", "b"), 1)], "a:\n  b: 1\nz: 1\n"),
    ("a:\n  {}\nz: 1\n", [add(("a", "b"), 1)], "a:\n  b: 1\nz: 1\n"),
    ("a: [] # none\n", [add(("a", "-"), 1)], "a:\n- 1 # none\n"),
    ("a: {x: 1}\n", [add(("a", "y"), "z")], 'a: {x: 1, "y": "z"}\n'),
    ("a: [1]\n", [add(("a", "-"), {"k": 1})], 'a: [1, {"k": 1}]\n'),
    ("{a: {}}", [add(("a", "b"), 1)], '{a: {"b": 1}}'),
    ('{\n  "a": 1\n}\n', [add(("b",), 2)], '{\n  "a": 1,\n  "b": 2\n}\n'),
    ("a: |\n  text\n\n\nz: 1\n", [add(("b",), 2)], "a: |\n  text\n\n\nz: 1\nb: 2\n"),
    ("z: 1\na: |\n  text\n\n", [add(("b",), 2)], "z: 1\na: |\n  text\nb: 2\n\n"),
    ("z: 1\na: |+\n  text\n\n", [add(("b",), 2)], "z: 1\na: |+\n  text\n\nb: 2\n"),
    ("a: |-\n  text", [add(("b",), 2)], "a: |-\n  text\nb: 2\n"),
    ("a: b # c\n", [Operation("replace", ("a",), "d e")], "a: d e # c\n"),
    ("a: 'b' # c\n", [Operation("replace", ("a",), "d")], 'a: "d" # c\n'),
    ("a: b\n", [Operation("replace", ("a",), "1")], "a: '1'\n"),
    ("a: |\n  b\nc: 1\n", [Operation("replace", ("a",), "d\ne\n")], "a: |\n  d\n  e\nc: 1\n"),
    ("a: null\n", [Operation("replace", ("a",), [1])], "a:\n- 1\n"),
    ("a: ü\n", [add(("b",), "é")], "a: ü\nb: é\n"),
    ("a: &x\n  k: 1\nb: *x\n", [add(("a", "l"), 2)], "a: &x\n  k: 1\n  l: 2\nb: {k: 1}\n"),
    ("a: &x\n  k: 1\nb: *x\n", [add(("a", "l"), 2), add(("b", "l"), 2)], "a: &x\n  k: 1\n  l: 2\nb: *x\n"),
    ("a: &x {k: 1}\nb:\n  <<: *x\n  m: 1\n", [add(("b", "l"), 2)], "a: &x {k: 1}\nb:\n  <<: *x\n  m: 1\n  l: 2\n"),
    ("a: &x {k: [1]}\nb:\n  <<: *x\n", [add(("b", "k", "-"), 2)], "a: &x {k: [1]}\nb:\n  <<: {k: [1, 2]}\n"),
    ("x:\n- y:\n  - 1\n", [add(("x", 0, "y", "-"), 2), add(("x", 0, "z"), 3), add(("w",), 4)], "x:\n- y:\n  - 1\n  - 2\n  z: 3\nw: 4\n"),
    ("# only comments\n", [], "# only comments\n"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "operations", "expected"), CASES)
def test_edited(text: str, operations: list[Operation], expected: str) -> None:
    assert edited(text, operations) == expected


@pytest.mark.parametrize(
    ("text", "operation"),
    [
        ("a: &x b\nc: *x\n", Operation("replace", ("a",), "d")),
        ("a: &x []\nc: *x\n", add(("a", "-"), 1)),
        ("? [a]\n: 1\n", add(("b",), 1)),
    ],
)
def test_what_cannot_be_done_is_told(text: str, operation: Operation) -> None:
    with pytest.raises(YamlError):
        edited(text, [operation])


HOSTILE = [
    "a: [",
    "a: *b",
    "a: &a [*a]",
    "a: &a {b: *a}",
    "\t- a",
    "a: b: c",
    "- a\nb: c",
    "a: 'x",
    "a: !!int x",
    "a: 0b\n",
    "? {a: b}\n: c",
    "<<: 1",
    "<<: [1]",
    "a\n...\nb",
    "\x00",
    "a: \ud800".encode("utf-8", "surrogatepass").decode("utf-8", "replace"),
    "[" * 5000,
    "{a: " * 5000,
    "- " * 5000,
    "a: &a [x]\n"
    + "".join(f"b{n}: &b{n} [{', '.join([f'*b{n - 1}' if n else '*a'] * 9)}]\n" for n in range(12)),
    "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 2000)),
    "%YAML 9.9\n---\na",
    "!<tag:yaml.org,2002:python/object:os.system> x: 1",
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_documents_are_read_or_refused(text: str) -> None:
    try:
        root = parse(text)
        value = plain(root) if root else None
    except YamlError as error:
        value = str(error)
    assert value is not Ellipsis


@given(
    st.text(alphabet="ab:-#&*[]{}!|>'\"%,?<\n \t\r\u2028\ufeff1", max_size=60)
    | st.text(max_size=60)
)
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        root = parse(text)
        if root:
            edited(text, [add(("new",), 1)] if isinstance(plain(root), dict) else [])
    except YamlError as error:
        assert error.line >= 1  # noqa: PT017


KEYS = st.sampled_from(["a", "b", "name", "x-y", "é", "1", "true", "null", ""])
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-9, 9),
    st.sampled_from(
        [
            "",
            "text",
            "a: b",
            "# x",
            "yes",
            "1",
            "two\nlines\n",
            "tail\n\n",
            " lead",
            "- x",
            "2001-01-01",
            "é",
            "'q'",
            "*",
            "{}",
        ]
    ),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)
MAPPINGS = st.dictionaries(KEYS, VALUES, min_size=1, max_size=4)


class Indented(yaml.SafeDumper):
    def increase_indent(self, flow: bool = False, indentless: bool = False) -> Any:
        return super().increase_indent(flow, False)


class Literal(yaml.SafeDumper):
    pass


Literal.add_representer(
    str,
    lambda d, s: d.represent_scalar("tag:yaml.org,2002:str", s, style="|" if "\n" in s else None),
)
WRITERS = [
    yaml.safe_dump,
    lambda tree: yaml.safe_dump(tree, default_flow_style=None, width=30),
    lambda tree: yaml.safe_dump(tree, default_flow_style=True),
    lambda tree: yaml.dump(tree, Dumper=Indented, indent=4),
    lambda tree: yaml.dump(tree, Dumper=Literal, allow_unicode=True),
    lambda tree: "# head\n" + yaml.dump(tree, Dumper=Literal, line_break="\r\n") + "# tail\n",
    lambda tree: json.dumps(tree, indent=2),
    json.dumps,
]


def grown(tree: Any, additions: Any, turn: int) -> Any:
    """Add something here and there."""
    if isinstance(tree, dict):
        out = {
            key: grown(value, additions, turn + number)
            for number, (key, value) in enumerate(tree.items())
        }
        return {**out, "added": additions} if turn % 2 == 0 else out
    if isinstance(tree, list):
        out_list = [grown(value, additions, turn + number) for number, value in enumerate(tree)]
        return [*out_list, additions] if turn % 3 == 0 else out_list
    return tree


@settings(max_examples=50)
@given(MAPPINGS, VALUES, st.integers(0, 5), st.sampled_from(WRITERS))
def test_what_is_added_is_there_and_nothing_else_changes(
    tree: Any, additions: Any, turn: int, write: Any
) -> None:
    text = write(tree)
    root = parse(text)
    assert root is not None
    before = plain(root)
    wanted = grown(before, additions, turn)
    operations = list(changes(before, wanted))
    assert applied(before, operations) == wanted
    result = edited(text, operations)
    again = parse(result)
    assert again is not None
    assert plain(again) == wanted
    # Byte for byte: what was there is still there, in its order.
    left = iter(result)
    skipped = [c for c in text if c not in "{}[]~nul \r\n" and c not in left]
    assert not skipped


@settings(max_examples=50)
@given(VALUES, VALUES)
def test_changes_lead_from_one_tree_to_the_other(old: Any, extra: Any) -> None:
    for turn in range(3):
        new = grown({"root": old}, extra, turn)
        operations = list(changes({"root": old}, new))
        assert applied({"root": old}, operations) == new
        assert not list(changes(new, new))
