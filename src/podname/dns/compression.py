"""Names in messages, compressed or not, and where they stand in RDATA.

Sources: RFC 1035 §3.3, §4.1.4; RFC 2782 (SRV); RFC 3597 §4 (which names may be compressed); RFC 6672 (DNAME).
"""

from __future__ import annotations

from collections.abc import Iterator

from podname.dns import constants as c
from podname.dns.names import NAME_OCTETS_MAX

#: Types whose RDATA hold names: octets before the names, how many names, whether they may be compressed.
NAMES = {
    c.NS: (0, 1, True),
    c.CNAME: (0, 1, True),
    c.SOA: (0, 2, True),
    c.PTR: (0, 1, True),
    c.MX: (2, 1, True),
    c.SRV: (6, 1, False),
    c.DNAME: (0, 1, False),
}


def expand(octets: bytes, at: int) -> bytes:
    """Return the name at `at`, without pointers. Raises IndexError or ValueError when it is malformed."""
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


def skip_name(octets: bytes, at: int) -> int:
    """Return the offset behind the name at `at`. Raises IndexError or ValueError when it is cut or malformed."""
    while length := octets[at]:
        if length >= 0xC0:
            return at + 2
        if length > 63:
            raise ValueError("a label of a reserved type")
        at += 1 + length
    return at + 1


def names_in_rdata(octets: bytes, rtype: int, rdata: int) -> Iterator[tuple[int, bytes]]:
    """Yield each name in RDATA that begins at `rdata`: the offset behind it, and the name without pointers.

    Raises IndexError or ValueError when one is cut, leads nowhere, or goes round in circles.
    """
    before, names, _ = NAMES.get(rtype, (0, 0, False))
    at = rdata + before
    for _ in range(names):
        name, at = expand(octets, at), skip_name(octets, at)
        yield at, name
