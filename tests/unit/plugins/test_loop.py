"""`loop`: a question that comes back ends the process; all others pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

import dns.message
import pytest
from tests.support.plugin import ask, context, directives, question, until
from tests.support.upstream import answering, free_port, response, scripted

from podname.dns import constants as c
from podname.dns import names
from podname.engine.base import Code
from podname.errors import CorefileError, ServeError
from podname.plugins.base import Bound, Draft, Reply, Request
from podname.plugins.loop import handler
from podname.plugins.loop.handler import Loop
from podname.plugins.loop.setup import setup


class Ends:
    """Stands for the end of the process."""

    count = 0

    def __call__(self) -> None:
        self.count += 1


def made(
    text: str = "loop",
    zones: Sequence[str] = ("example.org.", "example.net."),
    fatal: Callable[[], None] = Ends(),  # noqa: B008  # never counted
) -> Loop:
    return setup(directives(f". {{\n{text}\n}}", "loop"), replace(context(zones), fatal=fatal))


async def passed_on(_: Request) -> Reply:
    return b"passed on"


def ours(plugin: Loop) -> bytes:
    return question(names.to_text(plugin.question), "HINFO")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("loop example.org", "2:6: wrong argument count"),
        ("loop {\nonce\n}", "3:1: unknown property 'once'"),
        ("loop\nloop", "3:1: loop can only be used once"),
    ],
)
def test_it_says_nothing_but_its_name(text: str, message: str) -> None:
    with pytest.raises(CorefileError) as caught:
        made(text)
    assert message in str(caught.value)


def test_a_zone_without_room_is_refused() -> None:
    with pytest.raises(CorefileError, match="2:1: no random name has room in the zone"):
        made(zones=(f"{'a' * 60}." * 4,))


def test_the_question_is_random_and_lies_in_the_first_zone() -> None:
    first, second = made(), made()
    assert first.question != second.question
    assert first.question.endswith(names.from_text("example.org."))
    labels = names.labels_of(first.question)
    assert len(labels) == 4
    assert labels[0].isdigit()
    assert labels[1].isdigit()


def test_the_engine_hands_over_this_question_alone() -> None:
    plugin, draft = made(), Draft()
    plugin.plan(draft)
    assert draft.layers == [Code((plugin.question,))]


async def test_the_third_time_is_a_loop(caplog: pytest.LogCaptureFixture) -> None:
    ends = Ends()
    plugin = made(fatal=ends)
    plugin.bound([Bound("example.org.", "", 1053), Bound("example.net.", "", 1054)])
    for _ in range(2):
        assert await ask(plugin, ours(plugin), passed_on) == b"passed on"
    assert ends.count == 0
    with pytest.raises(ServeError) as caught:
        await ask(plugin, ours(plugin), passed_on)
    assert caught.value.rcode == c.SERVFAIL
    assert ends.count == 1
    assert caplog.messages[0].startswith(
        'Loop (127.0.0.1:40212 -> :1053) detected for zone "example.org.": the question "HINFO '
    )


async def test_other_questions_are_not_counted() -> None:
    plugin = made()
    for _ in range(5):
        await ask(plugin, question(names.to_text(plugin.question), "A"), passed_on)
        await ask(plugin, question("1.2.example.org.", "HINFO"), passed_on)
    assert plugin.seen == 0


async def test_it_asks_itself_and_rests_when_there_is_a_reply() -> None:
    plugin = made()

    async def going_through(packet: bytes) -> Sequence[bytes]:
        await ask(plugin, packet, passed_on)
        return [response(packet, rcode=2)]

    async with scripted(going_through) as server:
        plugin.bound([Bound("example.org.", "", server.port)])
        await plugin.start()
        await until(lambda: not plugin.looking)
        asked = dns.message.from_wire(server.asked[0].packet)
        assert str(asked.question[0]) == f"{names.to_text(plugin.question)} IN HINFO"
        for _ in range(5):
            assert await ask(plugin, ours(plugin), passed_on) == b"passed on"
        await plugin.stop()


async def test_a_reply_of_a_server_that_is_still_starting_proves_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plugin = made()
    monkeypatch.setattr(handler, "BETWEEN_TRIES_SECONDS", 0.0)
    async with scripted(answering(rcode=2)) as server:
        plugin.bound([Bound("example.org.", "", server.port)])
        await plugin.start()
        await until(lambda: len(server.asked) > 3)
        assert plugin.looking
        await plugin.stop()


async def test_a_loop_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    ends = Ends()
    plugin = made(fatal=ends)

    async def going_round(packet: bytes) -> Sequence[bytes]:
        for _ in range(3):
            with suppress(ServeError):
                await ask(plugin, packet, passed_on)
        return []

    monkeypatch.setattr(handler, "REPLY_SECONDS_MOST", 0.001)
    monkeypatch.setattr(handler, "BETWEEN_TRIES_SECONDS", 0.0)
    async with scripted(going_round) as server:
        plugin.bound([Bound("example.org.", "127.0.0.1", server.port)])
        await plugin.start()
        await until(lambda: ends.count > 0)
        await plugin.stop()


async def test_it_tries_again_and_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handler, "TRYING_SECONDS_MOST", 0.02)
    monkeypatch.setattr(handler, "BETWEEN_TRIES_SECONDS", 0.001)
    plugin = made()
    plugin.seen = 2
    plugin.bound([Bound("example.org.", "0.0.0.0", free_port())])
    await plugin.start()
    await until(lambda: not plugin.looking)
    assert plugin.seen == 0
    await plugin.stop()
    await plugin.stop()
