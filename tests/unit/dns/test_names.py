"""Names as octets, against dnspython."""

from __future__ import annotations

import dns.exception
import dns.name
import pytest
from hypothesis import given
from hypothesis import strategies as st

from podname.dns import names

plain = st.lists(
    st.text("abcdefghijklmnopqrstuvwxyzABC0123456789-_", min_size=1, max_size=63), max_size=4
)


@given(plain)
def test_text_becomes_the_octets_that_dnspython_makes(labels: list[str]) -> None:
    text = ".".join(labels) + "."
    assert names.from_text(text) == (dns.name.from_text(text.lower()).to_wire() or b"")
    assert names.from_text(text.removesuffix(".")) == names.from_text(text)


@given(st.lists(st.binary(min_size=1, max_size=30), max_size=7))
def test_octets_become_text_that_reads_back(labels: list[bytes]) -> None:
    octets = b"".join(bytes((len(one),)) + one for one in labels) + b"\x00"
    assert dns.name.from_text(names.to_text(octets)).to_wire() == octets
    assert names.labels_of(octets) == labels
    starts = names.starts_of(octets)
    assert [octets[at] for at in starts] == [*map(len, labels), 0]


@pytest.mark.parametrize(
    "text",
    ["a..b", ".a", "a" * 64, ".".join(["a" * 63] * 4), "é" * 32],
    ids=["an empty label", "a first dot", "64 octets", "256 octets", "64 octets of UTF-8"],
)
def test_no_domain_name(text: str) -> None:
    with pytest.raises(names.BadName):
        names.from_text(text)


def test_the_longest_names() -> None:
    longest = ".".join(["a" * 63] * 3 + ["b" * 61])
    assert len(names.from_text(longest)) == names.NAME_OCTETS_MAX
    assert names.starts_of(names.from_text(longest))[-1] == names.NAME_OCTETS_MAX - 1


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\x01a",
        b"\x02a\x00",
        b"\x00\x00",
        b"\x01a\x00\x01",
        b"\xc0\x0c",
        b"\x40" + b"a" * 64 + b"\x00",
        (b"\x3f" + b"a" * 63) * 4 + b"\x00",
    ],
)
def test_octets_that_are_no_name_have_no_labels(octets: bytes) -> None:
    with pytest.raises((ValueError, IndexError)):
        names.starts_of(octets)


@given(st.binary(max_size=40))
def test_octets_are_a_name_if_dnspython_says_so(octets: bytes) -> None:
    try:
        found = dns.name.from_wire(octets, 0)[1] == len(octets) and max(octets) < 0xC0
    except dns.exception.DNSException:
        found = False
    try:
        names.starts_of(octets)
    except (ValueError, IndexError):
        assert not found
    else:
        assert dns.name.from_wire(octets, 0)[1] == len(octets)


def test_a_subdomain_ends_in_whole_labels() -> None:
    zone = names.from_text("local")
    assert names.is_subdomain(names.from_text("cluster.local"), zone)
    assert names.is_subdomain(zone, zone)
    assert names.is_subdomain(zone, names.ROOT)
    assert not names.is_subdomain(names.from_text("xlocal"), zone)
    assert not names.is_subdomain(
        b"\x07a\x05local\x00", zone
    )  # the label holds what looks like one
    assert not names.is_subdomain(names.ROOT, zone)


def test_the_longest_match() -> None:
    zones = frozenset(map(names.from_text, ("local", "cluster.local", "org")))
    for name, zone in (("a.b.cluster.local", "cluster.local"), ("xcluster.local", "local")):
        assert names.longest_match(names.from_text(name), zones) == names.from_text(zone)
    assert names.longest_match(names.from_text("example.com"), zones) is None
    assert names.longest_match(names.from_text("com"), zones | {names.ROOT}) == names.ROOT
