"""What `tls` says: the certificate to show, the key to it, and whom to believe.

The files' contents belong to what it says, so that new ones make new connections after a reload.

Sources: CoreDNS 1.15.0 plugin/pkg/tls (`NewTLSConfigFromArgs`); RFC 7858; RFC 8310 §5 (strict).
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from podname.corefile import Line, Token
from podname.corefile.properties import ReadContext
from podname.errors import NotHere


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """The files of `tls [CERT KEY] [CA]`. Without a CA the system's are believed."""

    certificate: Path | None = None
    key: Path | None = None
    authority: Path | None = None
    contents: tuple[bytes, ...] = ()

    def context(self, *alpn: str) -> ssl.SSLContext:
        """Make a client's context: TLS 1.2 at least, the server's certificate checked. Raises OSError."""
        context = ssl.create_default_context(cafile=self.authority)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.certificate is not None:
            context.load_cert_chain(self.certificate, self.key)
        if alpn:
            context.set_alpn_protocols(alpn)
        return context


def tls_files(line: Line, _: TlsFiles, context: ReadContext) -> TlsFiles:
    """Read `tls [CERT KEY] [CA]`; another machine's files are not looked at. Raises CorefileError."""
    if context.elsewhere:
        return TlsFiles()
    paths = [context.folder / word for word in line.words()]
    contents = tuple(map(_content, [line] * len(paths), line.arguments, paths))
    pair, authority = (paths[:2], paths[2:]) if len(paths) > 1 else ([], paths)
    certificate, key = pair or (None, None)
    files = TlsFiles(certificate, key, authority[0] if authority else None, contents)
    try:
        files.context()
    except (OSError, ValueError) as error:
        raise line.error(f"tls: the certificate, key or CA cannot be used: {error}") from None
    return files


def _content(line: Line, token: Token, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        message = f"tls: cannot read {path}: {error.strerror}"
        raise NotHere(message, token.place) from None
