from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from podname.corefile import Corefile, parse_text

Outline = Callable[[Corefile], list[str]]

ENVIRONMENT = {
    "PORT": "8080",
    "ADDRESS": "servername.com",
    "FOOBAR": "foobar",
    "PART": "r1",
    "SPACED": "two words",
    "BRACE": "{",
    "COMMA": "a,",
    "SELF": "{$SELF}x",
    "OTHER": "{$FOOBAR}",
    "LINES": "one\ntwo",
    "EMPTY": "",
}

TABLE = [
    ("{$ADDRESS}", ["servername.com: "]),
    ("di{$PART}", ["dir1: "]),
    ("{$ADDRESS}:{$PORT}", ["servername.com:8080: "]),
    ("{%ADDRESS%}:{$PORT}", ["servername.com:8080: "]),
    ("{$ADDRESS}:{%PORT%}", ["servername.com:8080: "]),
    ("a\ndi{$PART} {$FOOBAR}", ["a: dir1 foobar"]),
    ("a\ndir1 {%ADDRESS%}/{%FOOBAR%}", ["a: dir1 servername.com/foobar"]),
    ("a\ndir1 {%ADDRESS}", ["a: dir1 {%ADDRESS}"]),
    ("a\ndir1 {$} {%%} {$FOOBAR", ["a: dir1 {$} {%%} {$FOOBAR"]),
    ('a\ndir1 "Test {$FOOBAR} test"', ["a: dir1 Test foobar test"]),
    ('a\ndir1 "{{ .Name }} {$FOOBAR}"', ["a: dir1 {{ .Name }} foobar"]),
    ("a\ndir1 {\n {$FOOBAR} {$PORT}\n}", ["a: dir1 {foobar 8080}"]),
    ("(foobar) {\n dir1\n}\na {\n import {$FOOBAR}\n}", ["a: dir1"]),
    # A value is one word, no syntax, and is not read again.
    ("a\ndir1 {$SPACED}", ["a: dir1 two words"]),
    ("a\ndir1 {$BRACE} x", ["a: dir1 { x"]),
    ("a\ndir1 {$LINES} x", ["a: dir1 one\ntwo x"]),
    ("a\ndir1 {$SELF}", ["a: dir1 {$SELF}x"]),
    ("a\ndir1 {$OTHER}", ["a: dir1 {$FOOBAR}"]),
    # but a comma goes on to the next key, as one in the file does
    ("{$COMMA}\nb\ndir1", ["a b: dir1"]),
    ("{$EMPTY} a {\n dir1\n}", ["a: dir1"]),
    ("a\ndir1 {$EMPTY}", ["a: dir1 "]),
]


@pytest.mark.parametrize(("text", "expected"), TABLE)
def test_expanded(text: str, expected: list[str], outline: Outline) -> None:
    corefile = parse_text(text, environment=ENVIRONMENT)
    assert outline(corefile) == expected


def test_a_variable_that_is_not_set_is_empty_and_told(outline: Outline) -> None:
    corefile = parse_text("a {\n dir1 x{$NOPE}y {%NOPE%}\n}", file="F", environment={})
    assert outline(corefile) == ["a: dir1 xy "]
    assert corefile.warnings == (
        "F:2:7: environment variable 'NOPE' is not set",
        "F:2:17: environment variable 'NOPE' is not set",
    )


def test_files_to_import(tmp_path: Path, outline: Outline) -> None:
    (tmp_path / "x").write_text("dir1")
    corefile = parse_text("a {\n import {$WHERE}/x\n}", environment={"WHERE": str(tmp_path)})
    assert outline(corefile) == ["a: dir1"]


def test_the_process_s_environment_is_the_default(
    monkeypatch: pytest.MonkeyPatch, outline: Outline
) -> None:
    monkeypatch.setenv("PODNAME_TEST_ZONE", "example.org")
    assert outline(parse_text("{$PODNAME_TEST_ZONE}")) == ["example.org: "]


def test_a_digest_follows_the_environment() -> None:
    texts = [parse_text("{$Z}", environment={"Z": zone}).text_digest for zone in ("a", "b", "a")]
    assert texts[0] == texts[2] != texts[1]
