"""Lines of octets: split at line feeds only, wherever the pieces end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podname.errors import KubeError
from podname.kube.linestream import LineStream


@given(
    st.lists(st.binary(max_size=20).map(lambda line: line.replace(b"\n", b"")), max_size=8),
    st.integers(1, 9),
)
def test_lines_in_any_pieces(lines: list[bytes], size: int) -> None:
    text, stream = b"".join(line + b"\n" for line in lines) + b"torn", LineStream()
    assert [
        line for at in range(0, len(text), size) for line in stream.feed(text[at : at + size])
    ] == lines


def test_other_ends_of_lines_are_none() -> None:
    odd = "\u0085\u2028\u2029\x0b\x0c\x1c\x1d\r".encode()
    assert LineStream().feed(odd + b"\n") == [odd]


def test_a_line_that_never_ends_is_an_error() -> None:
    stream = LineStream(octets_max=100)
    assert stream.feed(b"x" * 60 + b"\n" + b"x" * 60) == [b"x" * 60]
    with pytest.raises(KubeError, match="over 100 octets"):
        stream.feed(b"x" * 60)
