"""IP addresses as the octets of A and AAAA records, and the names that spell them.

An address has 4 or 16 octets; an IPv4-mapped IPv6 address (`::ffff:10.0.0.1`) is the IPv4 address that it stands for,
as it is for Go's `net.IP.To4`, which CoreDNS asks.

Sources: RFC 1035 §3.5 (in-addr.arpa); RFC 3596 §2.5 (ip6.arpa); CoreDNS plugin/kubernetes `findPods`.
"""

from __future__ import annotations

from functools import lru_cache
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton

from podname.dns import constants as c
from podname.dns.names import labels_of

_MAPPED = b"\x00" * 10 + b"\xff\xff"
_IN_ADDR_ARPA = b"\x07in-addr\x04arpa\x00"
_IP6_ARPA = b"\x03ip6\x04arpa\x00"
_DECIMAL = [bytes((len(str(octet)),)) + str(octet).encode() for octet in range(256)]
_NIBBLES = [b"\x01%x\x01%x" % (octet & 15, octet >> 4) for octet in range(256)]


@lru_cache(maxsize=4096)  # an address comes by as pod, endpoint and PTR record
def parse(text: str) -> bytes | None:
    """Turn an address in text into its octets; None when it is none (leading zeros and zones are refused)."""
    try:
        if ":" not in text:
            return inet_pton(AF_INET, text)
        octets = inet_pton(AF_INET6, text)
    except (OSError, ValueError):  # ValueError: a NUL or a surrogate inside
        return None
    return octets[12:] if octets.startswith(_MAPPED) else octets


def to_text(octets: bytes) -> str:
    """Show an address in its canonical form (RFC 5952)."""
    return inet_ntop(AF_INET if len(octets) == 4 else AF_INET6, octets)


def rtype_of(octets: bytes) -> int:
    """Return the type of the record that holds this address: A or AAAA."""
    return c.A if len(octets) == 4 else c.AAAA


@lru_cache(maxsize=1024)
def from_dashed(label: bytes) -> bytes | None:
    """Read a folded label that spells an address with dashes; None when it spells none.

    Three single dashes stand for the dots of IPv4 (`10-0-0-1`), otherwise each dash is a colon (`fd00--1`).
    """
    if b"-" not in label:
        return None
    text = label.decode("latin-1")
    if text.count("-") == 3 and "--" not in text:
        return parse(text.replace("-", "."))
    return parse(text.replace("-", ":"))


def to_dashed(text: str) -> str:
    """Spell an address for an endpoint's name: `10-0-0-1`; IPv6 that would end in a dash gets a `0`."""
    if "." in text:
        return text.replace(".", "-")
    dashed = text.replace(":", "-")
    return dashed + "0" if dashed.endswith("-") else dashed


def reverse_of(octets: bytes) -> bytes:
    """Return the owner of an address's PTR records, under in-addr.arpa or ip6.arpa."""
    if len(octets) == 4:
        one, two, three, four = octets
        return _DECIMAL[four] + _DECIMAL[three] + _DECIMAL[two] + _DECIMAL[one] + _IN_ADDR_ARPA
    return b"".join([_NIBBLES[octet] for octet in reversed(octets)]) + _IP6_ARPA


def from_reverse(owner: bytes) -> bytes | None:
    """Read the owner of an address's PTR records; None when it is none, as a part of an address."""
    *digits, _, _ = labels_of(owner) if owner.endswith((_IN_ADDR_ARPA, _IP6_ARPA)) else (b"", b"")
    separator = b"." if owner.endswith(_IN_ADDR_ARPA) else b""
    text = separator.join(reversed(digits)).decode("latin-1")
    try:
        octets = parse(text) if separator else bytes.fromhex(text)
    except ValueError:
        return None
    return octets if octets and len(octets) in {4, 16} and reverse_of(octets) == owner else None
