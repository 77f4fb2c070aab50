"""`errors`: what it logs, and how it counts many alike as one."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
from tests.support.plugin import ask, context, directives, question

from podname.errors import ServeError
from podname.plugins.base import Reply, Request
from podname.plugins.errors.handler import Errors
from podname.plugins.errors.setup import setup


class Clock:
    """Calls back when told that the time has come."""

    def __init__(self) -> None:
        self.waiting: list[tuple[float, Callable[[], None], Ticket]] = []

    def later(self, seconds: float, callback: Callable[[], None]) -> Ticket:
        ticket = Ticket()
        self.waiting.append((seconds, callback, ticket))
        return ticket

    def ring(self) -> None:
        waiting, self.waiting = self.waiting, []
        for _, callback, ticket in waiting:
            if not ticket.cancelled:
                callback()


class Ticket:
    cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


def make(block: str, clock: Clock) -> Errors:
    plugin = setup(directives(f".:53 {{\nerrors {{\n{block}\n}}\n}}", "errors"), context())
    plugin._later = clock.later
    return plugin


def failing(message: str, rcode: int = 2) -> Callable[[Request], object]:
    async def next_(_: Request) -> Reply:
        raise ServeError(rcode, message)

    return next_


async def fail(plugin: Errors, *messages: str) -> None:
    for message in messages:
        with pytest.raises(ServeError):
            await ask(plugin, question("Example.ORG."), failing(message))  # type: ignore[arg-type]


def logged(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [(record.levelname, record.getMessage()) for record in caplog.records]


@pytest.fixture(autouse=True)
def everything_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "podname.plugins.errors")


async def test_an_error_is_one_line_and_passes_on(caplog: pytest.LogCaptureFixture) -> None:
    await fail(make("stacktrace", Clock()), "no upstream")
    assert logged(caplog) == [("ERROR", "2 example.org. A: no upstream")]


async def test_an_answer_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    async def answers(_: Request) -> Reply:
        return b"an answer"

    assert await ask(make("stacktrace", Clock()), question(), answers) == b"an answer"
    assert not logged(caplog)


async def test_errors_alike_are_counted_until_the_period_ends(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = Clock()
    plugin = make('consolidate 5m ".* timeout$"', clock)
    await fail(plugin, "read timeout", "write timeout", "refused", "read timeout")
    assert logged(caplog) == [("ERROR", "2 example.org. A: refused")]
    assert [seconds for seconds, _, _ in clock.waiting] == [300]
    caplog.clear()
    clock.ring()
    assert logged(caplog) == [("ERROR", "3 errors like '.* timeout$' occurred in last 5m0s")]
    caplog.clear()
    clock.ring()
    assert not logged(caplog), "a period without errors says nothing"
    await fail(plugin, "read timeout")
    clock.ring()
    assert logged(caplog) == [("ERROR", "1 errors like '.* timeout$' occurred in last 5m0s")]


@pytest.mark.parametrize("level", ["warning", "error", "info", "debug"])
async def test_the_summary_has_its_level(caplog: pytest.LogCaptureFixture, level: str) -> None:
    clock = Clock()
    await fail(make(f"consolidate 30s x {level}", clock), "x", "x")
    clock.ring()
    assert logged(caplog) == [(level.upper(), "2 errors like 'x' occurred in last 30s")]


async def test_show_first(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    plugin = make("consolidate 30s x info show_first", clock)
    await fail(plugin, "x")
    assert logged(caplog) == [("INFO", "2 example.org. A: x")]
    clock.ring()
    assert len(caplog.records) == 1, "one error that was shown needs no summary"
    caplog.clear()
    await fail(plugin, "x", "x", "x")
    clock.ring()
    assert logged(caplog) == [
        ("INFO", "2 example.org. A: x"),
        ("INFO", "3 errors like 'x' occurred in last 30s"),
    ]


async def test_the_first_pattern_that_matches_counts(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    await fail(make("consolidate 1s a\nconsolidate 2s b", clock), "ab", "b")
    clock.ring()
    assert [message for _, message in logged(caplog)] == [
        "1 errors like 'a' occurred in last 1s",
        "1 errors like 'b' occurred in last 2s",
    ]


async def test_stopping_tells_what_was_counted(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    plugin = make("consolidate 5m x", clock)
    await fail(plugin, "x", "x")
    await plugin.stop()
    assert logged(caplog) == [("ERROR", "2 errors like 'x' occurred in last 5m0s")]
    clock.ring()
    assert len(caplog.records) == 1
    await fail(plugin, "x")
    assert logged(caplog)[1:] == [("ERROR", "2 example.org. A: x")]
