"""What no question reaches is warned of with both places, and served as before."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from tests.support.server import serving

from podname.corefile import parse, parse_text
from podname.engine.reference import PythonEngine
from podname.errors import CorefileError
from podname.plugins.base import Resources
from podname.server.configuration import House, configure

IMPORTED = Path(__file__).parents[2] / "data" / "override-twice" / "Corefile"


async def warnings(text: str) -> list[str]:
    """Set a Corefile up as `check` does, and give what it warns of."""
    found: list[str] = []
    house = House(PythonEngine(), 53, Path("/"), found.append, elsewhere=True)
    await configure(parse_text(text, file="C"), house, Resources())
    return found


async def test_a_forward_that_an_import_adds_behind_the_first_is_told_with_both_places() -> None:
    found: list[str] = []
    await configure(
        parse(IMPORTED),
        House(PythonEngine(), 53, IMPORTED.parent, found.append, elsewhere=True),
        Resources(),
    )
    folder = IMPORTED.parent
    assert (
        f"{folder}/custom/workaround.override:1:1: this 'forward .' is never asked: "
        f"the forward at {folder}/Corefile:4:5 comes first and takes all of its names"
    ) in found


async def test_a_server_logs_the_same_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    text = ".:0 {\nbind 127.0.0.1\nforward . 127.0.0.1:9\nforward . 127.0.0.2:9\n}"
    with caplog.at_level(logging.WARNING):
        async with serving(tmp_path, text):
            pass
    place = f"{tmp_path / 'Corefile'}:4:1"
    assert f"{place}: this 'forward .' is never asked" in caplog.text


FORWARDS = [
    ("forward . 192.0.2.1\nforward a 192.0.2.2", "a"),
    ("forward a 192.0.2.1\nforward . 192.0.2.2", None),
    ("forward a 192.0.2.1\nforward b.a 192.0.2.2", "b.a"),
    ("forward a 192.0.2.1\nforward ba 192.0.2.2", None),
    ("forward . 192.0.2.1 {\nexcept a\n}\nforward a 192.0.2.2", None),
    ("forward . 192.0.2.1 {\nexcept b\n}\nforward a 192.0.2.2", "a"),
    ("forward . 192.0.2.1 {\nnext NXDOMAIN\n}\nforward . 192.0.2.2", None),
    ("forward . 192.0.2.1 {\nnext_on_nodata\n}\nforward . 192.0.2.2", None),
    ("forward . 192.0.2.1 {\nfailover SERVFAIL\n}\nforward . 192.0.2.2", "."),
]


@pytest.mark.parametrize(("lines", "unasked"), FORWARDS)
async def test_a_forward_that_an_earlier_one_leaves_nothing_to(
    lines: str, unasked: str | None
) -> None:
    found = await warnings(f".:53 {{\n{lines}\n}}")
    assert len(found) == (unasked is not None), found
    for line in found:
        assert f"this 'forward {unasked}' is never asked: the forward at C:2:1 comes first" in line


K8S = "kubernetes cluster.local"
OTHER = "the server block of 'cluster.local.' at {} gets these questions"
OUTSIDE = "it lies outside of the zones of its server block at {}"
ZONES = [
    (f".:53 {{\n{K8S}\n}}\ncluster.local:53 {{\n{K8S}\n}}", [("C:2:12", OTHER.format("C:4:1"))]),
    (f".:53 {{\n{K8S}\n}}\nsvc.cluster.local:53 {{\n{K8S}\n}}", []),
    (f".:53 {{\n{K8S}\n}}\ncluster.local:54 {{\n{K8S}\n}}", []),
    (f". cluster.local {{\n{K8S}\n}}", []),
    (f".:53 .:54 {{\n{K8S}\n}}\ncluster.local:53 {{\nwhoami\n}}", []),
    (f"local {{\n{K8S}\n}}\n. cluster.local {{\nwhoami\n}}", [("C:2:12", OTHER.format("C:4:3"))]),
    (f"example.org {{\n{K8S}\n}}", [("C:2:12", OUTSIDE.format("C:1:1"))]),
    (f"example.org cluster.local {{\n{K8S} in-addr.arpa\n}}", [("C:2:26", OUTSIDE.format("C:1:1"))]),
    ("10.in-addr.arpa cluster.local {\nkubernetes cluster.local 10.0.0.0/7\n}", []),
    ("cluster.local {\nforward . 192.0.2.1\n}", []),
    (".:53 {\nforward a 192.0.2.1\n}\na:53 {\nwhoami\n}", [("C:2:9", "block of 'a.' at C:4:1 gets")]),
    (f".:53 {{\nbind 127.0.0.1\n{K8S}\n}}\ncluster.local:53 {{\nbind 127.0.0.2\n{K8S}\n}}", []),
    (
        f".:53 {{\nbind 127.0.0.1\n{K8S}\n}}\ncluster.local:53 {{\nbind 127.0.0.1\n{K8S}\n}}",
        [("C:3:12", OTHER.format("C:5:1"))],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), ZONES)
async def test_a_zone_that_another_block_gets_or_nobody_asks_for(
    text: str, expected: list[tuple[str, str]]
) -> None:
    found = await warnings(text)
    assert len(found) == len(expected), found
    for line, (place, why) in zip(found, expected, strict=True):
        assert line.startswith(f"{place}: ")
        assert "is never asked for" in line
        assert why in line


BOUND = (
    "C:1:1: no question to {} reaches this server block: the one at C:5:1 is bound to that address"
)
BINDS = [
    ("", "bind 127.0.0.1", [BOUND.format("127.0.0.1:53")]),
    ("", "bind ::1 127.0.0.1", [BOUND.format("[::1]:53"), BOUND.format("127.0.0.1:53")]),
    ("bind 0.0.0.0", "bind ::1", []),
    ("bind 0.0.0.0", "bind 127.0.0.1", [BOUND.format("127.0.0.1:53")]),
    ("bind 127.0.0.1", "bind 127.0.0.2", []),
    ("", "", []),
]


@pytest.mark.parametrize(("first", "second", "expected"), BINDS)
async def test_a_block_on_every_address_gets_nothing_where_another_is_bound(
    first: str, second: str, expected: list[str]
) -> None:
    text = f".:53 {{\n{first}\nwhoami\n}}\na:53 b:53 {{\n{second}\nwhoami\n}}"
    assert await warnings(text) == expected


@pytest.mark.parametrize("word", ["chaos", "debug", "loadbalance", "whoami"])
async def test_a_directive_that_counts_once_is_told_of_where_it_stands_again(word: str) -> None:
    assert await warnings(f". {{\n{word}\n{word}\n}}") == [
        f"C:3:1: this '{word}' has no effect, the one at C:2:1 counts"
    ]


async def test_what_coredns_refuses_twice_is_refused_with_both_places() -> None:
    with pytest.raises(CorefileError) as caught:
        await warnings(f". {{\n{K8S}\n{K8S}\n}}")
    assert str(caught.value) == (
        "C:3:1: kubernetes can only be used once per Server Block, it already is at C:2:1"
    )
