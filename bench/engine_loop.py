"""What an answer of our engines costs: CPU time per answer, beside a bare echo.

    python -m bench.engine_loop [--names 10000] [--rounds 5] [--seconds 1] [--in-flight 64]

Each server runs on one processor and the load on another, in turns, so that what else the machine does meets all of
them alike. `respond` is the time of the pure function alone, without any socket.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import uvloop

from podname.dns import constants as c
from podname.dns import names
from podname.dns.query import Query
from podname.dns.records import answer, answer_with_additional, srv_rdata
from podname.engine.base import Change, Client, Engine, Plan, Table, TableOptions, Zone
from podname.engine.counters import Counters
from podname.engine.native import NativeEngine
from podname.engine.reference import PythonEngine
from podname.engine.reference.responder import PythonResponder

HERE = Path(__file__).parent
CORES = sorted(os.sched_getaffinity(0))
TICKS = os.sysconf("SC_CLK_TCK")
ZONE = names.from_text("cluster.local")
OPT = b"\x00" + struct.pack("!HHIH", c.OPT, 1232, 0, 0)
SPINNING = "native, spinning"  # Python computes all the time
WAYS = ("native", "python")


def changes(pods: int) -> Iterator[Change]:
    """Return pods by name, and a Service with an SRV record for every ten of them."""
    for number in range(pods):
        address = bytes((10, number >> 16 & 255, number >> 8 & 255, number & 255))
        owner = names.from_text(f"app-7bd795854f-{number:05x}.default.pod.cluster.local")
        yield owner, c.A, answer(c.A, 30, [address])
        if number % 10 == 0:
            service = names.from_text(f"app-{number}.default.svc.cluster.local")
            port = b"\x05_http\x04_tcp" + service
            srv = [(srv_rdata(0, 100, 80, service), 6)]
            yield service, c.A, answer(c.A, 30, [address])
            yield (
                port,
                c.SRV,
                answer_with_additional(len(port), c.SRV, 30, srv, [(0, c.A, address)]),
            )


def filled_table(pods: int, engine: Engine) -> Table:
    zone = Zone(ZONE, 30, 30, b"\x02ns\x03dns" + ZONE, b"\x0ahostmaster" + ZONE)
    table = engine.table(TableOptions("kubernetes", (zone,), optional_underscores=True))
    table.update(changes(pods))
    table.synced = True
    return table


async def no_miss(_: Query, __: Client) -> bytes | None:
    return None


def plan(table: Table) -> Plan:
    """Serve as a kubeadm Corefile does: with loadbalance and prometheus."""
    return Plan(names.ROOT, (table,), no_miss, rotate=True, counters=Counters())


def queries(kind: str, pods: int) -> list[bytes]:
    """Return queries of a kind."""
    if kind == "never twice":  # more names than the engine remembers answers for
        asked = range(30_000)
        pattern = "x{}.example.com.default.svc.cluster.local"
        return [query_for(pattern.format(number), c.A, OPT) for number in asked]
    step = max(1, pods // 2000)
    numbers = range(0, pods, step)
    if kind == "mixed":
        every = [queries(k, pods) for k in ("A", "A, EDNS", "NXDOMAIN", "SRV")]
        return [query for row in zip(*every, strict=False) for query in row]
    rtype = c.SRV if kind == "SRV" else c.A
    pattern = {
        "NXDOMAIN": "www{0}.example.com.default.svc.cluster.local",
        "SRV": "_http._tcp.app-{1}.default.svc.cluster.local",
    }.get(kind, "app-7bd795854f-{0:05x}.default.pod.cluster.local")
    edns = OPT if kind != "A" else b""
    return [query_for(pattern.format(n, n // 10 * 10), rtype, edns) for n in numbers]


def query_for(name: str, rtype: int, edns: bytes) -> bytes:
    head = struct.pack("!6H", 0, 0x0100, 1, 0, 0, 1 if edns else 0)
    return head + names.from_text(name) + struct.pack("!HH", rtype, c.IN) + edns


KINDS = ("A", "A, EDNS", "NXDOMAIN", "SRV", "mixed", "never twice")


# --------------------------------------------------------------------- servers


class Nobody:
    """A source of packets that nobody asks about."""

    def client(self) -> Client:
        return Client("", 0, "udp", "")


async def serve(way: str, pods: int, threads: int) -> None:
    """Be a server: print the port, answer until ended. Only the native engine has more than one thread."""
    engine: Engine = PythonEngine() if way == "python" else NativeEngine(threads)
    table = filled_table(pods, engine)
    listener = await engine.listen("127.0.0.1", 0, "dns://:53", [plan(table)])
    print(listener.address[1], flush=True)
    while way == SPINNING:
        pass
    await asyncio.Event().wait()


class Server:
    """A server under measurement, on its own processor."""

    def __init__(self, name: str, command: list[str]) -> None:
        self.name = name
        self.process = subprocess.Popen(
            ["taskset", "-c", str(CORES[0]), *command], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())

    def cpu_seconds(self) -> float:
        """Return the user and system time spent so far; the kernel counts it in nanoseconds."""
        return cpu_seconds_of(self.process.pid)

    def end(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def cpu_seconds_of(pid: int) -> float:
    """Return what a process has spent on all of its threads."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(thread.read_text().split()[0]) for thread in threads) * 1e-9


def compiled(name: str, folder: Path) -> str:
    """Compile a C program of this folder."""
    out = folder / name
    subprocess.run(["cc", "-O2", "-o", str(out), str(HERE / f"{name}.c")], check=True)
    return str(out)


def cost_us(server: Server, load: str, path: Path, seconds: float, in_flight: int) -> float:
    """Put load on a server; give its CPU time per answer."""
    before = server.cpu_seconds()
    asked = (load, "127.0.0.1", str(server.port), str(seconds), str(in_flight), str(path))
    done = subprocess.run(
        ["taskset", "-c", str(CORES[-1]), *asked], check=True, capture_output=True, text=True
    )
    result = json.loads(done.stdout)
    return (server.cpu_seconds() - before) / float(result["answers"]) * 1e6


def respond_us(pods: int, kind: str) -> float:
    """Take the time of the pure function."""
    responder = PythonResponder("dns://:53", "udp", 1, Counters())
    responder.serve([plan(filled_table(pods, PythonEngine()))])
    asked = queries(kind, pods)
    best, source = 1.0, Nobody()
    for _ in range(20):
        began = time.process_time()
        for query in asked:
            responder.respond(query, source)
        best = min(best, (time.process_time() - began) / len(asked))
    return best * 1e6


# --------------------------------------------------------------------- figures


def shown(values: list[float]) -> str:
    return f"{statistics.median(values):6.2f} ({min(values):.2f}-{max(values):.2f})"


def measure(
    pods: int, rounds: int, seconds: float, in_flight: int, say: Callable[[str], None]
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        load = compiled("load", folder)
        servers = [Server("echo", [compiled("echo", folder)])] + [
            Server(way, [sys.executable, __file__, "--serve", way, "--names", str(pods)])
            for way in WAYS
        ]
        try:
            for kind in KINDS:
                path = folder / kind.replace(" ", "")
                asked = queries(kind, pods)
                path.write_bytes(b"".join(struct.pack("!H", len(q)) + q for q in asked))
                costs: dict[str, list[float]] = {server.name: [] for server in servers}
                for _ in range(rounds):
                    for server in servers:
                        costs[server.name].append(cost_us(server, load, path, seconds, in_flight))
                row = "  ".join(f"{server} {shown(costs[server])}" for server in costs)
                say(f"{kind:11} {row}  respond {respond_us(pods, kind):.2f}")
        finally:
            for server in servers:
                server.end()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--names", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--in-flight", type=int, default=64)
    parser.add_argument("--serve", choices=(*WAYS, SPINNING))
    parser.add_argument("--threads", type=int, default=1, help="of the server that --serve is")
    options = parser.parse_args()
    if options.serve:
        uvloop.run(serve(options.serve, options.names, options.threads))
        return
    print(f"us of CPU per answer, median (least-most) of {options.rounds}; {options.names} pods")
    measure(options.names, options.rounds, options.seconds, options.in_flight, print)


if __name__ == "__main__":
    main()
