"""Declared properties: what a class of them makes of a block, each error with its place, and the manual pages."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from importlib import import_module
from pathlib import Path

import pytest
from tests.support.plugin import context

from podname.corefile import Directive, Line, parse_text
from podname.corefile.properties import (
    Properties,
    choice,
    duration,
    flag,
    integer,
    prop,
    syntax_of,
    union,
    value,
)
from podname.errors import CorefileError
from podname.plugins import SUPPORTED

PLUGINS = Path(__file__).parents[3] / "src" / "podname" / "plugins"


def words(line: Line) -> frozenset[str]:
    return frozenset(line.words())


@dataclass(frozen=True, slots=True)
class Options(Properties):
    SYNTAX = "ZONE"
    LATER = frozenset({"tls"})
    OBSOLETE = frozenset({"upstream"})

    zone: str = "."
    most: int = prop(7, integer(least=0))
    wait_seconds: float = prop(2.0, duration(), "wait")
    is_loud: bool = prop(False, flag(), "loud")
    mode: str = prop("fast", choice("fast", "slow"))
    names: frozenset[str] = prop(frozenset(), union("NAME...", words))
    pair: tuple[str, ...] = prop((), value("FROM TO", Line.words, least=2, most=2))


def directive(*lines: str) -> Directive:
    text = "\n".join([".:53 {", "thing zone.test {", *lines, "}", "}"])
    return parse_text(text).blocks[0].directives[0]


def test_defaults_and_what_is_given() -> None:
    assert Options.read(directive(), context(), zone="a.test") == Options(zone="a.test")
    assert Options.read(directive(), context(), most=3).most == 3


def test_values_by_their_properties() -> None:
    found = Options.read(
        directive("most 9", "wait 1m", "loud", "mode slow", "names a b", "names c", "pair x y"),
        context(),
    )
    expected = Options(
        most=9,
        wait_seconds=60.0,
        is_loud=True,
        mode="slow",
        names=frozenset("abc"),
        pair=("x", "y"),
    )
    assert found == expected
    assert Options.read(directive("most 1", "most 2"), context()).most == 2


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("mosst 1", "3:1: unknown property 'mosst' of thing, did you mean 'most'?"),
        ("zzz", "3:1: unknown property 'zzz' of thing"),
        ("tls a", "3:1: the property 'tls' of thing is not supported yet"),
        ("most", "3:1: wrong argument count or unexpected line ending after 'most'"),
        ("most 1 2", "3:8: wrong argument count or unexpected line ending after 'most'"),
        ("most -1", "3:6: most must be at least 0: -1"),
        ("wait -5s", "3:6: wait can't be negative: -5s"),
        ("mode quick", "3:6: unknown mode 'quick', there are fast, slow"),
        ("pair x", "3:6: wrong argument count or unexpected line ending after 'pair'"),
    ],
)
def test_each_error_has_its_place(line: str, message: str) -> None:
    with pytest.raises(CorefileError) as caught:
        Options.read(directive(line), context())
    assert str(caught.value).startswith(f"Corefile:{message}")


def test_every_error_of_a_block_is_told() -> None:
    with pytest.raises(CorefileError) as caught:
        Options.read(directive("most x", "loud", "mode y", "what"), context())
    assert [error.place.line for error in (caught.value, *caught.value.others) if error.place] == [
        3,
        5,
        6,
    ]


def test_an_obsolete_word_is_taken_with_a_warning() -> None:
    warnings: list[str] = []
    assert Options.read(directive("upstream"), context(warnings=warnings)) == Options()
    assert warnings == ["Corefile:3:1: 'upstream' in thing is obsolete and has no effect"]


def test_the_syntax_comes_from_the_declaration() -> None:
    assert syntax_of("thing", Options).splitlines() == [
        "thing ZONE {",
        "    most INTEGER",
        "    wait DURATION",
        "    loud",
        "    mode fast|slow",
        "    names NAME...",
        "    pair FROM TO",
        "}",
    ]


DECLARED = [
    (name, declared)
    for name in sorted(SUPPORTED)
    for declared in vars(import_module(f"podname.plugins.{name}.setup")).values()
    if isinstance(declared, type)
    and issubclass(declared, Properties)
    and declared is not Properties
]


@pytest.mark.parametrize(("name", "declared"), DECLARED)
def test_a_manual_page_shows_the_syntax_that_is_declared(
    name: str, declared: type[Properties]
) -> None:
    page = (PLUGINS / name / "README.md").read_text()
    blocks = re.findall(r"^(?:```|~~~)\n(.*?)\n(?:```|~~~)$", page, re.DOTALL | re.MULTILINE)
    assert syntax_of(name, declared) in blocks


@pytest.mark.parametrize(("name", "declared"), DECLARED)
def test_every_property_is_explained_on_its_manual_page(
    name: str, declared: type[Properties]
) -> None:
    page = (PLUGINS / name / "README.md").read_text()
    declared_names = [
        each.metadata["property"][0] or each.name
        for each in fields(declared)
        if "property" in each.metadata
    ]
    assert [word for word in declared_names if f"`{word}" not in page] == []
