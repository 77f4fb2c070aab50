"""`forward` in a Corefile: what it takes, what it refuses and where."""

from __future__ import annotations

from itertools import combinations, product
from pathlib import Path

import pytest
from tests.support.plugin import context, directives

from podname.dns import names
from podname.errors import CorefileError
from podname.plugins.forward.options import HealthOptions, Options
from podname.plugins.forward.pool import PoolLimits
from podname.plugins.forward.setup import parse, setup


def options(text: str, folder: Path = Path("/"), warnings: list[str] | None = None) -> Options:
    (directive,) = directives(f".:53 {{\n{text}\n}}", "forward")
    return parse(directive, context(folder=folder, warnings=warnings))


@pytest.mark.parametrize(
    ("targets", "labels"),
    [
        ("127.0.0.1", ["127.0.0.1:53"]),
        ("127.0.0.1:1053", ["127.0.0.1:1053"]),
        ("dns://127.0.0.1:1053", ["127.0.0.1:1053"]),
        ("::1", ["[::1]:53"]),
        ("[::1]", ["[::1]:53"]),
        ("[2003::1]:1053 10.0.0.10:53", ["[2003::1]:1053", "10.0.0.10:53"]),
        ("fe80::1%lo", ["[fe80::1%lo]:53"]),
        ("[::1%lo]:1053", ["[::1%lo]:1053"]),
        ("9.9.9.9 8.8.8.8 9.9.9.9:53", ["9.9.9.9:53", "8.8.8.8:53"]),
    ],
)
def test_upstreams_in_order_each_once(targets: str, labels: list[str]) -> None:
    assert [str(address) for address in options(f"forward . {targets}").addresses] == labels


@pytest.mark.parametrize(
    ("origin", "zone"),
    [(".", "."), ("Example.ORG", "example.org."), ("10.9.0.0/16", "9.10.in-addr.arpa.")],
)
def test_from_is_a_zone_or_a_network(origin: str, zone: str) -> None:
    assert options(f"forward {origin} 127.0.0.1").zone == names.from_text(zone)


def test_a_network_of_several_zones_forwards_the_first_and_warns() -> None:
    warnings: list[str] = []
    assert options("forward 10.8.0.0/15 127.0.0.1", warnings=warnings).zone == names.from_text(
        "8.10.in-addr.arpa."
    )
    assert warnings == [
        "Corefile:2:9: '10.8.0.0/15' stands for 2 zones, only '8.10.in-addr.arpa.' is forwarded"
    ]


def test_resolv_conf_is_a_list_of_upstreams(tmp_path: Path) -> None:
    (tmp_path / "resolv.conf").write_text(
        "# a comment\nsearch example.org\nnameserver 10.0.0.1\nnameserver\nnameserver bad\nnameserver ::1\n"
    )
    warnings: list[str] = []
    found = options(f"forward . {tmp_path}/resolv.conf 9.9.9.9", warnings=warnings).addresses
    assert [str(address) for address in found] == ["10.0.0.1:53", "[::1]:53", "9.9.9.9:53"]
    assert warnings == [
        f"{tmp_path}/resolv.conf:5: 'bad' is not an IP address, the name server is left out"
    ]


def test_a_relative_file_lies_beside_the_corefile(tmp_path: Path) -> None:
    (tmp_path / "upstreams").write_text("nameserver 10.0.0.1\n")
    assert str(options("forward . upstreams", folder=tmp_path).addresses[0]) == "10.0.0.1:53"


def test_every_option() -> None:
    text = """forward . 127.0.0.1 {
        except miek.nl Example.org
        except 10.0.0.0/8
        force_tcp
        prefer_udp
        expire 20s
        max_age 1m
        max_idle_conns 7
        read_timeout 500ms
        max_fails 3
        max_connect_attempts 5
        max_concurrent 1000
        policy sequential
        health_check 2s no_rec domain example.org
        next nxdomain
        next SERVFAIL refused
        next_on_nodata
        failover ServFail
        failfast_all_unhealthy_upstreams
        source_address 127.0.0.9
    }"""
    found = options(text)
    zones = {"miek.nl.", "example.org.", "10.in-addr.arpa."}
    assert found.excepted == {names.from_text(zone) for zone in zones}
    assert (found.prefer_udp, found.upstream.force_tcp, found.failfast) == (True, True, True)
    assert found.upstream.limits == PoolLimits(20.0, 60.0, 7)
    assert found.upstream.read_timeout_seconds == 0.5
    assert (found.max_fails, found.attempts_most, found.max_concurrent) == (3, 5, 1000)
    assert found.policy == "sequential"
    assert found.upstream.health == HealthOptions(2.0, False, names.from_text("example.org"))
    assert found.next_rcodes == {2, 3, 5}
    assert found.next_on_nodata
    assert found.failover_rcodes == {2}
    assert found.addresses[0].source == "127.0.0.9"


def test_the_defaults() -> None:
    found = options("forward . 127.0.0.1 127.0.0.2")
    assert found.upstream.limits == PoolLimits(10.0, 0.0, 0)
    assert found.upstream.read_timeout_seconds == 2.0
    assert found.upstream.health == HealthOptions(0.5, True, names.ROOT)
    assert (found.max_fails, found.attempts_most, found.max_concurrent) == (2, 4, 0)
    assert found.policy == "random"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("forward .", "2:9: wrong argument count"),
        ("forward . " + "10.0.0.1 " * 16, "2:146: more than 15 TOs configured: 16"),
        (
            "forward . 1.1.1.1 quic://9.9.9.9",
            "2:19: upstreams over quic:// are not supported yet",
        ),
        ("forward . quic://9.9.9.9", "upstreams over quic:// are not supported yet"),
        ("forward . grpc://9.9.9.9", "upstreams over grpc:// are not supported yet"),
        (
            "forward . nope://9.9.9.9",
            "'nope' is not supported as a destination protocol in forward",
        ),
        ("forward . dns.example.org", "a hostname as upstream is not supported yet"),
        (
            "forward . /no/such/resolv.conf",
            "2:11: the file of upstreams '/no/such/resolv.conf' cannot",
        ),
        ("forward . /dev/null/x", "cannot be found"),
        ("forward . 10.0.0.1:0", "2:11: '0' is not a port"),
        ("forward . 10.0.0.1:65536", "'65536' is not a port"),
        ("forward . 10.0.0.1:", "'' is not a port"),
        ("forward . 10.0.0.1:x", "neither an IP address nor a file"),
        ("forward . 10.0.0.256", "neither an IP address nor a file"),
        ("forward . 127.0.0.1 {\nfroce_tcp\n}", "3:1: unknown property 'froce_tcp'"),
        (
            "forward . 127.0.0.1 {\nresolver 1.1.1.1\n}",
            "'resolver' of forward is not supported yet",
        ),
        ("forward . 127.0.0.1 {\nforce_tcp yes\n}", "3:11: wrong argument count"),
        ("forward . 127.0.0.1 {\nexcept\n}", "3:1: wrong argument count"),
        ("forward . 127.0.0.1 {\nmax_fails two\n}", "3:11: 'two' after 'max_fails' is not a whole"),
        ("forward . 127.0.0.1 {\nmax_fails -1\n}", "3:11: max_fails must be at least 0: -1"),
        ("forward . 127.0.0.1 {\nmax_concurrent -1\n}", "max_concurrent must be at least 0"),
        ("forward . 127.0.0.1 {\npolicy fifo\n}", "3:8: unknown policy 'fifo'"),
        ("forward . 127.0.0.1 {\nexpire -1s\n}", "expire can't be negative"),
        ("forward . 127.0.0.1 {\nexpire 10\n}", "3:8: '10' after 'expire' is not a duration"),
        ("forward . 127.0.0.1 {\nread_timeout 0s\n}", "read_timeout must be positive"),
        ("forward . 127.0.0.1 {\nmax_age 5s\n}", "max_age (5s) must not be less than expire (10s)"),
        ("forward . 127.0.0.1 {\nhealth_check -1s\n}", "health_check can't be negative"),
        ("forward . 127.0.0.1 {\nhealth_check 1s rec\n}", "3:17: health_check: unknown option rec"),
        ("forward . 127.0.0.1 {\nhealth_check 1s domain\n}", "'domain' needs a name"),
        ("forward . 127.0.0.1 {\nhealth_check 1s domain a..b\n}", "invalid domain name a..b"),
        ("forward . 127.0.0.1 {\nnext NOSUCH\n}", "3:6: NOSUCH is not a valid rcode"),
        ("forward . 127.0.0.1 {\nnext 3\n}", "3 is not a valid rcode"),
        ("forward . 127.0.0.1 {\nfailover NOERROR\n}", "NOERROR cannot be used in failover"),
        ("forward . 127.0.0.1 {\nsource_address here\n}", "3:16: invalid IP address: here"),
    ],
)
def test_what_cannot_be_done_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(CorefileError) as caught:
        options(text)
    assert str(caught.value).startswith("Corefile:")
    assert message in str(caught.value)


def test_a_file_without_name_servers_is_no_upstream(tmp_path: Path) -> None:
    (tmp_path / "resolv.conf").write_text("search example.org\n")
    with pytest.raises(CorefileError, match="no valid upstream addresses found"):
        options("forward . resolv.conf", folder=tmp_path)


def test_directives_keep_their_order_and_share_an_upstream_they_both_name() -> None:
    text = ".:53 {\nforward a.test 127.0.0.1\nforward b.test 127.0.0.1 127.0.0.2\n}"
    plugin = setup(directives(text, "forward"), context())
    first, second = plugin.forwarders
    assert (first.options.zone, second.options.zone) == (b"\x01a\x04test\x00", b"\x01b\x04test\x00")
    assert first.upstreams[0] is second.upstreams[0]
    assert len({*first.upstreams, *second.upstreams}) == 2


ZONES = [names.from_text(zone) for zone in (".", "a.", "b.", "a.a.", "b.a.", "a.b.")]
NAMES = [*ZONES, *(b"\x01x" + zone for zone in ZONES)]


def test_a_forward_is_left_nothing_just_when_no_name_is_its_own() -> None:
    excepts = [frozenset(some) for number in range(3) for some in combinations(ZONES[1:], number)]
    every = [Options(zone=zone, excepted=some) for zone in ZONES for some in excepts]
    taken = {option: {name for name in NAMES if option.covers(name)} for option in every}
    for earlier, later in product(every, every):
        assert earlier.leaves_nothing_to(later) == (taken[later] <= taken[earlier]), (
            earlier,
            later,
        )


@pytest.mark.parametrize(("said", "seconds"), [("30s", 5), ("1s", 1)])
def test_the_engine_waits_no_longer_than_a_question_may_take(said: str, seconds: float) -> None:
    relayed = options(f"forward . 127.0.0.1 {{\nread_timeout {said}\n}}").relayed(is_last=True)
    assert relayed is not None
    assert relayed.timeout_seconds == seconds
