"""Zones as a Corefile writes them: domains, or networks that stand for their reverse zones.

A reverse zone holds the names of addresses: that of 10.1.2.3 is `3.2.1.10.in-addr.arpa.`, and all that begin with 10.1
are in the zone `1.10.in-addr.arpa.`. A label holds 8 bits of an IPv4 address and 4 of an IPv6 address. A network whose
prefix ends within a label stands for several zones: `10.0.0.0/15` is `0.10.in-addr.arpa.` and `1.10.in-addr.arpa.`.
The keys of server blocks and the zones that a directive names follow the same rules.

Sources: CoreDNS plugin/normalize.go, plugin/pkg/cidr; RFC 1035 §3.5, RFC 3596 §2.5. Not RFC 2317.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable

from podname.corefile.tree import Token
from podname.dns import names
from podname.errors import CorefileError
from podname.text import shown

#: The schemes of a key and the port that each listens on; None is the port of `-dns.port`.
SCHEME_PORTS = {"dns": None, "tls": 853, "quic": 853, "grpc": 443, "https": 443, "https3": 443}
PORT_MAX = 65535

_PORT = re.compile(r"(.*):([+-]?[0-9]{1,18})", re.DOTALL | re.ASCII)
_PREFIX = re.compile(r"[0-9]{1,3}", re.ASCII)
_TEXT_OCTETS_MAX = 255


class BadZone(ValueError):
    """A word is neither a zone nor a network."""


def normalize_zones(words: Iterable[str | Token]) -> list[str]:
    """Return the zones that `words` stand for: lower case, with their last dot, networks expanded.

    A scheme and a port are dropped. Raises CorefileError, at the place of the word if it has one.
    """
    return [zone for word in words for zone in _zones_of(word)]


def good_zones(words: Iterable[Token], warn: Callable[[str], None]) -> list[Token]:
    """Return the words that are zones. CoreDNS leaves the others out without a word; this warns of them."""
    good = []
    for word in words:
        try:
            _zones_of(word)
        except CorefileError as error:
            warn(f"{error}: it is left out")
        else:
            good.append(word)
    return good


def reverse_zones(network: str) -> list[str] | None:
    """Return the reverse zones that together are `network` (`address/prefix`), None if it is not a network."""
    parsed = _network(network)
    if parsed is None:
        return None
    if network[0] == ":" or (network[0] == "0" and ":" in network):
        raise BadZone(f"'{network}' is not a network that can be written as reverse zones")
    bits = 8 if parsed.version == 4 else 4
    labels = -(-parsed.prefixlen // bits)  # rounded up
    return [_reverse_zone(part, labels) for part in parsed.subnets(new_prefix=labels * bits)]


def split_scheme(text: str) -> tuple[str, str]:
    """Split `scheme://rest`; without a scheme it is `dns`. Raises BadZone for an unknown one."""
    scheme, separator, rest = text.partition("://")
    if not separator:
        return "dns", text
    if scheme not in SCHEME_PORTS or "://" in rest:
        raise BadZone(f"unknown scheme in '{shown(text)}': use one of {', '.join(SCHEME_PORTS)}")
    return scheme, rest


def split_port(text: str) -> tuple[list[str], int | None]:
    """Return the zones and the port of `zone[:port]`. Raises BadZone."""
    if not text:
        raise BadZone("the zone is empty: write '.' for the root")
    if text.endswith(":"):
        raise BadZone(f"expecting data after last colon: '{shown(text)}'")
    port = None
    if match := _PORT.fullmatch(text):
        text, port = match[1], int(match[2])
        if not 0 <= port <= PORT_MAX:
            raise BadZone(f"port {port} is not in range [0, {PORT_MAX}]")
    return _expand(text), port


def _zones_of(word: str | Token) -> list[str]:
    text, place = (word, None) if isinstance(word, str) else (word.text, word.place)
    try:
        return split_port(split_scheme(text)[1])[0]
    except BadZone as error:
        raise CorefileError(str(error), place) from None


def _expand(text: str) -> list[str]:
    if len(text.encode("utf-8", "surrogateescape")) > _TEXT_OCTETS_MAX:
        raise BadZone(f"specified zone is too long: '{shown(text)}'")
    if not text or "\\" in text:
        raise BadZone(f"zone is not a valid domain name: '{shown(text)}'")
    try:
        names.from_text(text)
    except names.BadName as error:
        raise BadZone(f"zone is not a valid domain name: '{shown(text)}': {error}") from None
    zones = reverse_zones(text)
    return [_normal(text)] if zones is None else zones


def _normal(text: str) -> str:
    """Lower the ASCII letters alone (RFC 4343) and add the last dot."""
    octets = text.removesuffix(".").encode("utf-8", "surrogateescape")
    return octets.lower().decode("utf-8", "surrogateescape") + "."


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    address, separator, prefix = text.partition("/")
    if not separator or "%" in address or not _PREFIX.fullmatch(prefix):
        return None
    try:
        return ipaddress.ip_network((ipaddress.ip_address(address), int(prefix)), strict=False)
    except ValueError:
        return None


def _reverse_zone(network: ipaddress.IPv4Network | ipaddress.IPv6Network, labels: int) -> str:
    pointer = network.network_address.reverse_pointer.split(".")
    return ".".join(pointer[len(pointer) - 2 - labels :]) + "."
