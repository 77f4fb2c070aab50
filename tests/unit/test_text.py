"""Text from others: whatever it is, what is printed holds nothing that is not seen as itself."""

from __future__ import annotations

import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podname.runtime.logs import JsonFormatter, TextFormatter
from podname.text import escaped, escaped_json, escaped_lines, escaped_traceback, shown
from tests.support.hostile import HOSTILE, TEXT, is_harmless

TABLE = [
    ("", ""),
    ("default/web: no such pod", "default/web: no such pod"),
    ("büro 日本 😀", "büro 日本 😀"),
    ("\x1b[31mred", "\\x1b[31mred"),
    ("\x9b31mred\x85", "\\x9b31mred\\x85"),
    ("a\r\nb\tc\0\x7f", "a\\r\\nb\\tc\\x00\\x7f"),
    (
        "\u202eabc\u202c \u2066x\u2069 \u200e\u061c",
        "\\u202eabc\\u202c \\u2066x\\u2069 \\u200e\\u061c",
    ),
    ("a\u200bb\u200d\u2060\ufeff\xad", "a\\u200bb\\u200d\\u2060\\ufeff\\xad"),
    ("a\u2028b\u2029\xa0", "a\\u2028b\\u2029\\xa0"),
    ("\udcff\ud800", "\\udcff\\ud800"),
    ("\U000e0041\ue000", "\\U000e0041\\ue000"),
    ("a\u3164b\u115f\u034f\ufe0f", "a\\u3164b\\u115f\\u034f\\ufe0f"),
]


@pytest.mark.parametrize(("text", "expected"), TABLE)
def test_each_kind_of_character(text: str, expected: str) -> None:
    assert escaped(text) == expected


@given(TEXT)
def test_any_text_is_harmless_on_one_line_and_escaped_once(text: str) -> None:
    assert is_harmless(escaped(text))
    assert escaped(escaped(text)) == escaped(text)
    assert all(map(is_harmless, escaped_lines(text).split("\n")))
    assert escaped_lines(text).count("\n") == text.count("\n")


@given(st.text(st.characters(categories=("L", "N", "P", "S"), codec="ascii")))
def test_plain_text_stays(text: str) -> None:
    assert escaped(text) == text


@given(st.dictionaries(TEXT, TEXT))
def test_a_json_document_keeps_its_values(values: dict[str, str]) -> None:
    # Two surrogates that make a character are one when they are read: as they would be from any JSON.
    document = json.dumps(values, ensure_ascii=False)
    assert is_harmless(escaped_json(document))
    assert json.loads(escaped_json(document)) == json.loads(json.dumps(values))


def raised(text: str) -> BaseException:
    """Raise an error of each way to hang one on another."""
    try:
        try:
            try:
                raise KeyError(text)  # noqa: TRY301 - that is what is tried
            except KeyError as error:
                raise RuntimeError(text) from error
        except RuntimeError:
            raise ExceptionGroup(text, [ValueError(text), OSError(2, text)])  # noqa: B904
    except ExceptionGroup as error:
        return error


@given(TEXT)
def test_an_error_forges_no_line_of_its_traceback(text: str) -> None:
    lines = escaped_traceback(raised(text)).split("\n")
    assert all(map(is_harmless, lines))
    assert len(lines) == len(escaped_traceback(raised("x")).split("\n"))


def test_a_traceback_is_pythons() -> None:
    import traceback  # noqa: PLC0415

    error = raised("x")
    assert escaped_traceback(error) + "\n" == "".join(traceback.format_exception(error))


def record(text: str) -> logging.LogRecord:
    error = raised(text)
    info = (type(error), error, None)
    return logging.LogRecord("podname.kube", logging.ERROR, "", 0, "%s", (text,), info)


@given(TEXT)
def test_a_log_in_text_has_no_lines_but_its_own(text: str) -> None:
    lines = TextFormatter().format(record(text)).split("\n")
    assert lines[0] == f"[ERROR] plugin/kubernetes: {escaped(text)}"
    assert all(map(is_harmless, lines))
    assert len(lines) == len(TextFormatter().format(record("x")).split("\n"))


@given(TEXT)
def test_a_log_in_json_is_harmless_and_keeps_the_message(text: str) -> None:
    line = JsonFormatter().format(record(text))
    assert is_harmless(line)
    message = json.loads(line)["msg"]
    assert message.startswith(text.encode("utf-8", "backslashreplace").decode() + "\n")


def test_long_words_are_cut() -> None:
    assert shown("x" * 60) == "x" * 60
    assert shown("x" * 61) == "x" * 60 + "…"
    assert shown(HOSTILE, 3) == HOSTILE[:3] + "…"
