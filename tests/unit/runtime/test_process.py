"""How a process is run: when it cannot start, when its work fails, and when it is told to end too early."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from podname.runtime import process
from podname.runtime.process import Process, Signals, attend


class Kept(Process):
    """Keeps what was called, and fails where it is told to."""

    def __init__(self, fails: str = "") -> None:
        self.called: list[str] = []
        self._fails = fails

    async def _call(self, name: str) -> None:
        self.called.append(name)
        if name == self._fails:
            raise OSError(name)

    async def start(self) -> None:
        await self._call("start")

    async def work(self) -> None:
        await self._call("work")
        try:
            await asyncio.Event().wait()
        finally:
            self.called.append("work is over")

    async def end(self) -> None:
        await self._call("end")

    async def close(self) -> None:
        await self._call("close")


@pytest.mark.parametrize(
    ("fails", "called"), [("start", ["start", "close"]), ("work", ["start", "work", "close"])]
)
def test_what_fails_is_closed_and_told(fails: str, called: list[str]) -> None:
    kept = Kept(fails)
    with pytest.raises(OSError, match=fails):
        process.run(lambda: kept, "text")
    assert kept.called == called


def test_work_goes_on_until_the_end_is_over() -> None:
    class Told(Kept):
        async def work(self) -> None:
            os.kill(os.getpid(), signal.SIGTERM)
            await super().work()

        async def end(self) -> None:
            await super().end()
            assert "work is over" not in self.called

    told = Told()
    assert process.run(lambda: told, "text") == 0
    assert told.called == ["start", "work", "end", "work is over", "close"]


async def test_work_that_is_done_ends_the_process_and_is_not_success() -> None:
    assert await attend(Process(), Signals()) == (process.EXIT_RUNTIME, False)


async def test_a_signal_while_something_starts_ends_the_wait() -> None:
    signals, starting = Signals(), asyncio.create_task(asyncio.Event().wait())
    signals.send(signal.SIGUSR1)  # nothing to reload so far
    signals.send(signal.SIGINT)
    assert await signals.during(starting) == signal.SIGINT
    starting.cancel()
