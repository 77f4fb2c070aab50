"""Messages on a stream, whatever pieces it comes in."""

from hypothesis import given
from hypothesis import strategies as st

from podname.dns.framing import Unframer, framed


@given(st.lists(st.binary(max_size=300), max_size=6), st.integers(1, 50))
def test_what_was_framed_comes_out_again(messages: list[bytes], piece_octets: int) -> None:
    stream = b"".join(map(framed, messages))
    unframer = Unframer()
    pieces = (stream[at : at + piece_octets] for at in range(0, len(stream), piece_octets))
    assert [message for piece in pieces for message in unframer.feed(piece)] == messages
    assert not unframer
    assert list(unframer.feed(b"\0\x02a")) == []
    assert unframer
