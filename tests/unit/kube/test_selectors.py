"""Label selectors: what they accept, refuse and match."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podname.kube.selectors import BadSelector, matches, parse_selector


@pytest.mark.parametrize(
    ("text", "labels", "holds"),
    [
        ("a", {"a": ""}, True),
        ("a", {}, False),
        ("!a", {}, True),
        ("a=b", {"a": "b"}, True),
        ("a==b", {"a": "c"}, False),
        ("a!=b", {}, True),
        ("a!=b", {"a": "b"}, False),
        ("a in (b, c)", {"a": "c"}, True),
        ("a notin (b)", {"a": "b"}, False),
        ("a notin (b)", {}, True),
        ("a>3", {"a": "4"}, True),
        ("a<3", {"a": "x"}, False),
        ("a=b,c", {"a": "b"}, False),
        ("x.io/y in (z),!q", {"x.io/y": "z"}, True),
        ("a=", {"a": ""}, True),
    ],
)
def test_a_selector_matches(text: str, labels: dict[str, str], holds: bool) -> None:
    assert matches(parse_selector(text), labels) is holds


@pytest.mark.parametrize(
    "text",
    [
        "",
        ",",
        "a,,b",
        "a in b",
        "a in (b",
        "=a",
        "a b",
        "a>x",
        "-a",
        "UP/x",
        "a=(",
        "a=" + "v" * 64,
        "a/",
    ],
)
def test_what_is_no_selector_is_refused(text: str) -> None:
    with pytest.raises(BadSelector):
        parse_selector(text)


@given(st.text(alphabet="ab=!<>(),inot 1/-", max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        selector = parse_selector(text)
    except BadSelector:
        return
    assert matches(selector, {}) in {True, False}
