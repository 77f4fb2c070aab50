"""Domain names as octets: labels with their lengths, ended by the root's zero octet, uncompressed.

A name of a table is *folded*: its ASCII letters are lower case (RFC 4343). `bytes.lower` does that to a whole
name at once, for a length octet (at most 63) is below every capital letter.

Sources: RFC 1035 §2.3.4, §3.1; RFC 4343.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Set

ROOT = b"\x00"
LABEL_OCTETS_MAX = 63
NAME_OCTETS_MAX = 255
_ESCAPED = b". '@;()\"\\"
_ESCAPE = re.compile(rb"\\(\d{3}|.)", re.DOTALL)
_LABEL = re.compile(rb"(?:[^.\\]|\\\d{3}|\\.)*", re.DOTALL)


class BadName(ValueError):
    """A text is no domain name: a label or the whole name is empty or too long."""


def from_text(text: str) -> bytes:
    """Turn an absolute name in text (the last dot may be missing) into folded octets.

    Raises BadName for an empty label, one over 63 octets, or a name over 255.
    """
    if text in {"", "."}:
        return ROOT
    return from_labels(text.removesuffix(".").split("."), ROOT)


def from_labels(labels: list[str], parent: bytes) -> bytes:
    """Put `labels` (text, leftmost first) before the name `parent`. Raises BadName."""
    parts = []
    for label in labels:
        octets = label.encode("utf-8", "surrogateescape").lower()
        if not 0 < len(octets) <= LABEL_OCTETS_MAX:
            raise BadName(f"label {label!r} has {len(octets)} octets, 1 to 63 are allowed")
        parts.append(bytes((len(octets),)) + octets)
    name = b"".join(parts) + parent
    if len(name) > NAME_OCTETS_MAX:
        raise BadName(f"a name of {len(name)} octets, at most 255 are allowed")
    return name


def to_text(octets: bytes) -> str:
    r"""Show a name as text with its last dot, `\DDD` for what is not printable (RFC 4343 §2.1; miekg/dns)."""
    if octets == ROOT:
        return "."
    return "".join(_label_text(label) + "." for label in labels_of(octets))


def from_escaped(text: str) -> bytes:
    r"""Turn what `to_text` shows back into octets, in its own case; the last dot may be missing.

    Raises BadName for an empty label, one over 63 octets, a name over 255, or an escape that ends too soon.
    """
    octets, labels, at = text.encode("utf-8", "surrogateescape").removesuffix(b"."), [], 0
    if text == ".":
        return ROOT
    while at <= len(octets):
        end = _label_end(octets, at)
        label = _ESCAPE.sub(_unescaped, octets[at:end])
        if not 0 < len(label) <= LABEL_OCTETS_MAX:
            raise BadName(f"a label of {len(label)} octets, 1 to 63 are allowed")
        labels.append(bytes((len(label),)) + label)
        at = end + 1
    name = b"".join(labels) + ROOT
    if len(name) > NAME_OCTETS_MAX:
        raise BadName(f"a name of {len(name)} octets, at most 255 are allowed")
    return name


def labels_of(octets: bytes) -> list[bytes]:
    """Return the labels of a well-formed name, leftmost first, without the root."""
    labels, at = [], 0
    while length := octets[at]:
        labels.append(octets[at + 1 : at + 1 + length])
        at += 1 + length
    return labels


def starts_of(octets: bytes) -> list[int]:
    """Return the offset of each label and of the root. Raises ValueError or IndexError when the octets are no name."""
    starts, at = [], 0
    while length := octets[at]:
        if length > LABEL_OCTETS_MAX:
            raise ValueError("a pointer, or a label of a reserved type")
        starts.append(at)
        at += 1 + length
    if at + 1 != len(octets) or at >= NAME_OCTETS_MAX:
        raise ValueError("a name that is too long, or something behind it")
    starts.append(at)
    return starts


def parent_of(octets: bytes) -> bytes:
    """Return the name without its leftmost label; the root has no parent and must not be asked for one."""
    return octets[1 + octets[0] :]


def is_subdomain(octets: bytes, zone: bytes) -> bool:
    """Return whether a folded name is at or below a folded `zone`."""
    if not octets.endswith(zone):
        return False
    at, start = 0, len(octets) - len(zone)
    while at < start:
        at += 1 + octets[at]
    return at == start


def longest_match(octets: bytes, zones: Set[bytes] | Mapping[bytes, object]) -> bytes | None:
    """Find the longest of `zones` that the folded name is at or below. O(labels)."""
    while octets not in zones:
        if octets == ROOT:
            return None
        octets = octets[1 + octets[0] :]
    return octets


def _label_end(octets: bytes, at: int) -> int:
    found = _LABEL.match(octets, at)
    end = found.end() if found else at
    if end < len(octets) and octets[end] != ord("."):
        raise BadName("an escape that ends too soon")
    return end


def _unescaped(found: re.Match[bytes]) -> bytes:
    digits = found[1]
    return bytes((int(digits) & 0xFF,)) if len(digits) == 3 else digits


def _label_text(label: bytes) -> str:
    return "".join(
        "\\" + chr(octet)
        if octet in _ESCAPED
        else chr(octet)
        if 0x20 < octet <= 0x7E
        else f"\\{octet:03d}"
        for octet in label
    )
