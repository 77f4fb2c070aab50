from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from podname.corefile import Corefile, parse, parse_text, stream
from podname.errors import CorefileError

Outline = Callable[[Corefile], list[str]]


@pytest.fixture
def folder(tmp_path: Path) -> Callable[[dict[str, str]], Path]:
    """Write files below a folder of its own and give the path of its Corefile."""

    def write(files: dict[str, str]) -> Path:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
        return tmp_path / "Corefile"

    return write


Folder = Callable[[dict[str, str]], Path]

SNIPPETS = [
    ("(s) {\n dir1 x\n dir2\n}\na {\n import s\n}", ["a: dir1 x; dir2"]),
    ("(s) { dir1\n}\na {\n import s\n dir2\n}", ["a: dir1; dir2"]),
    ("(s) {\n}\na {\n import s\n dir2\n}", ["a: dir2"]),
    ("(s) {\n dir1 {\n  foo\n }\n}\na {\n import s\n import s\n}", ["a: dir1 {foo}; dir1 {foo}"]),
    (
        "(p) {\n foo 1\n bar\n}\na {\n dir1 {\n  import p\n  baz\n }\n}",
        ["a: dir1 {foo 1 | bar | baz}"],
    ),
    ("(s) {\n import t\n}\n(t) {\n dir1\n}\na {\n import s\n}", ["a: dir1"]),
    ("(s) {\n a {\n  dir1\n }\n}\nimport s", ["a: dir1"]),
    ("(k) {\n b\n}\na,\nimport k\n{\n dir1\n}", ["a b: dir1"]),
    ("(s) {\n dir1\n}\na\nimport s\ndir2", ["a: dir1; dir2"]),
    ('"(two words)" {\n dir1\n}\na {\n import "two words"\n}', ["a: dir1"]),
]


@pytest.mark.parametrize(("text", "expected"), SNIPPETS)
def test_snippets(text: str, expected: list[str], outline: Outline) -> None:
    assert outline(parse_text(text)) == expected


def test_files_are_found_from_the_file_that_imports_them(folder: Folder, outline: Outline) -> None:
    path = folder(
        {
            "Corefile": "a {\n import deep/one\n dir3 {\n  import deep/lines\n }\n}\nimport deep/server\n",
            "deep/one": "dir1\nimport two",
            "deep/two": "dir2 x",
            "deep/lines": "foo 1\nbar",
            "deep/server": "b c {\n dir4\n}",
        }
    )
    assert outline(parse(path)) == ["a: dir1; dir2 x; dir3 {foo 1 | bar}", "b c: dir4"]


def test_words_keep_the_place_of_their_file(folder: Folder) -> None:
    path = folder({"Corefile": "a {\n import sub/x\n dir2\n}", "sub/x": "\n  dir1 {\n    foo\n  }"})
    (block,) = parse(path).blocks
    first, second = block.directives
    assert first.block is not None
    assert str(first.name.place) == f"{path.parent}/sub/x:2:3"
    assert str(first.block[0].name.place) == f"{path.parent}/sub/x:3:5"
    assert str(second.name.place) == f"{path}:3:2"


def test_a_snippet_of_one_file_serves_another(folder: Folder, outline: Outline) -> None:
    path = folder(
        {
            "Corefile": "import snippets\nimport server",
            "snippets": "(s) {\n import part\n}",
            "part": "dir1",
            "server": "a {\n import s\n}",
        }
    )
    assert outline(parse(path)) == ["a: dir1"]


def test_files_of_a_pattern_come_in_order(folder: Folder, outline: Outline) -> None:
    path = folder(
        {
            "Corefile": "import custom/*.server\nz {\n import custom/?.override\n}",
            "custom/b.server": "b {\n}",
            "custom/a.server": "a1 {\n}\na2 {\n}",
            "custom/.c.server": "c {\n}",
            "custom/d.serverx": "d {\n}",
            "custom/1.override": "dir1",
            "custom/2.override": "dir2",
            "custom/11.override": "dir11",
            "custom/sub/e.server": "e {\n}",
        }
    )
    assert outline(parse(path)) == ["c: ", "a1: ", "a2: ", "b: ", "z: dir1; dir2"]


def test_a_file_of_a_pattern_may_import_its_neighbour(folder: Folder, outline: Outline) -> None:
    path = folder({"Corefile": "import x/*", "x/a": "import b", "x/b": "b {\n}"})
    assert outline(parse(path)) == ["b: ", "b: "]


def test_a_wildcard_in_a_folder_s_name(folder: Folder, outline: Outline) -> None:
    path = folder({"Corefile": "import */x", "p/x": "p {\n}", "q/x": "q {\n}", "r/y": "r {\n}"})
    assert outline(parse(path)) == ["p: ", "q: "]


def test_a_pattern_without_files_is_a_warning(folder: Folder, outline: Outline) -> None:
    path = folder(
        {"Corefile": "a {\n dir1\n import custom/*.override\n}\nimport custom/*.server\n"}
    )
    corefile = parse(path)
    assert outline(corefile) == ["a: dir1"]
    assert corefile.warnings == (
        f"{path}:3:9: no files match the import pattern 'custom/*.override'",
        f"{path}:5:8: no files match the import pattern 'custom/*.server'",
    )


def test_empty_files_and_byte_order_marks(folder: Folder, outline: Outline) -> None:
    path = folder(
        {"Corefile": "\ufeffa {\r\n import x\r\n import y\r\n}\r\n", "x": "", "y": "\ufeffdir1"}
    )
    assert outline(parse(path)) == ["a: dir1"]


REFUSED = [
    ({"Corefile": "import"}, "Corefile:1:1: import takes one argument"),
    ({"Corefile": 'import ""'}, "Corefile:1:8: import takes one argument"),
    ({"Corefile": "a {\n import x y\n}"}, "Corefile:2:11: import takes one argument"),
    ({"Corefile": "a {\n import x {\n}"}, "Corefile:2:11: import takes one argument"),
    ({"Corefile": "import missing"}, "/missing'"),
    ({"Corefile": "import missing"}, "Corefile:1:8: file to import not found: '"),
    ({"Corefile": "import d", "d/x": ""}, "d': Is a directory"),
    ({"Corefile": "import *", "d/x": ""}, ""),
    ({"Corefile": "import */*.txt"}, "glob pattern may only contain one wildcard"),
    ({"Corefile": "import ???"}, "glob pattern may only contain one wildcard"),
    ({"Corefile": "import [a-z]"}, "glob pattern may only contain one wildcard"),
    ({"Corefile": 'import }{$"'}, "file to import not found"),
    ({"Corefile": "import a\x00b"}, "could not import '"),
    ({"Corefile": f"import {'n' * 300}"}, "File name too long"),
    ({"Corefile": "import x", "x": 'a {\n dir1 "foo\n}'}, "x:2:7: a quoted word is opened here"),
    ({"Corefile": "import x", "x": "a {\n dir1\n"}, "x:1:3: this server block is opened here"),
    ({"Corefile": "import x\nimport x", "x": "(s) {\n}"}, "x:1:1: redeclaration of previously"),
    ({"Corefile": "(s) {\n}\n(s) {\n}"}, "Corefile:3:1: redeclaration of previously declared"),
    ({"Corefile": "(s) {\n dir1\n import s\n}"}, "Corefile:3:2: snippet 's' imports itself"),
]


@pytest.mark.parametrize(("files", "expected"), REFUSED)
def test_refused(files: dict[str, str], expected: str, folder: Folder) -> None:
    with pytest.raises(CorefileError) as caught:
        parse(folder(files))
    assert expected in str(caught.value)


CYCLES = [
    {"Corefile": "import Corefile"},
    {"Corefile": "import ./x/../Corefile", "x/y": ""},
    {"Corefile": "import a", "a": "import b", "b": "import a"},
    {"Corefile": "import a*", "a1": "import a2", "a2": "import a1"},
    {"Corefile": "(s) {\n import t\n}\n(t) {\n import s\n}\na {\n import s\n}"},
    {"Corefile": "(s) {\n { }\n import {$S}\n}\nimport s"},
    {"Corefile": "(s) {\n import x\n}\nimport x", "x": "import s"},
]


@pytest.mark.parametrize("files", CYCLES)
def test_cycles_are_named(files: dict[str, str], folder: Folder) -> None:
    with pytest.raises(CorefileError) as caught:
        parse(folder(files), environment={"S": "s"})
    messages = [str(caught.value), *map(str, caught.value.others)]
    assert any("import cycle: " in message and " → " in message for message in messages)


def test_a_mistake_in_a_snippet_is_told_once() -> None:
    text = "(s) {\n import nowhere\n}\na {\n import s\n}\nb {\n import s\n}"
    with pytest.raises(CorefileError, match="not found") as caught:
        parse_text(text)
    assert caught.value.others == ()


@pytest.mark.parametrize("leaf", ["dir1", "import nowhere", ""])
def test_an_import_bomb_ends(leaf: str) -> None:
    text = f"(s0) {{\n{leaf}\n}}\n"
    text += "".join(
        f"(s{n + 1}) {{\n{f'import s{n}' + chr(10)}{f'import s{n}' + chr(10)}}}\n"
        for n in range(60)
    )
    with pytest.raises(CorefileError) as caught:
        parse_text(text + "a {\n import s60\n}")
    messages = [str(caught.value), *map(str, caught.value.others)]
    assert any("maximum number of imports (10000) exceeded" in message for message in messages)


def test_a_bomb_of_words_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "IMPORTED_WORDS_MAX", 100)
    text = "(s) {\n" + "dir1 x\n" * 10 + "}\na {\n" + "import s\n" * 5
    assert parse_text(text + "}").blocks
    with pytest.raises(CorefileError, match="imports make more than 100 words"):
        parse_text(text + "import s\n}")


def test_a_deep_chain_is_no_recursion(outline: Outline) -> None:
    text = "(s0) {\ndir1\n}\n" + "".join(f"(s{n + 1}) {{\nimport s{n}\n}}\n" for n in range(3000))
    assert outline(parse_text(text + "a {\n import s3000\n}")) == ["a: dir1"]


def test_a_corefile_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(CorefileError, match=r"cannot read '.*/nowhere': No such file"):
        parse(tmp_path / "nowhere")
    with pytest.raises(CorefileError, match="Is a directory"):
        parse(tmp_path)


def test_octets_that_are_not_utf_8_are_replaced(tmp_path: Path, outline: Outline) -> None:
    (tmp_path / "Corefile").write_bytes(b"a {\n dir1 \xff\xfe\n}")
    assert outline(parse(tmp_path / "Corefile")) == ["a: dir1 \ufffd\ufffd"]
