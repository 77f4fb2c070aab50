"""Lists in pieces: the same items wherever the octets were cut, whatever stands in them."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from podname.errors import KubeError
from podname.kube.itemstream import ItemStream, end_of_value
from podname.kube.types import ListMeta

ANY = msgspec.json.Decoder()


def read(
    text: bytes, size: int = 1 << 16, octets_max: int = 1 << 20
) -> tuple[list[Any], ListMeta | None]:
    """Read a list in pieces of `size`; an item that does not decode is given as its octets."""
    stream: ItemStream[Any] = ItemStream(ANY.decode, bytes, octets_max)
    found = []
    for at in range(0, len(text), size):
        found += list(stream.feed(text[at : at + size]))
    found += list(stream.finish())
    return found, stream.head.metadata


TEXTS = st.text(alphabet='a"\\{}[],:\u0085é \n', max_size=6)
VALUES = (
    TEXTS
    | st.integers(-9, 9)
    | st.lists(TEXTS, max_size=2)
    | st.dictionaries(TEXTS, TEXTS, max_size=2)
)
ITEMS = st.lists(st.dictionaries(TEXTS | st.just("metadata"), VALUES, max_size=3), max_size=4)


@given(ITEMS, st.integers(1, 60), st.booleans(), st.booleans())
def test_any_list_in_any_pieces(
    items: list[Any], size: int, is_pretty: bool, is_ascii: bool
) -> None:
    document = {
        "kind": "PodList",
        "metadata": {"resourceVersion": "7", "continue": "next"},
        "items": items,
    }
    indent, separators = (1, None) if is_pretty else (None, (",", ":"))
    text = json.dumps(document, indent=indent, separators=separators, ensure_ascii=is_ascii)
    assert read(text.encode(), size) == (items, ListMeta("7", "next"))


@pytest.mark.parametrize(
    "items",
    [
        [{"metadata": {"name": "a"}, "x": '},{"metadata":'}, {"metadata": {"name": "b"}}],
        [
            {"metadata": {"name": "a"}, "x": [{"a": 1}, {"metadata": {"y": 2}}]},
            {"metadata": {"name": "b"}},
        ],
        [{"metadata": {"name": "a"}, "x": {"items": [{"metadata": 1}]}}],
        [{"metadata": {"name": '\u0085\u2028\\"'}}, {"b": "}]}"}],
    ],
)
def test_what_looks_like_the_next_item(items: list[Any]) -> None:
    text = json.dumps({"items": items}, separators=(",", ":")).encode()
    for size in (1, 7, 1000):
        assert read(text, size)[0] == items


@pytest.mark.parametrize(
    ("text", "items"),
    [
        (b'{"items":[]}', []),
        (b'{"items":null}', []),
        (b'{"items": [ ] , "metadata" : {} }', []),
        (b'{"items":[1,"a]",null,[{}],{"a":1}]}', [1, "a]", None, [{}], {"a": 1}]),
        (b'{"items":[{"a":"\\ud800"},{"a":1}]}', [b'{"a":"\\ud800"}', {"a": 1}]),
        (b'{"items":[{"a":tru},{"a":1}]}', [b'{"a":tru}', {"a": 1}]),
    ],
)
def test_odd_lists(text: bytes, items: list[Any]) -> None:
    for size in (1, 5, 100):
        assert read(text, size)[0] == items


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{}",
        b"<html>",
        b'{"items":[{"a":1}',
        b'{"items":[{"a":1}]',
        b'{"items":[{"a":"',
        b'{"items":[]x}',
    ],
)
def test_a_list_that_breaks_off_is_an_error(text: bytes) -> None:
    with pytest.raises(KubeError):
        read(text)


def test_an_object_that_never_ends_is_an_error() -> None:
    with pytest.raises(KubeError, match="over 1000 octets"):
        read(b'{"items":[{"a":"' + b"x" * 5000, 100, octets_max=1000)


def test_a_large_item_in_small_pieces_is_not_looked_at_for_every_piece() -> None:
    looks = 0

    def decode(raw: bytes) -> int:
        nonlocal looks
        looks += 1
        return len(raw)

    item = b'{"a":"%s"}' % (b"x" * 2_000_000)
    stream = ItemStream(decode, len)
    text = b'{"items":[%s,%s]}' % (item, item)
    found = [n for at in range(0, len(text), 1000) for n in stream.feed(text[at : at + 1000])]
    found += list(stream.finish())
    assert found == [len(item)] * 2
    assert looks == 2


@pytest.mark.parametrize(
    ("text", "end"),
    [(b"[1]x", 3), (b'"a\\"b"', 6), (b'{"a":"}', 0), (b"[[", 0), (b"12,", 2), (b"12", 0), (b"", 0)],
)
def test_where_a_value_ends(text: bytes, end: int) -> None:
    assert end_of_value(text, 0) == end
