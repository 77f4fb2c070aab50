from __future__ import annotations

from collections.abc import Callable

import pytest

from podname.corefile import Corefile, parse_text
from podname.errors import CorefileError

Outline = Callable[[Corefile], list[str]]

ACCEPTED = [
    ("", []),
    ("localhost", ["localhost: "]),
    ("localhost\n dir1", ["localhost: dir1"]),
    ("localhost:1234\n dir1 foo bar", ["localhost:1234: dir1 foo bar"]),
    ("localhost {\n dir1\n}", ["localhost: dir1"]),
    ("localhost:1234 {\n dir1 foo bar\n dir2\n}", ["localhost:1234: dir1 foo bar; dir2"]),
    ("a b\n dir1 foo", ["a b: dir1 foo"]),
    ("a b {\n dir1 foo\n}", ["a b: dir1 foo"]),
    ("a, b {\n dir1\n}", ["a b: dir1"]),
    ("a,\nb,\n  c", ["a b c: "]),
    ("a,\n\n# and\nb {\n dir1\n}", ["a b: dir1"]),
    ("a,b {\n}", ["a,b: "]),
    ("a\n dir1 foo {\n  bar baz\n }\n dir2", ["a: dir1 foo {bar baz}; dir2"]),
    ("a\n dir1 {\n }\n dir2 {\n  foo bar\n  baz\n }", ["a: dir1 {}; dir2 {foo bar | baz}"]),
    ("a {\n}\nb {\n dir1\n}\n\nc {\n}", ["a: ", "b: dir1", "c: "]),
    ("a { dir1\n}", ["a: dir1"]),
    ("a {}\n dir1", ["a {}: dir1"]),
    ("a { }", ["a: "]),
    ("a { } b { }", ["a: ", "b: "]),
    ("a\n{\n dir1\n}", ["a: dir1"]),
    ("a {\n dir1 { }\n}", ["a: dir1 {}"]),
    ("a {\n dir1 { foo bar\n }\n}", ["a: dir1 {foo bar}"]),
    ("a {\n dir1\n dir1 x\n}", ["a: dir1; dir1 x"]),
    ('a {\n dir1 "x y" {\n "{{ .Name }} 60" }z\n }\n}', ["a: dir1 x y {{{ .Name }} 60 }z}"]),
    ("a {\n dir1 { import x\n }\n}", ["a: dir1 {import x}"]),
    ("a {\n dir1 import x\n}", ["a: dir1 import x"]),
    ("a {\n dir1 {\n  foo import x\n }\n}", ["a: dir1 {foo import x}"]),
    ('"" a {\n dir1\n}', ["a: dir1"]),
    ("a {\n dir1\n}\n}\n", ["a: dir1"]),
    ("a\n dir1\n}\nb {\n dir2\n}", ["a: dir1", "b: dir2"]),
    ('"" {\n dir1\n}\nb {\n}', ["b: "]),
    ("{\n dir1\n}\nb {\n}", ["b: "]),
]


@pytest.mark.parametrize(("text", "expected"), ACCEPTED)
def test_accepted(text: str, expected: list[str], outline: Outline) -> None:
    assert outline(parse_text(text)) == expected


REFUSED = [
    ("a, {\n}", "1:1: expected another key after the comma"),
    ("a,\nb,", "2:1: expected another key after the comma"),
    (", b {\n}", "1:1: expected a key before the comma"),
    ("a {\n dir1\n", "1:3: this server block is opened here and never closed: '}' is missing"),
    ("a\n dir1 {\n  foo", "2:7: the block of 'dir1' is opened here and never closed"),
    ("a {\n dir1 {\n  foo\n}\nb {\n}", "'dir1' (F:2:2)"),
    ("a {\n dir1 }", "2:7: '}' must stand on a line of its own"),
    ("a { dir1 }", "1:10: '}' must stand on a line of its own"),
    ("a {\n dir1 {\n } }", "3:4: '}' after '}': it must begin a line of its own"),
    ("a {\n dir1 {\n } dir2\n}", "3:4: 'dir2' after '}': it must begin a line of its own"),
    ("a {\n dir1 {\n  foo {\n  bar\n  }\n }\n}", "3:7: a block within the block of a directive"),
    ("a {\n dir1 {\n {\n bar\n }\n }\n}", "3:2: a block within the block of a directive"),
    ("a {\n dir1 {\n  foo {\n", "3:7: a block within the block of a directive"),
    ("a {\n dir1\n {\n }\n}", "3:2: '{' must stand at the end of the line of 'dir1'"),
    ("a {\n {\n }\n}", "2:2: '{' opens nothing"),
    ("a {\n}\n}\nb {\n}", "3:1: '}' closes nothing"),
    ('a\n dir1 "foo', "2:7: a quoted word is opened here and never closed: add '\"'"),
    ("(x)\ndir1", "1:1: expected '{' after snippet '(x)'"),
    ("(x)", "1:1: expected '{' after snippet '(x)'"),
    ("(x) {\n dir1 {\n }\n", "1:5: snippet '(x)' is opened here and never closed"),
    ("a {\n d\x1b[31m }", "2:9: '}' must stand"),
]


@pytest.mark.parametrize(("text", "expected"), REFUSED)
def test_refused_with_place(text: str, expected: str) -> None:
    with pytest.raises(CorefileError) as caught:
        parse_text(text, file="F")
    assert expected in str(caught.value)
    assert caught.value.place is not None
    assert caught.value.place.file == "F"


def test_errors_that_do_not_hide_each_other_are_told_together() -> None:
    text = (
        "a {\n"
        "  dir1 {\n"
        "    foo } x\n"
        "  import x y\n"
        "  import nowhere\n"
        "  dir2 { foo {\n"
        "    bar\n"
        "  }\n"
        "  }\n"
        "}\n"
        "b, {\n"
        "}\n"
    )
    with pytest.raises(CorefileError) as caught:
        parse_text(text, file="F")
    errors = [caught.value, *caught.value.others]
    assert [str(error.place) for error in errors] == [
        "F:3:11",
        "F:4:12",
        "F:5:10",
        "F:6:14",
        "F:11:1",
    ]


WARNED = [
    ("a,b {\n}", "F:1:1: 'a,b' is one key: put a space after each comma"),
    ("a {\n}\n}", "F:3:1: '}' closes nothing and is ignored"),
    ("a\n dir1\n}", "F:3:1: '}' closes a server block that no '{' opened"),
    (' "" {\n dir1\n}', "F:1:2: this server block has no key and is ignored"),
]


@pytest.mark.parametrize(("text", "expected"), WARNED)
def test_warned(text: str, expected: str) -> None:
    assert parse_text(text, file="F").warnings == (expected,)


@pytest.mark.parametrize(
    "other",
    ["a  {\n\n dir1 x # why\n}\n", 'a\ndir1 "x"', "(s) {\ndir1 x\n}\na {\nimport s\n}"],
)
def test_digest_ignores_form(other: str) -> None:
    assert parse_text("a {\n dir1 x\n}").text_digest == parse_text(other).text_digest


def test_digest_sees_every_word_and_where_it_belongs() -> None:
    texts = [
        "a {\n dir1 x\n}",
        "a {\n dir1 y\n}",
        "a {\n dir1 x y\n}",
        'a {\n dir1 "x y"\n}',
        "a {\n dir1 x {\n }\n}",
        "a {\n dir1 x {\n y\n }\n}",
        "a {\n dir1 {\n x\n }\n}",
        "a {\n dir1\n x\n}",
        "a b {\n dir1 x\n}",
        "a {\n}\nb {\n dir1 x\n}",
        "a {\n dir1 x\n}\nb {\n}",
    ]
    assert len({parse_text(text).text_digest for text in texts}) == len(texts)
