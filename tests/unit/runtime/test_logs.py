"""How log lines look, in text and in JSON."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from podname.runtime.logs import configure_logs, set_debug


@pytest.fixture(autouse=True)
def loggers_as_before() -> Iterator[None]:
    root, podname = logging.getLogger(), logging.getLogger("podname")
    before = root.handlers[:], root.level, podname.level, logging.raiseExceptions
    yield
    root.handlers[:], level, podname_level, logging.raiseExceptions = before
    root.setLevel(level)
    podname.setLevel(podname_level)


TABLE = [
    ("podname.plugins.forward.handler", "INFO", "hello", "[INFO] plugin/forward: hello", "forward"),
    ("podname.plugins.reload", "ERROR", "no", "[ERROR] plugin/reload: no", "reload"),
    ("podname.kube.reflector", "WARNING", "w", "[WARNING] plugin/kubernetes: w", "kubernetes"),
    ("podname.names.compiler", "INFO", "z", "[INFO] plugin/kubernetes: z", "kubernetes"),
    ("podname.server", "INFO", "Reloading", "[INFO] Reloading", None),
    ("podname.queries", "INFO", "a query", "[INFO] a query", None),
    ("podname.server", "CRITICAL", "out", "[FATAL] out", None),
    ("h2", "WARNING", "http", "[WARNING] http", None),
]
JSON_LEVELS = {"WARNING": "WARN", "CRITICAL": "FATAL"}


@pytest.mark.parametrize(("name", "level", "message", "line", "plugin"), TABLE)
def test_lines(name: str, level: str, message: str, line: str, plugin: str | None) -> None:
    text, structured = io.StringIO(), io.StringIO()
    configure_logs("text", text)
    logging.getLogger(name).log(logging.getLevelName(level), message)
    assert text.getvalue() == line + "\n"
    configure_logs("json", structured)
    logging.getLogger(name).log(logging.getLevelName(level), message)
    record = json.loads(structured.getvalue())
    assert record.pop("time").endswith("Z")
    expected = {"level": JSON_LEVELS.get(level, level), "msg": message}
    assert record == expected | ({"plugin": plugin} if plugin else {})


def test_a_json_record_is_one_line_whatever_is_in_it() -> None:
    out = io.StringIO()
    configure_logs("json", out)
    logging.getLogger("podname.server").error(
        'quoted "text"\n\udcff\x00', exc_info=RuntimeError("two\nlines")
    )
    (line,) = out.getvalue().splitlines()
    message = json.loads(line)["msg"]
    assert message.startswith('quoted "text"\n\\udcff\x00\nRuntimeError: two\\nlines')


def test_a_text_record_is_one_line_whatever_is_in_it() -> None:
    out = io.StringIO()
    configure_logs("text", out)
    logging.getLogger("podname.server").error("a\tb\n[FATAL] forged\r\x1b[2J\0 é\u2028\udcff")
    expected = "[ERROR] a\\tb\\n[FATAL] forged\\r\\x1b[2J\\x00 é\\u2028\\udcff\n"
    assert out.getvalue() == expected


def test_fields_are_made_only_for_json() -> None:
    made: list[int] = []

    def fields() -> dict[str, object]:
        made.append(1)
        return {"plugin": "log", "rcode": None, "id": 7}

    for form, count in (("text", 0), ("json", 1)):
        out = io.StringIO()
        configure_logs(form, out)
        logging.getLogger("podname.queries").info("q", extra={"fields": fields})
        assert len(made) == count
    record = json.loads(out.getvalue())
    assert (record["plugin"], record["rcode"], record["id"]) == ("log", None, 7)


def test_debug_is_for_podname_alone() -> None:
    out = io.StringIO()
    configure_logs("text", out)
    logging.getLogger("podname.plugins.forward").debug("hidden")
    set_debug(on=True)
    logging.getLogger("podname.plugins.forward").debug("shown")
    logging.getLogger("h2").info("hidden")
    set_debug(on=False)
    logging.getLogger("podname.plugins.forward").debug("hidden")
    assert out.getvalue() == "[DEBUG] plugin/forward: shown\n"


def test_a_reader_that_went_away_costs_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    class Gone(io.StringIO):
        def write(self, _: str) -> int:
            raise BrokenPipeError

    configure_logs("text", Gone())
    logging.getLogger("podname.server").error("nobody reads this")
    assert capfd.readouterr() == ("", "")
