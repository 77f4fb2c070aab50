"""The upstreams that `forward FROM TO...` names: addresses with a transport, or files like resolv.conf that hold some.

Sources: CoreDNS plugin/pkg/parse host.go; resolv.conf(5); miekg/dns clientconfig.go.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from podname.corefile import Line, Token
from podname.corefile.properties import ReadContext
from podname.plugins.forward.address import Address

UPSTREAMS_MOST = 15
#: The transports there are, and their ports.
PORTS = {"dns": 53, "tls": 853, "https": 443}

_SCHEME = re.compile(r"([a-z0-9]+)://(.*)", re.DOTALL)
_WITH_PORT = re.compile(r"(?:\[([^\]]*)\]|([^:]*)):([0-9]*)")
_WITH_NAME = re.compile(r"(.*)%([^%:\]]+)(\]?(?::[0-9]+)?)", re.DOTALL)
_LATER_SCHEMES = frozenset({"quic", "https3", "grpc", "unix"})


def addresses_of(
    line: Line,
    tokens: Iterable[Token],
    context: ReadContext,
    source: str | None,
    server_name: str | None,
) -> tuple[Address, ...]:
    """Return the upstreams in the order of the Corefile, each once. Raises CorefileError."""
    found: dict[Address, None] = {}
    for token in tokens:
        for address in _of_token(line, token, context, server_name):
            found[replace(address, source=source)] = None
    if not found:
        raise line.error("no valid upstream addresses found")
    return tuple(found)


def _of_token(
    line: Line, token: Token, context: ReadContext, server_name: str | None
) -> list[Address]:
    transport, text = _scheme(line, token)
    if transport == "dns":
        server_name = None
    else:
        text, own = _server_name(text)
        if own and transport == "tls" and server_name:
            message = f"both tls_servername '{server_name}' and '%{own}' name the server"
            raise line.error(message, token)
        if transport == "tls":
            server_name = own or server_name
    default = PORTS[transport]
    address = _host_and_port(line, token, text, default)
    if address is not None:
        return [Address(*address, transport=transport, server_name=server_name)]
    if transport == "https" and "/" in text:
        message = f"paths are not allowed in HTTPS upstreams, '/dns-query' is used: {token.text}"
        raise line.error(message, token)
    path = context.folder / text
    if path.is_file():
        found = _of_file(line, token, path, context.warn)
        return [Address(host, default, None, transport, server_name) for host in found]
    if "/" in text:
        raise line.error(f"the file of upstreams '{text}' cannot be found", token)
    raise line.error(
        f"'{text}' is neither an IP address nor a file; a hostname as upstream is not supported yet",
        token,
    )


def _scheme(line: Line, token: Token) -> tuple[str, str]:
    """Return the transport and what stands behind it."""
    match = _SCHEME.fullmatch(token.text)
    if match is None:
        return "dns", token.text
    if match[1] in PORTS:
        return match[1], match[2]
    if match[1] in _LATER_SCHEMES:
        raise line.error(f"upstreams over {match[1]}:// are not supported yet", token)
    raise line.error(f"'{match[1]}' is not supported as a destination protocol in forward", token)


def _server_name(text: str) -> tuple[str, str | None]:
    """Split `IP%NAME`, `IP%NAME:PORT`, `[IP%NAME]:PORT`."""
    match = _WITH_NAME.fullmatch(text)
    return (match[1] + match[3], match[2]) if match else (text, None)


def _host_and_port(line: Line, token: Token, text: str, default: int) -> tuple[str, int] | None:
    """Read `IP`, `IP:PORT`, `[IP]`, `[IP]:PORT`; None when it is no address."""
    if host := _ip(text.removeprefix("[").removesuffix("]")):
        return host, default
    match = _WITH_PORT.fullmatch(text)
    host = _ip(match[1] or match[2] or "") if match else None
    if match is None or host is None:
        return None
    port = int(match[3] or 0)
    if not 0 < port < 65536:
        raise line.error(f"'{match[3]}' is not a port", token)
    return host, port


def _ip(text: str) -> str | None:
    if "]" in text:  # a zone may hold anything else
        return None
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None


def _of_file(line: Line, token: Token, path: Path, warn: Callable[[str], None]) -> list[str]:
    try:
        text = path.read_text("utf-8", "surrogateescape")
    except OSError as error:
        raise line.error(f"cannot read the upstreams in {path}: {error.strerror}", token) from None
    found = []
    for number, words in enumerate(map(str.split, text.splitlines()), 1):
        if words[:1] != ["nameserver"] or len(words) < 2:
            continue
        if host := _ip(words[1]):
            found.append(host)
        else:
            warn(f"{path}:{number}: '{words[1]}' is not an IP address, the name server is left out")
    if not found:
        warn(f"{path}: it names no name server")
    return found
