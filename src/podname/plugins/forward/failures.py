"""What went wrong on the way to an upstream, in the words of Go's package `net`.

CoreDNS logs these texts, and the patterns of `consolidate` are written for them::

    read udp 10.0.0.7:39411->192.0.2.1:53: i/o timeout
    dial tcp 192.0.2.1:53: connect: connection refused

Sources: Go net.OpError, os.SyscallError, os.ErrDeadlineExceeded; CoreDNS 1.15.0 plugin/forward.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
from collections.abc import Iterator
from typing import Any


class UpstreamError(OSError):
    """An upstream did not answer."""


@contextlib.contextmanager
def calling(call: str, operation: str, path: str) -> Iterator[None]:
    """Turn the OSError of a system call into an UpstreamError."""
    try:
        yield
    except OSError as error:
        raise failure(operation, path, error, call) from error


def failure(operation: str, path: str, error: OSError, call: str = "") -> UpstreamError:
    """Return the error of an operation (`dial`, `read`, `write`) on a path, such as `udp A->B`.

    `call` is the system call that failed: the operation itself, if it is not given.
    """
    if isinstance(error, UpstreamError):
        return error
    if isinstance(error, ssl.SSLError):
        reason = f"tls: {_of_tls(error)}"
    elif error.errno is None:  # no system call failed: we stopped waiting
        reason = "i/o timeout" if isinstance(error, TimeoutError) else str(error)
    else:
        reason = f"{call or operation}: {os.strerror(error.errno).lower()}"
    return UpstreamError(f"{operation} {path}: {reason}")


def _of_tls(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"failed to verify certificate: {error.verify_message}"
    return (error.reason or "handshake failed").lower().replace("_", " ")


def endpoint(where: tuple[Any, ...]) -> str:
    """Return the text of a socket address: `192.0.2.1:53`, `[fe80::1%eth0]:53`."""
    host, port, *rest = where
    if not rest:
        return f"{host}:{port}"
    scope = rest[1]
    return f"[{host}%{_zone(scope)}]:{port}" if scope else f"[{host}]:{port}"


def _zone(index: int) -> str:
    try:
        return socket.if_indextoname(index)
    except OSError:
        return str(index)
