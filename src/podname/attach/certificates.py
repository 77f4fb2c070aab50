"""A CA and one certificate that it signs, for host names.

Source: RFC 5280.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

VALID_DAYS = 3650
"""An own CA signs once and rotates nothing: who wants that takes cert-manager."""


def signed(
    names: Sequence[str], holder: str, now: datetime, valid_days: int = VALID_DAYS
) -> dict[str, bytes]:
    """Make a CA and one certificate for host names, and forget the CA's key: ca.crt, tls.crt and tls.key in PEM."""
    from cryptography import x509  # noqa: PLC0415 - start time counts
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID  # noqa: PLC0415

    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"podname CA for {holder}")])
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, holder)])

    def builder(name: x509.Name, public_key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder(issuer_name=authority, subject_name=name, public_key=public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=valid_days))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()),
                critical=False,
            )
        )

    def usage(*, is_authority: bool) -> x509.KeyUsage:
        others = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
        unused = dict.fromkeys([*others, "encipher_only", "decipher_only"], False)
        return x509.KeyUsage(
            digital_signature=True, key_cert_sign=is_authority, crl_sign=is_authority, **unused
        )

    root = (
        builder(authority, authority_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage(is_authority=True), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
    purposes = x509.ExtendedKeyUsage(
        [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    )
    leaf = (
        builder(subject, key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage(is_authority=False), critical=True)
        .add_extension(purposes, critical=False)
        .add_extension(alternatives, critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {"ca.crt": root.public_bytes(pem), "tls.crt": leaf.public_bytes(pem), "tls.key": private}
