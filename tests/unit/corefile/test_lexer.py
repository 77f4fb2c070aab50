from __future__ import annotations

import pytest

from podname.corefile.lexer import words
from podname.errors import CorefileError

# Each word as line:column:text, with a '+' before those that continue a line.
TABLE = [
    ("host:123", ["1:1:host:123"]),
    ("host:123\n\n\t\tdirective", ["1:1:host:123", "3:3:directive"]),
    ("a {\n  b\n}", ["1:1:a", "+1:3:{", "2:3:b", "3:1:}"]),
    ("a { b }", ["1:1:a", "+1:3:{", "+1:5:b", "+1:7:}"]),
    ("a {b} c{ {", ["1:1:a", "+1:3:{b}", "+1:7:c{", "+1:10:{"]),
    # comments
    ('a {\n#no\n  b\n# no\n  c # no { "\n}', ["1:1:a", "+1:3:{", "3:3:b", "5:3:c", "6:1:}"]),
    ("foo#bar", ["1:1:foo"]),
    ("foo#bar baz\nqux", ["1:1:foo", "+1:9:baz", "2:1:qux"]),
    ("foo# a comment\nb", ["1:1:foo", "+1:6:a", "+1:8:comment", "2:1:b"]),
    ("foo #bar baz\nqux", ["1:1:foo", "2:1:qux"]),
    ('"a"#b c\nd', ["1:1:a", "2:1:d"]),
    ('#"\na', ["2:1:a"]),
    # quotes
    ('a "quoted value" b\nc', ["1:1:a", "+1:3:quoted value", "+1:18:b", "2:1:c"]),
    (r'A "quoted \"value\" inside" B', ["1:1:A", '+1:3:quoted "value" inside', "+1:29:B"]),
    (r'"don\'t\escape"', [r"1:1:don\'t\escape"]),
    (r'"don\\t"', [r"1:1:don\\t"]),
    (r'"a\\" b', [r"1:1:a\\", "+1:7:b"]),
    ('A "two\n lines" {\n b', ["1:1:A", "+1:3:two\n lines", "+2:9:{", "3:2:b"]),
    ('a "" b', ["1:1:a", "+1:3:", "+1:6:b"]),
    ('"a"b "c""d"', ["1:1:a", "+1:4:b", "+1:6:c", "+1:9:d"]),
    ('a"b c"', ['1:1:a"b', '+1:5:c"']),
    ('"a # b"', ["1:1:a # b"]),
    # line ends and white space
    ("skip those\r\nCR\rs now\r\n", ["1:1:skip", "+1:6:those", "2:1:CRs", "+2:6:now"]),
    ('"kept\r\nhere" x', ["1:1:kept\r\nhere", "+2:7:x"]),
    ("\ufeff:8080", ["1:1::8080"]),
    ("a\ufeffb", ["1:1:a\ufeffb"]),
    ("a\xa0b\u2003c\x0bd\x85e", ["1:1:a", "+1:3:b", "+1:5:c", "+1:7:d", "+1:9:e"]),
    # control characters are text, also those that Python takes for white space
    ("a\x00b\x1cc\x1b", ["1:1:a\x00b\x1cc\x1b"]),
    ("", []),
    (" \t\n\r\n", []),
    ("# only", []),
    ("été ü", ["1:1:été", "+1:5:ü"]),
]


@pytest.mark.parametrize(("text", "expected"), TABLE)
def test_words(text: str, expected: list[str]) -> None:
    found = [
        ("" if word.starts_line else "+")
        + f"{word.token.place.line}:{word.token.place.column}:{word.token.text}"
        for word in words(text, "F")
    ]
    assert found == expected


@pytest.mark.parametrize(
    ("text", "place"),
    [('a "b', "F:1:3"), ('"', "F:1:1"), ('a\n  b "c\n}\n', "F:2:5"), ('"a\\"', "F:1:1")],
)
def test_an_open_quote_is_named_where_it_opens(text: str, place: str) -> None:
    with pytest.raises(CorefileError, match="never closed") as caught:
        list(words(text, "F"))
    assert str(caught.value.place) == place


def test_a_long_quote_without_end_costs_one_look() -> None:
    with pytest.raises(CorefileError, match="never closed"):
        list(words('"' + '\\"a' * 200_000, "F"))
