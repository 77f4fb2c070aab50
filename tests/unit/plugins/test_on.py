"""`on`: commands that run when a configuration takes effect, and before the end."""

from __future__ import annotations

import asyncio
from pathlib import Path

import dns.rcode
import pytest
from tests.support.plugin import until
from tests.support.server import port_of, serving, started, udp, write

from podname.plugins.on.handler import Command, Event, On

COREFILE = """. {{
    bind 127.0.0.1
    {lines}
    whoami
}}
"""


def corefile(*lines: str) -> str:
    return COREFILE.format(lines="\n    ".join(lines)).replace(". {", ".:0 {", 1)


async def test_the_server_answers_before_the_command_has_ended(tmp_path: Path) -> None:
    go = tmp_path / "go"
    wait = f"until test -e {go}; do sleep 0.01; done; touch {tmp_path}/ended"
    text = corefile(f"on startup \"sh -c '{wait}'\"", f"on startup touch {tmp_path}/second")
    async with serving(tmp_path, text) as server:
        reply = await udp(port_of(server), "example.org")
        assert reply.rcode() == dns.rcode.NOERROR
        assert not (tmp_path / "second").exists(), "one after the other"
        go.touch()
        await until((tmp_path / "second").exists)
        assert (tmp_path / "ended").exists()


async def test_a_command_in_the_background_is_not_waited_for(tmp_path: Path) -> None:
    wait = f"until test -e {tmp_path}/second; do sleep 0.01; done; touch {tmp_path}/first"
    text = corefile(f"on startup \"sh -c '{wait}'\" &", f"on startup touch {tmp_path}/second")
    async with serving(tmp_path, text):
        await until((tmp_path / "first").exists)


async def test_a_reload_is_a_start(tmp_path: Path) -> None:
    async with serving(tmp_path, corefile(f"on startup touch {tmp_path}/one")) as server:
        await until((tmp_path / "one").exists)
        write(
            tmp_path,
            corefile(f"on startup touch {tmp_path}/two", f"on shutdown touch {tmp_path}/no"),
        )
        await server.reload()
        await until((tmp_path / "two").exists)
        write(tmp_path, corefile("debug"))
        await server.reload()
    assert not (tmp_path / "no").exists()


async def test_the_server_answers_until_the_commands_of_the_end_have_ended(tmp_path: Path) -> None:
    go = tmp_path / "go"
    wait = f"touch {tmp_path}/began; until test -e {go}; do sleep 0.01; done"
    server = await started(tmp_path, corefile(f"on shutdown \"sh -c '{wait}'\""))
    draining = asyncio.create_task(server.drain())
    await until((tmp_path / "began").exists)
    assert (await udp(port_of(server), "example.org")).rcode() == dns.rcode.NOERROR
    assert not draining.done()
    go.touch()
    await draining
    await server.stop(0)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("false",), "On startup: false: exit status 1"),
        (("/no/such/program", "a b"), "On startup: /no/such/program 'a b': [Errno 2] No such file"),
        (("a\0b",), "embedded null byte"),
    ],
)
async def test_a_command_that_fails_is_logged_and_the_next_one_runs(
    words: tuple[str, ...], text: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    after = Command(Event.STARTUP, ("touch", f"{tmp_path}/after"))
    plugin = On([Command(Event.STARTUP, words), after])
    plugin.took_effect()
    await until((tmp_path / "after").exists)
    await plugin.stop()
    assert text in caplog.text


async def test_an_end_does_not_wait_for_the_commands_of_the_start(tmp_path: Path) -> None:
    wait = f"touch {tmp_path}/began; until test -e {tmp_path}/go; do sleep 0.01; done"
    plugin = On([Command(Event.STARTUP, ("sh", "-c", f"{wait}; touch {tmp_path}/outlived"))])
    plugin.took_effect()
    await until((tmp_path / "began").exists)
    await plugin.stop()
    (tmp_path / "go").touch()
    await until((tmp_path / "outlived").exists)
