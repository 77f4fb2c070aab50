"""What the machine, or the pod that one sits in, says of itself: hostname, resolv.conf, environment.

Sources: resolv.conf(5), hostname(1).
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Mapping
from pathlib import Path

from podname.dns import resolv_conf
from podname.dns.resolv_conf import ResolvConf
from podname.doctor.facts import Machine
from podname.erlang import environment

RESOLV_CONF = Path("/etc/resolv.conf")


def look(variables: Mapping[str, str], resolv_conf: Path = RESOLV_CONF) -> Machine:
    """Look around."""
    hostname = socket.gethostname()
    found = environment.cookie(variables)
    return Machine(
        hostname,
        _fqdn(hostname),
        read_resolv_conf(resolv_conf),
        environment.erlang(variables),
        found[0] if found else None,
    )


def read_resolv_conf(path: Path) -> ResolvConf:
    """Read a resolv.conf."""
    try:
        text = path.read_text("utf-8", "replace")
    except OSError as error:
        return ResolvConf(problem=f"cannot read {path}: {error.strerror}")
    return resolv_conf.parse(text)


def _fqdn(hostname: str) -> str:
    """Return what `hostname -f` prints: the canonical name that the resolver has for the hostname."""
    with contextlib.suppress(OSError):
        found = socket.getaddrinfo(hostname.encode(), None, flags=socket.AI_CANONNAME)
        return found[0][3] or hostname
    return ""
