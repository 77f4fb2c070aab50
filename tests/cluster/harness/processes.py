"""One program of the cluster: started inside, watched until it is ready, ended by its number."""

import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.cluster.harness import ClusterError
from tests.cluster.harness.namespace import Namespace, children_of
from tests.cluster.harness.waiting import until

TAIL_LINES = 25


class Program:
    """A running program; `pid` is its number on the machine, its output goes to a log file."""

    def __init__(
        self,
        namespace: Namespace,
        arguments: Sequence[str | Path],
        log: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.log = log
        self.name = log.stem
        with log.open("ab") as output:
            self._outer = subprocess.Popen(
                [*namespace.into(), *map(str, arguments)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**os.environ, **(environment or {})},
            )
        namespace.owns(self._outer)
        # nsenter forks, to be in the process namespace; it waits for its child and ends like it.
        until(lambda: not self.running or children_of(self._outer.pid), f"{self.name} to start")
        self.pid = next(iter(children_of(self._outer.pid)), 0)

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._outer.poll() is None

    def wait_until(self, ready: Callable[[], object], *, deadline_seconds: float = 60) -> "Program":
        """Wait until it is ready; an early end or the deadline is an error that shows the log."""

        def ready_or_ended() -> object:
            return not self.running or ready()

        until(
            ready_or_ended, lambda: f"{self.name}\n{self.tail()}", deadline_seconds=deadline_seconds
        )
        if not self.running:
            code = self._outer.returncode
            raise ClusterError(f"{self.name} ended with exit code {code}\n{self.tail()}")
        return self

    def tail(self, lines: int = TAIL_LINES) -> str:
        """Return the last lines of its log."""
        text = self.log.read_text(errors="replace").splitlines()
        return "\n".join([f"--- the end of {self.log}:", *text[-lines:], "---"])

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        if self.running:
            os.kill(self.pid, number)

    def stop(self, *, deadline_seconds: float = 15) -> int:
        """Ask it to end, insist after the deadline, and return its exit code."""
        self.signal(signal.SIGTERM)
        try:
            return self._outer.wait(deadline_seconds)
        except subprocess.TimeoutExpired:
            return self.kill()

    def kill(self) -> int:
        """End it at once, as a crash would."""
        self.signal(signal.SIGKILL)
        return self._outer.wait(15)
