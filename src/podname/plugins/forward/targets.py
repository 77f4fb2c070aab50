"""The upstreams that `forward FROM TO...` names: addresses, or files like resolv.conf that hold some.

Sources: CoreDNS plugin/pkg/parse host.go; resolv.conf(5); miekg/dns clientconfig.go.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from podname.corefile import Line, Token
from podname.plugins.forward.address import Address

PORTS = {"dns": 53, "tls": 853}
UPSTREAMS_MOST = 15

_SCHEME = re.compile(r"([a-z0-9]+)://(.*)", re.DOTALL)
_WITH_SERVER_NAME = re.compile(r"(\[?[^%\]]*)%([^\]:]*)(\])?(:[0-9]*)?")
_WITH_PORT = re.compile(r"(?:\[([^\]]*)\]|([^:]*)):([0-9]*)")
_LATER = frozenset({"https", "quic", "https3", "grpc", "unix"})


def addresses_of(
    line: Line,
    tokens: Iterable[Token],
    folder: Path,
    source: str | None,
    warn: Callable[[str], None],
) -> tuple[Address, ...]:
    """Return the upstreams in the order of the Corefile, each once. Raises CorefileError."""
    found: dict[Address, None] = {}
    for token in tokens:
        for address in _of_token(line, token, folder, warn):
            found[replace(address, source=source)] = None
    if not found:
        raise line.error("no valid upstream addresses found")
    return tuple(found)


def _of_token(line: Line, token: Token, folder: Path, warn: Callable[[str], None]) -> list[Address]:
    scheme, text = _scheme_of(line, token)
    text, server_name = _without_server_name(text) if scheme == "tls" else (text, "")
    found = _host_and_port(line, token, text, PORTS[scheme])
    if found is not None:
        return [Address(*found, scheme=scheme, server_name=server_name)]
    if scheme != "dns":
        message = f"'{text}' is not an IP address; a hostname as upstream is not supported yet"
        raise line.error(message, token)
    path = folder / text
    if path.is_file():
        return _of_file(line, token, path, warn)
    if "/" in text:
        raise line.error(f"the file of upstreams '{text}' cannot be found", token)
    raise line.error(
        f"'{text}' is neither an IP address nor a file; a hostname as upstream is not supported yet",
        token,
    )


def _scheme_of(line: Line, token: Token) -> tuple[str, str]:
    match = _SCHEME.fullmatch(token.text)
    if match is None:
        return "dns", token.text
    if match[1] in PORTS:
        return match[1], match[2]
    if match[1] in _LATER:
        message = f"upstreams over {match[1]}:// are not supported yet, only dns:// and tls://"
        raise line.error(message, token)
    raise line.error(f"'{match[1]}' is not supported as a destination protocol in forward", token)


def _without_server_name(text: str) -> tuple[str, str]:
    """Take `%NAME` out of `IP%NAME:PORT` and `[IP%NAME]:PORT`. CoreDNS knows no zones of addresses here."""
    match = _WITH_SERVER_NAME.fullmatch(text)
    if match is None:
        return text, ""
    return f"{match[1]}{match[3] or ''}{match[4] or ''}", match[2]


def _host_and_port(line: Line, token: Token, text: str, port: int) -> tuple[str, int] | None:
    """Read `IP`, `IP:PORT`, `[IP]`, `[IP]:PORT`; None when it is no address."""
    if host := _ip(text.removeprefix("[").removesuffix("]")):
        return host, port
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


def _of_file(line: Line, token: Token, path: Path, warn: Callable[[str], None]) -> list[Address]:
    try:
        text = path.read_text("utf-8", "surrogateescape")
    except OSError as error:
        raise line.error(f"cannot read the upstreams in {path}: {error.strerror}", token) from None
    found = []
    for number, words in enumerate(map(str.split, text.splitlines()), 1):
        if words[:1] != ["nameserver"] or len(words) < 2:
            continue
        if host := _ip(words[1]):
            found.append(Address(host, PORTS["dns"]))
        else:
            warn(f"{path}:{number}: '{words[1]}' is not an IP address, the name server is left out")
    if not found:
        warn(f"{path}: it names no name server")
    return found
