"""`cache` in a Corefile: what it takes, what it refuses and where."""

from __future__ import annotations

import pytest
from tests.support.plugin import context, directives

from podname.dns import names
from podname.errors import CorefileError
from podname.plugins.base import CapsTtl, Resources
from podname.plugins.cache.options import DENIAL, SUCCESS, LimitOptions, Options, Prefetch, Stale
from podname.plugins.cache.setup import parse, setup


def options(text: str) -> Options:
    (directive,) = directives(f".:53 {{\n{text}\n}}", "cache")
    return parse(directive, context(("example.org.", "example.net.")))


def block(*lines: str) -> Options:
    return options("cache {\n" + "\n".join(lines) + "\n}")


def test_the_defaults_are_coredns_s() -> None:
    found = options("cache")
    assert found.zones == ("example.org.", "example.net.")
    assert found.success == LimitOptions(9984, 3600, 5)
    assert found.denial == LimitOptions(9984, 1800, 5)
    assert found.servfail_seconds == 5.0
    assert (found.prefetch, found.stale, found.keepttl) == (Prefetch(), Stale(), False)


@pytest.mark.parametrize(
    ("text", "ttls", "origins"),
    [
        ("cache 30", (30, 30), ("example.org.", "example.net.")),
        ("cache 30 A.test 10.0.0.0/8", (30, 30), ("a.test.", "10.in-addr.arpa.")),
        ("cache a.test", (3600, 1800), ("a.test.",)),
    ],
)
def test_ttl_and_zones(text: str, ttls: tuple[int, int], origins: tuple[str, ...]) -> None:
    found = options(text)
    assert (found.success.ttl_seconds_most, found.denial.ttl_seconds_most) == ttls
    assert found.zones == origins


def test_success_and_denial() -> None:
    found = block("success 5000 600 60", "denial 2500")
    assert found.success == LimitOptions(4864, 600, 60)
    assert found.denial == LimitOptions(2304, 1800, 5)
    assert block("success 10").success.capacity == 1024


def test_what_kubeadm_writes() -> None:
    found = options("cache 30 {\ndisable success cluster.local\ndisable denial cluster.local\n}")
    for half in (SUCCESS, DENIAL):
        assert not found.keeps(half, names.from_text("a.cluster.local"))
        assert found.keeps(half, names.from_text("cluster.loca"))


def test_disable_without_zones_is_everything() -> None:
    found = block("disable denial")
    assert not found.keeps(DENIAL, names.from_text("a.test"))
    assert found.keeps(SUCCESS, names.from_text("a.test"))


def test_of_several_disable_the_last_about_a_half_counts() -> None:
    found = block("disable denial a.test", "disable success b.test", "disable denial c.test")
    kept = [found.keeps(DENIAL, names.from_text(f"{zone}.test")) for zone in "abc"]
    assert kept == [True, True, False]
    assert not found.keeps(SUCCESS, names.from_text("b.test"))


@pytest.mark.parametrize(
    ("line", "prefetch"),
    [
        ("prefetch 10", Prefetch(10, 60.0, 10)),
        ("prefetch 10 10s", Prefetch(10, 10.0, 10)),
        ("prefetch 10 1m 90%", Prefetch(10, 60.0, 90)),
    ],
)
def test_prefetch(line: str, prefetch: Prefetch) -> None:
    assert block(line).prefetch == prefetch


@pytest.mark.parametrize(
    ("line", "stale"),
    [
        ("serve_stale", Stale(3600.0)),
        ("serve_stale 20m", Stale(1200.0)),
        ("serve_stale 1h IMMEDIATE", Stale(3600.0)),
        ("serve_stale 1h immediate 30s 1m", Stale(3600.0, False, 0.0, 30, 60.0)),
        ("serve_stale 1h verify", Stale(3600.0, True)),
        ("serve_stale 1h verify 100ms 30s 5m", Stale(3600.0, True, 0.1, 30, 300.0)),
    ],
)
def test_serve_stale(line: str, stale: Stale) -> None:
    assert block(line).stale == stale


def test_servfail_and_keepttl() -> None:
    found = block("servfail 1m", "keepttl")
    assert (found.servfail_seconds, found.keepttl) == (60.0, True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cache 0", "2:7: cache TTL must be positive and below 2^31: 0"),
        ("cache -1 a.test", "2:7: cache TTL must be positive"),
        ("cache 4294967296", "2:7: cache TTL must be positive"),
        ("cache 30 a..test", "2:10: zone is not a valid domain name"),
        ("cache {\nsuccess\n}", "3:1: wrong argument count"),
        ("cache {\nsuccess many\n}", "3:9: 'many' after 'success' is not a whole number"),
        ("cache {\nsuccess 1 0\n}", "3:11: cache TTL must be positive"),
        ("cache {\ndenial 1 1 -1\n}", "3:12: denial must be at least 0: -1"),
        ("cache {\ndenial 1 2 3 4\n}", "3:14: wrong argument count"),
        ("cache {\ndisable\n}", "3:1: wrong argument count"),
        ("cache {\ndisable all\n}", "3:9: cache type for disable must be 'success' or 'denial'"),
        ("cache {\ndisable denial a..b\n}", "3:16: invalid disabled zone: a..b"),
        ("cache {\nprefetch\n}", "3:1: wrong argument count"),
        ("cache {\nprefetch -1\n}", "3:10: prefetch must be at least 0: -1"),
        ("cache {\nprefetch 1 1m 10\n}", "3:15: a percentage ends with '%': '10'"),
        ("cache {\nprefetch 1 1m 9%\n}", "3:15: percentage should fall in range [10, 90]: 9%"),
        ("cache {\nprefetch 1 1m x%\n}", "percentage should fall in range"),
        ("cache {\nserve_stale -1m\n}", "3:13: serve_stale cannot be negative: -1m"),
        ("cache {\nserve_stale 1h later\n}", "invalid value for serve_stale refresh mode: later"),
        ("cache {\nserve_stale 1h immediate 1s 1s 1s\n}", "3:32: wrong argument count"),
        ("cache {\nserve_stale 1h immediate 1500ms\n}", "must be a whole number of seconds"),
        ("cache {\nserve_stale 1h immediate 1s 6m\n}", "negative or above 5m0s: 6m"),
        (
            "cache {\nserve_stale_policy prefer_positive\n}",
            "3:1: serve_stale_policy requires serve_stale",
        ),
        ("cache {\nserve_stale\nserve_stale_policy x\n}", "4:20: invalid serve_stale_policy: x"),
        ("cache {\nserve_stale\nserve_stale_policy\n}", "4:1: wrong argument count"),
        (
            "cache {\nserve_stale\nserve_stale_policy prefer_positive\nserve_stale_policy prefer_positive\n}",
            "5:1: serve_stale_policy can only be specified once",
        ),
        ("cache {\nservfail 301s\n}", "3:10: servfail cannot be negative or above 5m0s: 301s"),
        ("cache {\nservfail\n}", "3:1: wrong argument count"),
        ("cache {\nkeepttl yes\n}", "3:9: wrong argument count"),
        ("cache {\nkeepttls\n}", "3:1: unknown property 'keepttls'"),
    ],
)
def test_what_cannot_be_done_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(CorefileError) as caught:
        options(text)
    assert str(caught.value).startswith("Corefile:")
    assert message in str(caught.value)


def test_once_per_server_block() -> None:
    with pytest.raises(CorefileError, match="3:1: cache can only be used once"):
        setup(directives(".:53 {\ncache\ncache\n}", "cache"), context())


def test_a_reload_keeps_what_is_kept_unless_the_directive_changed() -> None:
    def made(text: str, before: Resources | None) -> tuple[object, Resources]:
        house = context(resources=Resources(before))
        return setup(directives(text, "cache"), house).store, house.resources

    first, resources = made(". {\ncache 30\n}", None)
    same, resources = made(". {\n# a comment\ncache 30\n}", resources)
    other, resources = made(". {\ncache 31\n}", resources)
    assert same is first
    assert other is not first


def test_other_plugins_recognize_what_caps_ttls() -> None:
    assert isinstance(setup(directives(". {\ncache\n}", "cache"), context()), CapsTtl)
