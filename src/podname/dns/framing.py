"""Messages on a stream: each behind its length.

Sources: RFC 1035 §4.2.2; RFC 7766 §8; RFC 7858 §3.3.
"""

from __future__ import annotations

from collections.abc import Iterator

_LENGTH_OCTETS = 2


def framed(message: bytes) -> bytes:
    """Return a message as it is sent on a stream."""
    return len(message).to_bytes(_LENGTH_OCTETS, "big") + message


class Unframer:
    """Cuts messages out of a stream as it comes in."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def __bool__(self) -> bool:
        """Return whether a message has begun that did not end yet."""
        return bool(self._buffer)

    def feed(self, octets: bytes) -> Iterator[bytes]:
        """Take what came in and return the messages that are complete."""
        buffer = self._buffer
        buffer += octets
        while len(buffer) >= _LENGTH_OCTETS:
            end = _LENGTH_OCTETS + int.from_bytes(buffer[:_LENGTH_OCTETS], "big")
            if len(buffer) < end:
                return
            message = bytes(buffer[_LENGTH_OCTETS:end])
            del buffer[:end]
            yield message
