"""What the webhook shows and what the API server checks it by, as it lies in a Secret.

Each renewal makes a new CA, which signs one certificate and is forgotten. `ca.crt` holds the new CA and the one before
it, so that both certificates are good while the API server and the replicas change over.

Sources: RFC 5280; Kubernetes, WebhookClientConfig (caBundle).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from podname.attach.certificates import signed

VALID_DAYS = 90
RENEW_DAYS = 30
"""So long before its end a certificate is renewed."""

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\n?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Material:
    """A certificate, its key and the CAs to be trusted, in PEM; the newest CA comes first."""

    authorities: bytes
    certificate: bytes
    key: bytes
    ends: datetime

    @classmethod
    def make(cls, hosts: Sequence[str], now: datetime, before: Material | None = None) -> Material:
        """Make a new CA and certificate; the CA before stays trusted."""
        files = signed(hosts, "podname webhook", now, VALID_DAYS)
        authorities = files["ca.crt"]
        if before is not None:
            authorities += _PEM.findall(before.authorities)[0]
        return _checked(authorities, files["tls.crt"], files["tls.key"], hosts)

    @classmethod
    def of_secret(cls, data: object, hosts: Sequence[str]) -> Material | None:
        """Read a Secret's data; None when it is no certificate for these hosts by the first CA of the file."""
        try:
            found = data if isinstance(data, Mapping) else {}
            authorities, certificate, key = (
                base64.b64decode(found[name], validate=True) for name in _FILES
            )
            return _checked(authorities, certificate, key, hosts)
        except (LookupError, TypeError, ValueError, AttributeError):
            return None

    def as_data(self) -> dict[str, str]:
        """Return what stands in the Secret."""
        files = (self.authorities, self.certificate, self.key)
        pairs = zip(_FILES, files, strict=True)
        return {name: base64.b64encode(octets).decode() for name, octets in pairs}

    def is_due(self, now: datetime) -> bool:
        """Tell whether it is time for another."""
        return now >= self.ends - timedelta(days=RENEW_DAYS)


_FILES = ("ca.crt", "tls.crt", "tls.key")


def _checked(authorities: bytes, certificate: bytes, key: bytes, hosts: Sequence[str]) -> Material:
    """Make sure that the parts belong together. Raises ValueError."""
    authority = x509.load_pem_x509_certificates(authorities)[0]
    leaf = x509.load_pem_x509_certificate(certificate)
    private: Any = serialization.load_pem_private_key(key, None)
    try:
        leaf.verify_directly_issued_by(authority)
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except Exception as error:
        raise ValueError("the certificate is not the CA's") from error
    if private.public_key() != leaf.public_key():
        raise ValueError("the key is not the certificate's")
    if set(names.get_values_for_type(x509.DNSName)) != set(hosts):
        raise ValueError("the certificate is for other hosts")
    return Material(authorities, certificate, key, leaf.not_valid_after_utc)
