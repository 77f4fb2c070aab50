"""Names of nodes, read from text."""

from __future__ import annotations

import pytest

from podname.erlang.nodename import BadNode, parse


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("app@web-0", "short"),
        ("a_b-C9@web-0.web", "long"),
        ("app@10.0.0.1", "long"),
        ("app@fd00::1", "long"),
        ("app@.web.default", "long"),
    ],
)
def test_a_node_has_a_form(text: str, form: str) -> None:
    assert parse(text).form == form
    assert str(parse(text)) == text


@pytest.mark.parametrize(
    "text", ["app", "@host", "a b@host", "app@", "a@b@c", "app@ho st", "a.b@c"]
)
def test_what_is_no_node_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(BadNode, match="is no node: "):
        parse(text)
