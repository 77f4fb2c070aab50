"""What expressions of `view` and `template` may ask about a query.

Source: CoreDNS 1.15.0 plugin/pkg/expression.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from podname.corefile import Line
from podname.corefile.properties import ReadContext
from podname.dns import constants as c
from podname.dns.names import to_text
from podname.dns.query import Query
from podname.dns.texts import class_text, type_text
from podname.expression import (
    BOOL,
    INT,
    STRING,
    BadExpression,
    Expression,
    ExpressionError,
    Signature,
    Type,
    compile_expression,
)
from podname.plugins.base import Request

_MAPPED, _MAPPED_BITS = IPv6Network("::ffff:0:0/96"), 96

#: The functions, by what they take and give.
KNOWN: dict[str, Signature | Type] = {
    "incidr": Signature((STRING, STRING), BOOL),
    "metadata": Signature((STRING,), STRING),
    **dict.fromkeys(("type", "name", "class", "proto"), Signature((), STRING)),
    **dict.fromkeys(("client_ip", "port", "server_ip", "server_port"), Signature((), STRING)),
    **dict.fromkeys(("id", "opcode", "bufsize", "size"), Signature((), INT)),
    "do": Signature((), BOOL),
}


def expression(line: Line, known: Mapping[str, Signature | Type], start: int = 0) -> Expression:
    """Read the words of a line from `start` on as one expression. Raises CorefileError."""
    try:
        return compile_expression(" ".join(line.words()[start:]), known)
    except BadExpression as error:
        raise line.error(f"could not compile expression: {error}", line.arguments[start]) from None


def condition(
    line: Line, known: Mapping[str, Signature | Type], context: ReadContext
) -> Expression:
    """Read a line as an expression that says yes or no; warn of one that never can. Raises CorefileError."""
    found = expression(line, known)
    if not found.type.may_be("bool"):
        place = line.arguments[0].place
        context.warn(f"{place}: this expression gives {found.type}, so it is never true")
    return found


def values(request: Request) -> dict[str, Any]:
    """Return the functions for one query."""
    query, client = request.query, request.client
    return {
        "incidr": is_in_network,
        "metadata": request.metadatum,
        "type": lambda: type_text(query.qtype),
        "name": lambda: to_text(query.folded),
        "class": lambda: class_text(query.qclass),
        "proto": lambda: client.protocol,
        "client_ip": lambda: client.address,
        "port": lambda: str(client.port),
        "server_ip": lambda: client.server_address or "::",
        "server_port": lambda: client.server_port,
        "id": lambda: query.message_id,
        "opcode": lambda: query.flags >> 11 & 0xF,
        "bufsize": lambda: _buffer_octets(query, client.protocol),
        "size": lambda: len(query.packet),
        "do": lambda: query.edns is not None and query.edns.dnssec_ok,
    }


def is_in_network(address: str, network: str) -> bool:
    """Return whether an address lies in a network. Raises ExpressionError."""
    try:
        ip = ip_address(address)
    except ValueError:
        raise ExpressionError("first argument is not an IP address") from None
    if isinstance(ip, IPv6Address) and ip.scope_id:
        raise ExpressionError("first argument is not an IP address")
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    return ip in _network(network)


@lru_cache(maxsize=1024)
def _network(text: str) -> IPv4Network | IPv6Network:
    address, _, bits = text.partition("/")
    try:  # a mask in the place of the length, which Python takes, is none to Go
        network = ip_network((address, int(bits)), strict=False)
    except ValueError:
        raise ExpressionError(f"invalid CIDR address: {text}") from None
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        mapped = network.network_address.ipv4_mapped
        return ip_network(f"{mapped}/{network.prefixlen - _MAPPED_BITS}")
    return network


def _buffer_octets(query: Query, protocol: str) -> int:
    """Return the size of the largest response that the client says it takes."""
    return c.MESSAGE_OCTETS_MAX if protocol == "tcp" else query.udp_octets
