"""How a plugin speaks TLS to a server: `tls [CERT KEY] [CA]`, as several directives have it.

Source: CoreDNS 1.15.0 plugin/pkg/tls `NewTLSConfigFromArgs` (TLS 1.2 at least; the system's authorities by default).
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from podname.corefile import Line
from podname.corefile.properties import ReadContext, Value

#: Path of a file, and when it was changed: another time makes other connections.
_File = tuple[Path, int]


@dataclass(frozen=True, slots=True)
class ClientTls:
    """The files of a client's TLS; without any, only the server is known, by the system's authorities."""

    certificate: _File | None = None
    key: _File | None = None
    authority: _File | None = None

    def context(self) -> ssl.SSLContext:
        """Make what connections are made with. Raises OSError, which names the file."""
        authority, certificate, key = self.authority, self.certificate, self.key
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # which checks certificates and names
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if authority is None:
            context.load_default_certs()
        else:
            try:
                context.load_verify_locations(authority[0])
            except (OSError, ValueError) as error:
                raise OSError(f"no authority in {authority[0]}: {_said(error)}") from None
        if certificate is not None and key is not None:
            try:
                context.load_cert_chain(certificate[0], key[0])
            except (OSError, ValueError) as error:
                files = f"{certificate[0]} and {key[0]}"
                raise OSError(f"no certificate and key in {files}: {_said(error)}") from None
        return context


NO_FILES = ClientTls()


def _read(line: Line, _: ClientTls | None, context: ReadContext) -> ClientTls:
    paths = [context.folder / word for word in line.words()]
    try:
        files = [(path, path.stat().st_mtime_ns) for path in paths]
    except (OSError, ValueError) as error:
        if context.elsewhere:
            return NO_FILES
        raise line.error(str(error)) from None
    match files:
        case [certificate, key, *authorities]:
            tls = ClientTls(certificate, key, authorities[0] if authorities else None)
        case [authority]:
            tls = ClientTls(authority=authority)
        case _:
            tls = NO_FILES
    try:
        tls.context()
    except OSError as error:
        raise line.error(str(error)) from None
    return tls


#: Reads the property.
CLIENT_TLS = Value("[CERT KEY] [CA]", _read, 0, 3)


def _said(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)
