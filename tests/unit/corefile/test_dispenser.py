from __future__ import annotations

from collections.abc import Callable

import pytest

from podname.corefile import Line, parse_text, suggest
from podname.errors import CorefileError


def line_of(text: str) -> Line:
    return parse_text(f"a {{\n {text}\n}}", file="F").blocks[0].directives[0]


def refusal_of(action: Callable[[], object]) -> str:
    with pytest.raises(CorefileError) as caught:
        action()
    return str(caught.value)


def test_words_and_errors_have_places() -> None:
    line = line_of('ttl 30 "x y"')
    assert line.words() == ("30", "x y")
    assert str(line.error("bad")) == "F:2:2: bad"
    assert str(line.error("bad", line.arguments[1])) == "F:2:9: bad"


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [("d", 0, 0), ("d", 0, None), ("d x", 1, 1), ("d x y z", 1, None), ("d x y", 1, 2)],
)
def test_expected_arguments(text: str, least: int, most: int | None) -> None:
    assert line_of(text).expect(least, most) == tuple(text.split()[1:])


PREFIX = "wrong argument count or unexpected line ending after 'd': expected"


@pytest.mark.parametrize(
    ("text", "least", "most", "expected"),
    [
        ("d", 1, 1, f"F:2:2: {PREFIX} 1 argument, found 0"),
        ("d x", 2, 2, f"F:2:4: {PREFIX} 2 arguments, found 1"),
        ("d x y", 1, 1, f"F:2:6: {PREFIX} 1 argument, found 2"),
        ("d x", 0, 0, f"F:2:4: {PREFIX} no argument, found 1"),
        ("d x y z", 0, 2, f"F:2:8: {PREFIX} 0 to 2 arguments, found 3"),
        ("d", 1, None, f"F:2:2: {PREFIX} at least 1 argument, found 0"),
        ("d x", 2, None, f"F:2:4: {PREFIX} at least 2 arguments, found 1"),
    ],
)
def test_wrong_counts_name_the_place_and_what_was_expected(
    text: str, least: int, most: int | None, expected: str
) -> None:
    assert refusal_of(lambda: line_of(text).expect(least, most)) == expected


@pytest.mark.parametrize(
    ("text", "number"), [("0", 0), ("30", 30), ("+5", 5), ("-7", -7), ("007", 7)]
)
def test_integers(text: str, number: int) -> None:
    assert line_of(f"ttl {text}").integer() == number
    assert line_of(f"cache x {text}").integer(1) == number


@pytest.mark.parametrize(
    "text", ["x", "1.5", "1_000", "0x10", "5s", '""', '" 5"', "٣", "9" * 19, "9" * 5000, "--1"]
)
def test_not_integers(text: str) -> None:
    message = refusal_of(lambda: line_of(f"ttl {text}").integer())
    assert message.startswith("F:2:6: '")
    assert message.endswith("' after 'ttl' is not a whole number")


def test_integers_out_of_range() -> None:
    line = line_of("ttl 3601")
    assert line.integer(least=0, most=3601) == 3601
    assert (
        refusal_of(lambda: line.integer(least=0, most=3600))
        == "F:2:6: ttl must be in range [0, 3600]: 3601"
    )
    assert refusal_of(lambda: line.integer(least=9999)) == "F:2:6: ttl must be at least 9999: 3601"
    assert refusal_of(lambda: line.integer(most=1)) == "F:2:6: ttl must be at most 1: 3601"
    assert refusal_of(lambda: line.integer(1)).startswith("F:2:6: wrong argument count")


# What Go's time.ParseDuration takes.
@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("-0", 0.0),
        ("5s", 5.0),
        ("1h30m", 5400.0),
        ("1h2m3.5s", 3723.5),
        ("500ms", 0.5),
        (".5s", 0.5),
        ("5.s", 5.0),
        ("+1m", 60.0),
        ("-1m30s", -90.0),
        ("10us", 1e-5),
        ("10µs", 1e-5),
        ("10μs", 1e-5),
        ("7ns", 7e-9),
        ("1s1s", 2.0),
        ("0.1s", 0.1),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert line_of(f"reload {text}").duration() == seconds


@pytest.mark.parametrize(
    "text",
    ["5", "s", "5 s", "5S", "1d", ".s", "1..2s", "1h-2m", "3000000h", "x", '""', "٣s", "5ss"],
)
def test_not_durations(text: str) -> None:
    message = refusal_of(lambda: line_of(f'reload "{text}"').duration())
    assert message.startswith("F:2:9: '")
    assert "is not a duration: write numbers with units, such as 30s, 500ms or 1h30m" in message


def test_messages_cut_long_words() -> None:
    assert len(refusal_of(lambda: line_of(f"ttl {'x' * 5000}").integer())) < 200


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("kuberentes", "kubernetes"),
        ("forwards", "forward"),
        ("LOG", "log"),
        ("error", "errors"),
        ("zzz", None),
        ("", None),
    ],
)
def test_suggest(word: str, meant: str | None) -> None:
    assert suggest(word, {"kubernetes", "forward", "log", "errors", "loop"}) == meant
