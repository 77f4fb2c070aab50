"""TLS for Erlang distribution: one wildcard certificate for all pods, and the optfile that verifies names by it.

A certificate for each pod would need the pod's name before there is one. A wildcard covers all pods of a domain, and a
node still proves to another that its host name is below it. Short names have no domain: the optfile puts it behind them
before it compares.

Sources: RFC 6125 §6.4.3 (wildcards), RFC 5280; Erlang/OTP, "Using TLS for Erlang Distribution",
public_key:pkix_verify_hostname/3.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

VALID_DAYS = 3650
"""An own CA signs once and rotates nothing: who wants that takes cert-manager."""

_SECTIONS = """\
%% Made by podname for -ssl_dist_optfile: nodes know each other by one certificate for *.{domain}.
[{{server, [
    {{certfile, "{folder}/tls.crt"}},
    {{keyfile, "{folder}/tls.key"}},
    {{cacertfile, "{folder}/ca.crt"}},
    {{verify, verify_peer}},
    {{fail_if_no_peer_cert, true}},
    %% Who dials in must show a certificate of this domain; else any of the CA's would do.
    {{verify_fun, {{
        fun(_, {{bad_cert, _}} = Reason, _) -> {{fail, Reason}};
           (_, {{extension, _}}, State) -> {{unknown, State}};
           (_, valid, State) -> {{valid, State}};
           (Certificate, valid_peer, State) ->
                Wildcard = public_key:pkix_verify_hostname_match_fun(https),
                Hosts = [{{dns_id, "any.{domain}"}}],
                case public_key:pkix_verify_hostname(Certificate, Hosts, [{{match_fun, Wildcard}}]) of
                    true -> {{valid, State}};
                    false -> {{fail, hostname_check_failed}}
                end
        end, []}}}}]}},
 {{client, [
    {{certfile, "{folder}/tls.crt"}},
    {{keyfile, "{folder}/tls.key"}},
    {{cacertfile, "{folder}/ca.crt"}},
    {{verify, verify_peer}},
    %% Who is dialled must show one for its host; a wildcard counts only if this says so.
    {{customize_hostname_check, [{{match_fun, {match}}}]}}]}}].
"""
_WILDCARD = "public_key:pkix_verify_hostname_match_fun(https)"
_SHORT = """\
fun({{dns_id, Host}}, Presented) ->
               Wildcard = public_key:pkix_verify_hostname_match_fun(https),
               Wildcard({{dns_id, Host ++ ".{domain}"}}, Presented);
           (_, _) -> default
        end"""


def optfile(folder: str, domain: str, *, short: bool = False) -> str:
    """Write an ssl_dist optfile for the pods of a domain. Short host names are completed before they are compared."""
    match = _SHORT.format(domain=domain) if short else _WILDCARD
    return _SECTIONS.format(folder=folder, domain=domain, match=match)


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
