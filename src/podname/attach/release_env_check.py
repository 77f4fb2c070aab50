"""What is wrong with a release's env.sh: lines that look right and do nothing.

It reads assignments, one a line, and never runs the file; what it cannot read it says nothing about.

Source: mix help release; Erlang/OTP inet_config (a relative ERL_INETRC is not found), net_kernel (name forms).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from podname.attach.findings import Finding
from podname.errors import Place

_ASSIGNMENT = re.compile(r"^\s*(?P<export>export\s+)?(?P<name>[A-Za-z_]\w*)=(?P<value>.*?)\s*$")
_EXPORTED = re.compile(r"^\s*export\s+([A-Za-z_][\w\s]*)$")
_READ = (
    "RELEASE_NODE",
    "RELEASE_DISTRIBUTION",
    "RELEASE_COOKIE",
    "ERL_INETRC",
    "ERL_AFLAGS",
    "ERL_FLAGS",
    "ERL_ZFLAGS",
)
_FORMS = ("name", "sname", "none")


def check(octets: bytes, file: str) -> list[Finding]:
    """Tell what is wrong, in the order of the lines."""
    lines = octets.decode(errors="replace").split("\n")
    if octets.rstrip(b"\n").endswith(b"\r") or b"\r\n" in octets:
        return [
            Finding(
                Place(file, 1, 1), "lines end with CR LF: sh takes the CR for a part of each value"
            )
        ]
    found: list[Finding] = []
    assigned: dict[str, tuple[Place, str]] = {}
    exported: set[str] = set()
    for number, line in enumerate(lines, 1):
        exported.update(
            name for match in [_EXPORTED.match(line)] if match for name in match[1].split()
        )
        match = _ASSIGNMENT.match(line)
        if match:
            place = Place(file, number, match.start("name") + 1)
            assigned[match["name"]] = place, _unquoted(match["value"])
            exported.update([match["name"]] if match["export"] else [])
            found += _value(match["name"], _unquoted(match["value"]), place)
    found += _not_exported(assigned, exported)
    found += _form(assigned)
    return sorted(found, key=lambda finding: finding.place.line)


def _unquoted(value: str) -> str:
    value = re.sub(r"\s+#.*$", "", value)
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value


def _not_exported(assigned: dict[str, tuple[Place, str]], exported: set[str]) -> Iterator[Finding]:
    for name in _READ:
        if name in assigned and name not in exported and name.startswith("ERL_"):
            yield Finding(
                assigned[name][0],
                f"{name} is not exported: the VM never sees it, write export {name}",
            )


def _value(name: str, value: str, place: Place) -> Iterator[Finding]:
    plain = "$" not in value and "`" not in value
    if name == "ERL_INETRC" and plain and not value.startswith("/"):
        yield Finding(
            place,
            f"ERL_INETRC={value} is not absolute: the VM does not find it, and goes on without",
        )
    if name == "RELEASE_DISTRIBUTION" and plain and value not in _FORMS:
        yield Finding(place, f"RELEASE_DISTRIBUTION={value} is none of {', '.join(_FORMS)}")
    if name.startswith("ERL_") and name.endswith("FLAGS"):
        yield from _flags(name, value, place)


def _flags(name: str, value: str, place: Place) -> Iterator[Finding]:
    if "-erl_epmd_port" in value and not re.search(r"-start_epmd\s+false", value):
        message = (
            "-erl_epmd_port without -start_epmd false: a node still starts epmd and registers there"
        )
        yield Finding(place, message, "warning")
    if "-erl_epmd_port" in value and "-dist_listen" not in value and "listen" not in value:
        message = "each `remote` and `rpc` listens on the same port and fails: give those -dist_listen false"
        yield Finding(place, message, "warning")
    if "-ssl_dist_optfile" in value and not re.search(r"-proto_dist\s+inet6?_tls", value):
        yield Finding(
            place, "-ssl_dist_optfile without -proto_dist inet_tls: distribution is not encrypted"
        )
    if f"${name}" not in value and f"${{{name}" not in value:
        yield Finding(
            place, f"{name} of the pod is lost here: end with ${{{name}:+ ${name}}}", "warning"
        )


def _form(assigned: dict[str, tuple[Place, str]]) -> Iterator[Finding]:
    place, node = assigned.get("RELEASE_NODE", (None, ""))
    _, form = assigned.get("RELEASE_DISTRIBUTION", (None, "sname"))
    form = re.sub(r"^\$\{RELEASE_DISTRIBUTION:-(.*)\}$", r"\1", form)
    host = node.partition("@")[2]
    if place is None or not host:
        return
    has_dot = "." in re.sub(r"\$\{[^}]*\}|\$\([^)]*\)", "", host)
    if form == "sname" and (has_dot or "hostname -f" in host):
        yield Finding(
            place, f"{node} has a dot, which RELEASE_DISTRIBUTION=sname does not take: write name"
        )
    if form == "name" and not has_dot and "$" not in host:
        yield Finding(place, f"{node} has no dot, which RELEASE_DISTRIBUTION=name does not take")
