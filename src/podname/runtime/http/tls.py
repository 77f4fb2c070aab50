"""TLS whose certificate can change while it is served.

A new certificate goes into the context that listens: connections that are open go on, the next ones get it. Which
version of HTTP is spoken is agreed in the handshake.

Sources: Python, `ssl.SSLContext.load_cert_chain`; RFC 7301 (ALPN); RFC 9113, section 9.2.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
from importlib import import_module
from pathlib import Path

_ALPN = ("h2", "http/1.1")


class Tls:
    """A context that listens, and what it shows."""

    def __init__(self) -> None:
        self.context = _context()

    def show(self, certificate: bytes, key: bytes) -> None:
        """Show this certificate and its chain from now on. Raises OSError for a bad one; the one before stays."""
        _load(_context(), certificate, key)
        _load(self.context, certificate, key)

    def ask_clients(self, authority: Path | None, *, require: bool) -> None:
        """Check clients' certificates, by an authority's file or the system's. Raises OSError."""
        self.context.verify_mode = ssl.CERT_REQUIRED if require else ssl.CERT_OPTIONAL
        if authority is None:
            self.context.load_default_certs(ssl.Purpose.CLIENT_AUTH)
        else:
            self.context.load_verify_locations(authority)

    async def prepare(self) -> None:
        """Import what only TLS needs, in a thread: that takes long."""
        await asyncio.to_thread(import_module, "podname.runtime.http.http2")


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(_ALPN)
    return context


def _load(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    """Load from a file in memory: a key does not belong on a disk, and a pod's may be read-only."""
    descriptor = os.memfd_create("podname-tls")
    with contextlib.closing(os.fdopen(descriptor, "wb")) as file:
        file.write(key + certificate)
        file.flush()
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
