"""Binding to a port below 1024 by a capability that this process may have and does not use otherwise.

The image's Python has CAP_NET_BIND_SERVICE as a *permitted* file capability (see Dockerfile): a pod that adds
NET_BIND_SERVICE has it then as any user, and a pod that does not starts all the same, which it would not if the file
asked for it as effective. It is effective only for the thread that binds, and only while it does.

Sources: capabilities(7), "File capabilities" and "Thread capability sets"; capget(2); linux/capability.h.
"""

from __future__ import annotations

import contextlib
import ctypes
import socket
import sys
from collections.abc import Iterator
from typing import Any

_VERSION_3 = 0x20080522
_NET_BIND_SERVICE = 1 << 10
# The third is inheritable; then come the same three for capabilities past 31.
_EFFECTIVE, _PERMITTED = 0, 1


def bind(sock: socket.socket, where: Any) -> None:
    """Bind a socket to an address, with the capability to do so if it takes that. Raises OSError."""
    try:
        sock.bind(where)
    except PermissionError:
        if sys.platform != "linux":
            raise
        with _capable():
            sock.bind(where)


@contextlib.contextmanager
def _capable() -> Iterator[None]:
    """Use the capability, if it is permitted; who has none of it finds nothing changed."""
    libc = ctypes.CDLL(None)
    header = (ctypes.c_uint32 * 2)(_VERSION_3, 0)  # of this thread
    sets = (ctypes.c_uint32 * 6)()
    libc.capget(header, sets)
    before = sets[_EFFECTIVE]
    sets[_EFFECTIVE] |= sets[_PERMITTED] & _NET_BIND_SERVICE
    libc.capset(header, sets)
    try:
        yield
    finally:
        sets[_EFFECTIVE] = before
        libc.capset(header, sets)
