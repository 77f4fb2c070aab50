"""The names in an X.509 certificate: its DNS and address subjectAltNames or, without any, its common name.

Python shows a certificate's names only when it has verified it. Whether the nodes trust it is their affair and not
ours, so it is read by itself.

Sources: RFC 5280 §4.2.1.6; OTP public_key:pkix_verify_hostname/3.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.x509 import Certificate


def names_of(certificate: bytes) -> tuple[str, ...]:
    """Return the names in a certificate in DER. Raises ValueError when it cannot be read."""
    from cryptography import x509  # noqa: PLC0415 - start time counts
    from cryptography.x509.oid import NameOID  # noqa: PLC0415

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is odd about it does not change its names
        try:
            read = x509.load_der_x509_certificate(certificate)
            alternative = _alternative_names(read)
            common = read.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        except (
            ValueError,
            x509.DuplicateExtension,
            x509.InvalidVersion,
            x509.UnsupportedGeneralNameType,
        ) as error:
            raise ValueError(f"this certificate cannot be read: {error}") from None
    return alternative or tuple(str(attribute.value) for attribute in common)


def _alternative_names(certificate: Certificate) -> tuple[str, ...]:
    from cryptography import x509  # noqa: PLC0415

    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return ()
    kinds = (x509.DNSName, x509.IPAddress)
    return tuple(str(name.value) for name in found.value if isinstance(name, kinds))
