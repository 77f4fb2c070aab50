"""How Erlang nodes here are started, as the environment tells it: a release's variables and the emulator's flags.

A release's script reads `RELEASE_NODE`, `RELEASE_DISTRIBUTION` and `RELEASE_COOKIE`; the VM gets flags from
`ERL_AFLAGS` and its like (`vm_flags`). Flags win, and of several the first.

Sources: Elixir `mix release`; Erlang erl(1), inet's configuration (`ERL_INETRC`); net_kernel.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from podname.erlang import vm_flags
from podname.erlang.nodename import is_long

FORMS = {"name": "long", "sname": "short"}
"""The form of name for each flag, and for each value of RELEASE_DISTRIBUTION."""

EPMD_PORT = 4369
_DIGEST_CHARACTERS = 6


@dataclass(frozen=True)
class Cookie:
    """Where a cookie comes from, and the beginning of its SHA-256."""

    source: str
    digest: str


@dataclass(frozen=True)
class Erlang:
    """How nodes here are started, by the environment: a release's variables and the emulator's flags."""

    form: str = ""  # "long", "short" or unknown
    node: str = ""  # as given: `name` or `name@host`
    fixed_port: int = 0  # -erl_epmd_port
    epmd_port: int = EPMD_PORT
    family: str = "inet"  # or inet6
    is_tls: bool = False
    inetrc: str = ""  # the file's path
    epmd_module: str = ""


def erlang(variables: Mapping[str, str]) -> Erlang:
    """Read how nodes are started."""
    flags = _flags(variables)
    node = variables.get("RELEASE_NODE") or variables.get("RELEASE_NAME") or ""
    form = FORMS.get(variables.get("RELEASE_DISTRIBUTION", ""), "")
    for flag, said in FORMS.items():
        if flag in flags:
            form, node = said, flags[flag]
    host = node.partition("@")[2]
    protocol = flags.get("proto_dist", "inet_tcp")
    return Erlang(
        form=form or (("long" if is_long(host) else "short") if host else ""),
        node=node,
        fixed_port=number(flags.get("erl_epmd_port", "")),
        epmd_port=number(variables.get("ERL_EPMD_PORT", "")) or EPMD_PORT,
        family="inet6" if protocol.startswith("inet6") else "inet",
        is_tls=protocol.endswith("_tls"),
        epmd_module=flags.get("epmd_module", ""),
        inetrc=flags.get("kernel inetrc", "").strip('"') or variables.get("ERL_INETRC", ""),
    )


def cookie(variables: Mapping[str, str]) -> tuple[Cookie, str] | None:
    """Find the cookie that a node here would use: where it stands, and the secret itself."""
    for source, secret in (
        ("-setcookie", _flags(variables).get("setcookie", "")),
        ("RELEASE_COOKIE", variables.get("RELEASE_COOKIE", "")),
        *_cookie_files(variables),
    ):
        if secret:
            return described(source, secret), secret
    return None


def described(source: str, secret: str) -> Cookie:
    """Return what may be shown of a cookie: enough to compare two, too little to guess one."""
    digest = hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()
    return Cookie(source, digest[:_DIGEST_CHARACTERS])


def _cookie_files(variables: Mapping[str, str]) -> list[tuple[str, str]]:
    places = []
    if root := variables.get("RELEASE_ROOT"):
        places.append(Path(root, "releases", "COOKIE"))
    if home := variables.get("HOME"):
        places.append(Path(home, ".erlang.cookie"))
    return [(str(place), _content(place)) for place in places]


def _content(file: Path) -> str:
    try:
        return file.read_text("utf-8", "surrogateescape").strip()
    except OSError:
        return ""


def _flags(variables: Mapping[str, str]) -> dict[str, str]:
    """Give each flag its first argument, the first of several; `-kernel inetrc X` is the flag `kernel inetrc`."""
    found: dict[str, str] = {}
    for variable in vm_flags.VARIABLES:
        words = vm_flags.split(variable, variables.get(variable, ""))
        for flag, arguments in vm_flags.flags(words):
            if flag == "-kernel":
                for key, value in zip(arguments[::2], arguments[1::2], strict=False):
                    found.setdefault(f"kernel {key}", value)
            else:
                found.setdefault(flag[1:], next(iter(arguments), ""))
    return found


def number(text: str) -> int:
    """Read a port; 0 when it is none."""
    return int(text) if text.isascii() and text.isdecimal() and int(text) < 65536 else 0
