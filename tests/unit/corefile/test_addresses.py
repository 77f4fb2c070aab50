from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podname.corefile import (
    Place,
    Token,
    block_keys,
    normalize_zones,
    parse_text,
    refuse_overlaps,
    server_keys,
)
from podname.corefile.zones import reverse_zones
from podname.errors import CorefileError


def keys(text: str, default_port: int = 53) -> list[str]:
    return [str(key) for key in server_keys(Token(text, Place("F", 1, 1)), default_port)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (".", ["dns://.:53"]),
        (".:1053", ["dns://.:1053"]),
        ("example.org", ["dns://example.org.:53"]),
        ("EXAMPLE.ORG.", ["dns://example.org.:53"]),
        ("dns://Example.org:1053", ["dns://example.org.:1053"]),
        ("tls://example.org", ["tls://example.org.:853"]),
        ("quic://example.org", ["quic://example.org.:853"]),
        ("grpc://example.org", ["grpc://example.org.:443"]),
        ("https://example.org.", ["https://example.org.:443"]),
        ("https3://example.org", ["https3://example.org.:443"]),
        ("https://example.org:8443", ["https://example.org.:8443"]),
        ("example.org,example.com:1053", ["dns://example.org,example.com.:1053"]),
        ("example.org:+53", ["dns://example.org.:53"]),
        ("example.org:http", ["dns://example.org:http.:53"]),
        ("_x._tcp.example.org", ["dns://_x._tcp.example.org.:53"]),
        ("10.0.0.0/8", ["dns://10.in-addr.arpa.:53"]),
        ("10.0.0.0/15:54", ["dns://0.10.in-addr.arpa.:54", "dns://1.10.in-addr.arpa.:54"]),
        ("tls://2001:db8::/32", ["tls://8.b.d.0.1.0.0.2.ip6.arpa.:853"]),
        ("2001:db8::/32:54", ["dns://8.b.d.0.1.0.0.2.ip6.arpa.:54"]),
        ("10.0.0.1", ["dns://10.0.0.1.:53"]),
    ],
)
def test_keys(text: str, expected: list[str]) -> None:
    assert keys(text) == expected


def test_the_default_port_is_for_plain_dns_alone() -> None:
    assert keys("a", 1053) == ["dns://a.:1053"]
    assert keys("a:53", 1053) == ["dns://a.:53"]
    assert keys("tls://a", 1053) == ["tls://a.:853"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "the zone is empty"),
        (":53", "zone is not a valid domain name: ''"),
        ("a:", "expecting data after last colon: 'a:'"),
        ("a..b", "zone is not a valid domain name: 'a..b'"),
        (".a", "zone is not a valid domain name: '.a'"),
        (".:http", "zone is not a valid domain name"),
        ("..", "zone is not a valid domain name"),
        ("a" * 64, "zone is not a valid domain name"),
        ("a." * 128, "specified zone is too long"),
        ("é" * 130, "specified zone is too long"),
        ("é" * 33 + ".org", "zone is not a valid domain name"),
        ("a\\.b", "zone is not a valid domain name"),
        ("a:65536", "port 65536 is not in range [0, 65535]"),
        ("a:-1", "port -1 is not in range [0, 65535]"),
        (
            "http://a",
            "unknown scheme in 'http://a': use one of dns, tls, quic, grpc, https, https3",
        ),
        ("DNS://a", "unknown scheme"),
        ("dns://tls://a", "unknown scheme"),
        ("unix:///run/x", "unknown scheme"),
        ("dns://", "the zone is empty"),
        ("::/0", "'::/0' is not a network that can be written as reverse zones"),
        ("0::/16", "is not a network"),
    ],
)
def test_refused_keys_name_their_place(text: str, expected: str) -> None:
    with pytest.raises(CorefileError) as caught:
        keys(text)
    assert str(caught.value).startswith("F:1:1: ")
    assert expected in str(caught.value)


# The rows of CoreDNS's own tests of this, and more.
@pytest.mark.parametrize(
    ("network", "expected"),
    [
        ("10.0.0.0/8", ["10.in-addr.arpa."]),
        ("10.9.3.0/15", ["8.10.in-addr.arpa.", "9.10.in-addr.arpa."]),
        ("10.9.3.0/18", [f"{n}.9.10.in-addr.arpa." for n in range(64)]),
        ("10.0.0.1/32", ["1.0.0.10.in-addr.arpa."]),
        ("10.0.0.0/31", ["0.0.0.10.in-addr.arpa.", "1.0.0.10.in-addr.arpa."]),
        ("10.0.0.0/24", ["0.0.10.in-addr.arpa."]),
        ("128.0.0.0/1", [f"{n}.in-addr.arpa." for n in range(128, 256)]),
        ("1.2.3.4/0", ["in-addr.arpa."]),
        ("2001:db8::/29", [f"{n}.b.d.0.1.0.0.2.ip6.arpa." for n in "89abcdef"]),
        ("2001:db8::/30", [f"{n}.b.d.0.1.0.0.2.ip6.arpa." for n in "89ab"]),
        ("2001:db8::/115", [f"{n}.{'0.' * 20}8.b.d.0.1.0.0.2.ip6.arpa." for n in "01"]),
        ("2001:db8::/112", [f"{'0.' * 20}8.b.d.0.1.0.0.2.ip6.arpa."]),
        ("FD00::/8", ["d.f.ip6.arpa."]),
    ],
)
def test_networks(network: str, expected: list[str]) -> None:
    assert reverse_zones(network) == expected


@pytest.mark.parametrize(
    "text",
    [
        "10.0.0.0",
        "10.0.0.0/33",
        "10.0.0.0/255.0.0.0",
        "010.0.0.0/8",
        "10.0.0/8",
        "2001:db8::/129",
        "fe80::1%eth0/64",
        "10.0.0.0/",
        "/8",
        "10.0.0.0/-1",
        "10.0.0.0/8/8",
        "a/8",
        "10.0.0.0/٨",
    ],
)
def test_no_networks(text: str) -> None:
    assert reverse_zones(text) is None


@given(st.ip_addresses(v=4), st.integers(0, 32))
def test_reverse_zones_hold_the_network_and_nothing_else(
    address: ipaddress.IPv4Address, prefix: int
) -> None:
    network = ipaddress.ip_network((address, prefix), strict=False)
    zones = reverse_zones(f"{address}/{prefix}")
    assert zones is not None

    def held(inside: ipaddress.IPv4Address | ipaddress.IPv6Address) -> int:
        name = inside.reverse_pointer + "."
        return sum(name == zone or name.endswith("." + zone) for zone in zones)

    assert held(network[0]) == held(network[-1]) == held(address) == 1
    if prefix:
        outside = int(network[0]) - 1 if int(network[0]) else int(network[-1]) + 1
        assert held(ipaddress.ip_address(outside)) == 0


def test_normalized_zones() -> None:
    words = ["cluster.LOCAL", "10.0.0.0/15", ".", "tls://x.org.:853"]
    expected = ["cluster.local.", "0.10.in-addr.arpa.", "1.10.in-addr.arpa.", ".", "x.org."]
    assert normalize_zones(words) == expected
    assert normalize_zones(Token(word, Place("F", 1, 1)) for word in words) == expected
    assert normalize_zones([]) == []


def test_a_bad_zone_has_the_place_of_its_word() -> None:
    with pytest.raises(CorefileError) as caught:
        normalize_zones([Token("a", Place("F", 2, 3)), Token("a..b", Place("F", 2, 5))])
    assert str(caught.value).startswith("F:2:5: zone is not a valid domain name: 'a..b'")
    with pytest.raises(CorefileError, match=r"^zone is not a valid"):
        normalize_zones(["a..b"])


def listeners(text: str, *addresses: str) -> None:
    """Check the blocks of `text`, each bound to its address ('' if none is left)."""
    blocks = parse_text(text, file="F").blocks
    bound = [*addresses, *[""] * len(blocks)]
    refuse_overlaps(
        (key, address)
        for block, address in zip(blocks, bound, strict=False)
        for key in block_keys(block)
    )


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        (".:53 {\n}\n.:54 {\n}\na {\n}\ntls://. {\n}", ()),
        (". {\n}\n. {\n}", ("127.0.0.1", "127.0.0.2")),
        (". {\n}\na {\n}", ("127.0.0.1", "")),
        (". {\n}\n.:54 {\n}", ("127.0.0.1", "")),
    ],
)
def test_no_overlap(text: str, addresses: tuple[str, ...]) -> None:
    listeners(text, *addresses)


@pytest.mark.parametrize(
    ("text", "addresses", "expected"),
    [
        (
            ". {\n}\n\n.:53 {\n}",
            (),
            "F:4:1: cannot serve dns://.:53 - it is already defined at F:1:1",
        ),
        ("a A. {\n}", (), "F:1:3: cannot serve dns://a.:53 - it is already defined at F:1:1"),
        (
            "10.0.0.0/15 {\n}\n1.10.in-addr.arpa {\n}",
            (),
            "F:3:1: cannot serve dns://1.10.in-addr.arpa.:53 - it is already defined at F:1:1",
        ),
        (
            ". {\n}\n. {\n}",
            ("127.0.0.1", "127.0.0.1"),
            "F:3:1: cannot serve dns://.:53 on 127.0.0.1 - it is already defined at F:1:1",
        ),
        (
            ". {\n}\n. {\n}",
            ("127.0.0.1", ""),
            (
                "F:3:1: cannot serve dns://.:53 - zone overlap listener capacity with "
                "dns://.:53 on 127.0.0.1 at F:1:1"
            ),
        ),
        (
            ". {\n}\n. {\n}",
            ("", "127.0.0.1"),
            (
                "F:3:1: cannot serve dns://.:53 on 127.0.0.1 - zone overlap listener capacity with "
                "dns://.:53 at F:1:1"
            ),
        ),
    ],
)
def test_overlaps_name_both_places(text: str, addresses: tuple[str, ...], expected: str) -> None:
    with pytest.raises(CorefileError) as caught:
        listeners(text, *addresses)
    assert str(caught.value) == expected
