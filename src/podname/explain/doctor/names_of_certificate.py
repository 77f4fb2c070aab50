"""The names in an X.509 certificate: its DNS and address subjectAltNames or, without any, its common name.

Python shows a certificate's names only when it has verified it. Whether the nodes trust it is their affair and not
ours, so the few octets are read here.

Sources: RFC 5280 §4.1, §4.2.1.6; X.690 §8.1; OTP public_key:pkix_verify_hostname/3.
"""

from __future__ import annotations

from collections.abc import Iterator

from podname.wire import addresses

_SEQUENCE, _OCTET_STRING, _OID = 0x30, 0x04, 0x06
_EXTENSIONS, _VERSION = 0xA3, 0xA0
_DNS_NAME, _IP_ADDRESS = 0x82, 0x87
_SUBJECT_ALT_NAME = b"\x55\x1d\x11"
_COMMON_NAME = b"\x55\x04\x03"


def names_of(certificate: bytes) -> tuple[str, ...]:
    """Give the names in a certificate in DER. Raises ValueError when it is none."""
    parts = list(_children(_only(_only(certificate))))
    skip = 1 if parts and parts[0][0] == _VERSION else 0
    if len(parts) < skip + 5:
        raise ValueError("this is no certificate")
    alternative = _alternative_names(parts)
    return alternative or _common_names(parts[skip + 4][1])


def _alternative_names(parts: list[tuple[int, bytes]]) -> tuple[str, ...]:
    for tag, content in parts:
        if tag == _EXTENSIONS:
            for _, extension in _children(_only(content)):
                fields = list(_children(extension))
                if fields[:1] == [(_OID, _SUBJECT_ALT_NAME)]:
                    return tuple(_general_names(_only(fields[-1][1])))
    return ()


def _general_names(content: bytes) -> Iterator[str]:
    for tag, name in _children(content):
        if tag == _DNS_NAME:
            yield name.decode("ascii", "replace")
        elif tag == _IP_ADDRESS and len(name) in {4, 16}:
            yield addresses.to_text(name)


def _common_names(subject: bytes) -> tuple[str, ...]:
    names = []
    for _, relative in _children(subject):
        for _, attribute in _children(relative):
            fields = list(_children(attribute))
            if fields[:1] == [(_OID, _COMMON_NAME)]:
                names.append(fields[-1][1].decode("utf-8", "replace"))
    return tuple(names)


def _only(octets: bytes) -> bytes:
    """Give the content of the first element."""
    for _, content in _children(octets):
        return content
    raise ValueError("this is no certificate")


def _children(octets: bytes) -> Iterator[tuple[int, bytes]]:
    """Give tag and content of one element after the other. Raises ValueError."""
    at = 0
    while at < len(octets):
        tag, length, at = _head(octets, at)
        if at + length > len(octets):
            raise ValueError("this is no certificate: an element is longer than the whole")
        yield tag, octets[at : at + length]
        at += length


def _head(octets: bytes, at: int) -> tuple[int, int, int]:
    if at + 2 > len(octets):
        raise ValueError("this is no certificate: it breaks off")
    tag, length = octets[at], octets[at + 1]
    at += 2
    if length & 0x80:
        count = length & 0x7F
        length = int.from_bytes(octets[at : at + count], "big")
        at += count
    return tag, length, at
