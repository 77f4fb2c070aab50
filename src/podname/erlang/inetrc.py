"""An inetrc that holds: which lines, and in which order.

*additive*: the VM asks cluster DNS as before, and podname only for what cluster DNS does not know. Names with a
dot only: Erlang never asks an alternative nameserver for a short one.

*full*: the VM asks podname alone, which forwards what it does not know itself. Short names are found, too.

Either says with EDNS how large an answer may be. Without it one of more than 512 octets comes truncated, and is asked
for again over TCP; OTP 28.4.2 and what was taken back from it (Debian's 27.3.4.1) take it for malformed instead. Over
TCP from the beginning (`over_tcp`) no answer is truncated.

Sources: ERTS User's Guide, "Inet Configuration"; `inetrc_state` for the order; Erlang/OTP inet_res for the times;
erlang/otp#11114; RFC 9715 (1,232 octets).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from podname.dns.nameserver import Nameserver

Way = Literal["additive", "full"]

_SIZE = """\
{edns, 0}.
{udp_payload_size, 1232}. % six nodes fill 512 octets, and not every OTP gets the rest
"""
_OVER_TCP = """\
{usevc, true}.            % DNS over TCP: an answer of any size arrives whole
{timeout, 150}.           % of which the VM waits five times as long over TCP
{retry, 2}.
"""
_PATIENCE = """\
{timeout, 1000}.
{retry, 2}.               % a nameserver that is silent costs 1.5 s; without these lines 4.7 s
"""


def inetrc(
    nameserver: Nameserver,
    way: Way = "additive",
    domain: str = "",
    searches: Sequence[str] = (),
    *,
    over_tcp: bool = False,
) -> str:
    """Write an inetrc. `domain` completes the name of a node that is started with `-name app`."""
    lines = _additive(nameserver) if way == "additive" else _full(nameserver, searches)
    if domain:
        lines += f"{{domain, {_quoted(domain)}}}.   % `-name app` is app@<pod>.{domain}\n"
    return (
        lines
        + "{lookup, [file, dns]}.    % not the C library, which knows nothing of this file\n"
        + (_OVER_TCP if over_tcp else _SIZE + _PATIENCE)
    )


def _additive(nameserver: Nameserver) -> str:
    return (
        "% Made by podname. Cluster DNS is asked first; podname for names with a dot that it does not know.\n"
        f"{{alt_nameserver, {_tuple(nameserver)}, {nameserver.port}}}.\n"
    )


def _full(nameserver: Nameserver, searches: Sequence[str]) -> str:
    listed = ", ".join(map(_quoted, searches))
    return (
        "% Made by podname. The order matters.\n"
        '{resolv_conf, ""}.        % first: else the nameserver is taken from /etc/resolv.conf\n'
        f"{{nameserver, {_tuple(nameserver)}, {nameserver.port}}}.\n"
    ) + (f"{{search, [{listed}]}}.\n" if searches else "")


def _tuple(nameserver: Nameserver) -> str:
    packed, size = nameserver.address.packed, 1 if nameserver.address.version == 4 else 2
    parts = (packed[at : at + size] for at in range(0, len(packed), size))
    return "{" + ",".join(str(int.from_bytes(part, "big")) for part in parts) + "}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
