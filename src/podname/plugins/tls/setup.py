"""Set up the `tls` directive.

Source: CoreDNS 1.15.0 plugin/tls tls.go.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from podname.corefile import Directive, Line
from podname.corefile.properties import Properties, ReadContext, Value, choice, prop
from podname.plugins.base import Context
from podname.plugins.tls.certificate import Certificate
from podname.plugins.tls.handler import TlsPlugin

_AUTHENTICATIONS = ("nocert", "request", "require", "verify_if_given", "require_and_verify")


def _key_log(line: Line, _: Path | None, context: ReadContext) -> Path:
    return context.folder / line.words()[0]


@dataclass(frozen=True, slots=True)
class Options(Properties):
    """What `tls` takes."""

    SYNTAX = "CERT KEY [CA]"
    LATER = frozenset({"acme", "email", "ca", "storage", "ca_root", "resolver"})

    client_auth: str = prop("nocert", choice(*_AUTHENTICATIONS))
    key_log: Path | None = prop(None, Value("FILE", _key_log), "keylog")


def setup(directives: Sequence[Directive], context: Context) -> TlsPlugin:
    """Make the plugin; of several directives the last one counts. Raises CorefileError."""
    found = [_certificate(directive, context) for directive in directives]
    return TlsPlugin(found[-1])


def _certificate(directive: Directive, context: Context) -> Certificate:
    options = Options.read(directive, context)
    directive.expect(2, 3)
    if options.client_auth == "require":
        raise directive.error(
            "client_auth require is not supported: every certificate is verified here; use require_and_verify"
        )
    paths = [context.folder / word for word in directive.words()]
    key = ("tls", *paths, options.client_auth, options.key_log, os.environ.get("SSL_CERT_FILE"))
    certificate = context.resources.claim(
        key, lambda: Certificate(paths, options.client_auth, options.key_log)
    )
    if not context.elsewhere:
        try:
            certificate.read()
        except (OSError, ValueError) as error:
            raise directive.error(f"could not load TLS cert: {error}") from None
    return certificate
