"""The objects that hold the certificate of all nodes: a Secret with an own CA's, or cert-manager's Certificate.

Sources: Kubernetes API reference, Secret v1; cert-manager.io/v1 Certificate.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from podname.attach.certificates import signed


def cert_manager(name: str, domains: Sequence[str], issuer: str) -> dict[str, Any]:
    """Return cert-manager's Certificate. `issuer` is `NAME` or `ClusterIssuer/NAME`."""
    kind, _, issuer_name = issuer.rpartition("/")
    return {
        "apiVersion": "cert-manager.io/v1",
        "kind": "Certificate",
        "metadata": {"name": name},
        "spec": {
            "secretName": name,
            "dnsNames": [f"*.{domain}" for domain in domains],
            "usages": ["digital signature", "server auth", "client auth"],
            "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
            "issuerRef": {"name": issuer_name, "kind": kind or "Issuer"},
        },
    }


def own_secret(name: str, domains: Sequence[str], now: datetime | None = None) -> dict[str, Any]:
    """Make a CA, sign one wildcard certificate with it, and forget the CA's key."""
    files = signed([f"*.{domain}" for domain in domains], "Erlang nodes", now or datetime.now(UTC))
    encoded = {file: base64.b64encode(octets).decode() for file, octets in files.items()}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name},
        "type": "kubernetes.io/tls",
        "data": encoded,
    }


def wildcards(secret: dict[str, Any]) -> frozenset[str] | None:
    """Return the domains that a Secret's certificate covers; None when it cannot be read."""
    from cryptography import x509  # noqa: PLC0415

    data = secret.get("data")
    text = data.get("tls.crt") if isinstance(data, dict) else None
    try:
        certificate = x509.load_pem_x509_certificate(base64.b64decode(str(text), validate=True))
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return None
    return frozenset(name.removeprefix("*.") for name in names.get_values_for_type(x509.DNSName))
