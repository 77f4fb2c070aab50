"""Run commands when the configuration has taken effect, and before the server ends.

Without a shell. A command is waited for before the next one runs, unless it says `&`. Queries are answered meanwhile. A
command that fails is logged, and nothing else. One that still runs when the server ends goes on.

Sources: coredns/caddy onevent/hook/hook.go; Instance.Restart, which tells of the start after every reload, too.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shlex
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from threading import Thread

from podname.plugins.base import Plugin
from podname.runtime.tasks import Tasks

_log = logging.getLogger(__name__)


class Event(Enum):
    """When a command runs; the values are the words of the Corefile."""

    STARTUP = "startup"
    SHUTDOWN = "shutdown"
    CERTRENEW = "certrenew"  # which never happens: CoreDNS has no certificates of this kind


@dataclass(frozen=True, slots=True)
class Command:
    """One command line."""

    event: Event
    words: tuple[str, ...]
    is_waited_for: bool = True

    def __str__(self) -> str:
        return shlex.join(self.words)


class On(Plugin):
    """All `on` directives of a block, in the order of the Corefile."""

    name = "on"

    def __init__(self, commands: Iterable[Command]) -> None:
        self.commands = tuple(commands)
        self._tasks = Tasks()

    def took_effect(self) -> None:
        """Begin with the commands of the start."""
        self._tasks.start(self._run_all(Event.STARTUP))

    async def drain(self) -> None:
        """Run the commands of the end."""
        await self._run_all(Event.SHUTDOWN)

    async def stop(self) -> None:
        """Wait for nothing any more."""
        self._tasks.cancel()
        await self._tasks.wait()

    async def _run_all(self, event: Event) -> None:
        for command in self.commands:
            if command.event is event:
                running = self._tasks.start(_run(command))
                if command.is_waited_for:
                    await running


async def _run(command: Command) -> None:
    """Run a command, and log how it failed."""
    _log.info("On %s: %s", command.event.value, command)
    try:
        code = await _exit_code(command.words)
    except (OSError, ValueError) as error:  # ValueError: a NUL in a word
        _log.error("On %s: %s: %s", command.event.value, command, error)
        return
    if code:
        _log.error("On %s: %s: exit status %d", command.event.value, command, code)


async def _exit_code(words: tuple[str, ...]) -> int:
    """Run a command to its end. A thread that nobody waits for does it: asyncio would kill it with the loop."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[int] = loop.create_future()

    def tell(code: int, error: Exception | None) -> None:
        if ended.done():
            return
        if error is None:
            ended.set_result(code)
        else:
            ended.set_exception(error)

    def work() -> None:
        code, failed = 0, None
        try:
            code = subprocess.run(words, check=False).returncode  # noqa: S603 - the Corefile's
        except (OSError, ValueError) as error:
            failed = error
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(tell, code, failed)

    Thread(target=work, name=f"on {words[0]}", daemon=True).start()
    return await ended
