"""CPU per answer for names that are forwarded, cached and not cached, beside CoreDNS and dnsdist in one run.

    python -m bench.forwarded [--rounds 5] [--seconds 1]

CoreDNS 1.15.0 and podname with each of its engines serve the same Corefile: one server block that forwards and caches,
one that only forwards, both with errors, prometheus and loadbalance; Debian's dnsdist, where it is installed, the same
with two pools. An echo, which asks nobody, is the floor. One server is asked at a time, in turns, on one processor
with one thread; the load and the upstream (a table of the native engine) run on the other.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from bench.engine_loop import CORES, compiled, shown
from bench.side_by_side import IN_FLIGHT, PROGRAMS, Server, free_port, load_command, ours, write

NAMES = 2000
COREFILE = """.:{cached} {{
    bind 127.0.0.1
    errors
    prometheus 127.0.0.1:{metrics}
    forward . 127.0.0.1:{upstream}
    cache {{
        success 9984 3600 3600
    }}
    loadbalance
}}
.:{forwarded} {{
    bind 127.0.0.1
    errors
    prometheus 127.0.0.1:{metrics}
    forward . 127.0.0.1:{upstream}
    loadbalance
}}
"""


DNSDIST = """setLocal("127.0.0.1:{cached}")
addLocal("127.0.0.1:{forwarded}")
setSecurityPollSuffix("")
newServer({{address="127.0.0.1:{upstream}", pool="cached"}}):setUp()
newServer({{address="127.0.0.1:{upstream}"}}):setUp()
getPool("cached"):setCache(newPacketCache(10000))
addAction(DSTPortRule({cached}), PoolAction("cached"))
"""


class Contender:
    """One program, with a port for each kind of answer."""

    def __init__(
        self, name: str, command: list[str], folder: Path, upstream: int, text: str = COREFILE
    ) -> None:
        self.name = name
        self.ports = {"cached": free_port(), "not cached": free_port()}
        path = folder / name.replace(" ", "-")
        path.write_text(
            text.format(
                cached=self.ports["cached"],
                forwarded=self.ports["not cached"],
                metrics=free_port(),
                upstream=upstream,
            )
        )
        self.server = Server(name, [*command, str(path)], self.ports["cached"], str(CORES[0]))
        self.cost_us: dict[str, list[float]] = {kind: [] for kind in self.ports}

    def load(self, load: str, path: Path, seconds: float) -> dict[str, float]:
        """Put load on it."""
        command = load_command(load, self.server, path, seconds, IN_FLIGHT, str(CORES[-1]))
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        result: dict[str, float] = json.loads(done.stdout)
        return result

    def fill(self, load: str, path: Path) -> None:
        """Have it ask for every name, so that what can be cached is: TTLs are an hour there."""
        answered = 0.0
        while answered < 3 * NAMES:
            answered += self.load(load, path, 0.5)["answers"]

    def measure(self, kind: str, load: str, path: Path, seconds: float) -> None:
        """Put load on it and note its CPU time per answer."""
        self.server.port = self.ports[kind]
        before = self.server.cpu_seconds()
        result = self.load(load, path, seconds)
        if result["answers"] < 100 or result["noerror"] < result["answers"] * 0.99:
            raise SystemExit(f"{self.name}: a load that does not count: {result}")
        spent = self.server.cpu_seconds() - before
        self.cost_us[kind].append(spent / result["answers"] * 1e6)


def contenders(folder: Path, upstream: int) -> list[Contender]:
    coredns = sorted(PROGRAMS.glob("*/coredns"), key=lambda path: path.stat().st_mtime)[-1]
    podname = str(Path(sys.executable).parent / "podname")
    commands = {
        "coredns": [str(coredns), "-quiet", "-conf"],
        "native": ["env", "PODNAME_ENGINE=native", podname, "serve", "-conf"],
        "python": ["env", "PODNAME_ENGINE=python", podname, "serve", "-conf"],
    }
    found = [Contender(name, command, folder, upstream) for name, command in commands.items()]
    if dnsdist := shutil.which("dnsdist"):
        command = [dnsdist, "--supervised", "--disable-syslog", "-C"]
        found.append(Contender("dnsdist", command, folder, upstream, DNSDIST))
    return found


class Echo(Contender):
    """The floor: a program that receives and sends and does nothing else."""

    def __init__(self, folder: Path) -> None:
        self.name = "echo"
        self.server = Server("echo", [compiled("echo", folder)], None, str(CORES[0]))
        self.ports = {"cached": self.server.port, "not cached": self.server.port}
        self.cost_us = {kind: [] for kind in self.ports}


def measure(rounds: int, seconds: float) -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        load, path = compiled("load", folder), folder / "queries"
        write(path, "A, EDNS", NAMES)
        upstream = Server("upstream", ours("native", NAMES), None, str(CORES[-1]))
        stack.callback(upstream.end)
        every = contenders(folder, upstream.port)
        for one in every:
            stack.callback(one.server.end)
        for one in every:
            one.server.wait()
            one.fill(load, path)
        every.append(Echo(folder))
        stack.callback(every[-1].server.end)
        for kind in ("cached", "not cached"):
            for _ in range(rounds):
                for one in every:
                    one.measure(kind, load, path, seconds)
            reference = statistics.median(every[0].cost_us[kind])
            row = "  ".join(
                f"{one.name} {shown(one.cost_us[kind])} /{reference / statistics.median(one.cost_us[kind]):.1f}"
                for one in every
            )
            print(f"{kind:10} {row}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0)
    options = parser.parse_args()
    print(f"us of CPU per answer, median (least-most) of {options.rounds}, and how often CoreDNS's")
    measure(options.rounds, options.seconds)


if __name__ == "__main__":
    main()
