"""What stands after the @ of a node in an env.sh: an address, a short name, a long one, or what only the pod knows.

Source: hostname(1); Kubernetes, "Expose Pod Information to Containers Through Environment Variables".
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from podname.erlang.nodename import is_address
from podname.erlang.shell import Piece

_CHANGES = re.compile(r"\b(tr|sed)\b")
_ADDRESS_COMMAND = re.compile(
    r"\s*hostname\s+(-i|-I|--ip-address|--all-ip-addresses)\b|\s*(ip\s+(-\S+\s+)*(a|addr|address|r|route)|ifconfig)\b"
)
_LONG_COMMAND = re.compile(r"\s*hostname\s+(-f|--fqdn|--long)\s*")
_SHORT_COMMAND = re.compile(
    r"\s*(hostname(\s+(-s|--short))?|uname\s+-n|cat\s+/etc/hostname|</etc/hostname)\s*"
)
_ADDRESS_VARIABLE = re.compile(r"(\w+_)?(IP|IPV4|POD_?IP)", re.IGNORECASE)
_SHORT_VARIABLE = re.compile(r"HOSTNAME|(\w+_)?POD_NAME|\w+%%?\.\*")


@dataclass(frozen=True, slots=True)
class Host:
    """What is known of it; all false when nothing is."""

    is_address: bool = False
    is_short: bool = False
    has_dot: bool = False

    @classmethod
    def of(cls, value: tuple[Piece, ...]) -> Host:
        """Judge the pieces of a host."""
        text = "".join(each.text for each in value if each.kind == "text")
        kinds = [_kind(each) for each in value if each.kind != "text"]
        if (not kinds and _is_ipv4(text)) or (not text and kinds == ["address"]):
            return cls(is_address=True)
        has_dot = "." in text or "long" in kinds or "address" in kinds
        is_known = bool(text or kinds) and all(kinds) and ":" not in text
        return cls(has_dot=has_dot, is_short=is_known and not has_dot)


def _kind(piece: Piece) -> str:
    text = piece.text
    if piece.kind == "parameter":
        if _ADDRESS_VARIABLE.fullmatch(text):
            return "address"
        return "short" if _SHORT_VARIABLE.fullmatch(text) else ""
    if _ADDRESS_COMMAND.match(text):
        return "" if _CHANGES.search(text) else "address"
    if _LONG_COMMAND.fullmatch(text):
        return "long"
    return "short" if _SHORT_COMMAND.fullmatch(text) else ""


def _is_ipv4(text: str) -> bool:
    return ":" not in text and is_address(text)
