"""The names in certificates, of real ones and of octets that are none."""

from __future__ import annotations

import contextlib
import ssl

import pytest
import trustme
from hypothesis import example, given
from hypothesis import strategies as st

from podname.erlang.names_of_certificate import names_of

CA = trustme.CA()


def der(*names: str, common: str | None = None) -> bytes:
    certificate = CA.issue_cert(*names, common_name=common)
    return ssl.PEM_cert_to_DER_cert(certificate.cert_chain_pems[0].bytes().decode())


GOOD = der("a.example")


@pytest.mark.parametrize(
    "names",
    [
        ("web-0.web.default.svc.cluster.local",),
        ("*.web.default.svc.cluster.local", "web-0"),
        ("a.example", "10.0.0.1", "fd00::1"),
        tuple(f"{number}.example" for number in range(40)),  # lengths of several octets
    ],
)
def test_alternative_names(names: tuple[str, ...]) -> None:
    assert names_of(der(*names, common="ignored.example")) == names


def test_the_common_name_counts_without_alternative_names() -> None:
    assert names_of(der(common="a.example")) == ("a.example",)


@given(st.binary() | st.integers(0, len(GOOD)).map(lambda end: GOOD[:end]))
@example(b"")
@example(b"\x30\x80\x30\x00")
def test_what_is_no_certificate_is_refused_quietly(octets: bytes) -> None:
    try:
        names = names_of(octets)
    except ValueError:
        return
    assert isinstance(names, tuple)


@example(at=12, octet=1)  # a version that there is not
@given(st.integers(0, len(GOOD) - 1), st.integers(0, 255))
def test_a_wrong_octet_costs_nothing_but_the_names(at: int, octet: int) -> None:
    with contextlib.suppress(ValueError):
        names_of(GOOD[:at] + bytes([octet]) + GOOD[at + 1 :])
