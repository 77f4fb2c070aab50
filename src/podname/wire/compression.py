"""Names in messages, compressed or not, as names of their own.

Source: RFC 1035 §4.1.4.
"""

from __future__ import annotations

from podname.wire.names import NAME_OCTETS_MAX


def expand(octets: bytes, at: int) -> bytes:
    """Give the name at `at`, without pointers. Raises IndexError or ValueError when it is malformed."""
    labels, length = [], 1
    while size := octets[at]:
        if size >= 0xC0:
            to = (size & 0x3F) << 8 | octets[at + 1]
            if to >= at:
                raise ValueError("a compression pointer that does not point back")
            at = to
            continue
        if size > 63:
            raise ValueError("a label of a reserved type")
        length += 1 + size
        if length > NAME_OCTETS_MAX:
            raise ValueError("a name of more than 255 octets")
        labels.append(octets[at : at + 1 + size])
        at += 1 + size
    return b"".join(labels) + b"\x00"
