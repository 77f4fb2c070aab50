"""CPU per answer of six servers for the same zone, in one run: echo, our two engines, Knot, NSD, CoreDNS.

    python -m bench.side_by_side [--names 10000 100000] [--threads 1 2] [--rounds 5] [--seconds 1] [--latency]

One server works at a time: with one thread on one processor, the load on another; with more threads, servers and
load share all processors, and the load is several clients, because the kernel gives one client to one thread. (Our
Python engine always has one thread.) All serve the same names: ours from a
table, the others from a zone file (CoreDNS by its `file` plugin: beside_coredns.py measures its `kubernetes`). Rate
limiting is off. What is not installed is left out: knot and nsd are Debian's, CoreDNS is built by
tests/cluster/prepare.sh. With --latency: our native engine's latency at a modest rate, Python idle and spinning; the
threads that answer and the load run before whatever else the machine does (SCHED_FIFO; as root), Python does not.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import dns.message
import dns.query
import dns.rdata
import dns.rdataclass
import dns.rdatatype
from bench.engine_loop import (
    CORES,
    KINDS,
    changes,
    compiled,
    cpu_seconds_of,
    queries,
    shown,
)

from podname.dns import names
from podname.dns.patching import COUNTS_OCTETS
from podname.dns.records import walk

LOOPBACK = "127.0.0.1"
IN_FLIGHT = 64
CLIENTS_PER_THREAD = 4
EVERYWHERE = f"{CORES[0]}-{CORES[-1]}"
PROGRAMS = Path.home() / ".cache/podname/programs"
SOA = "ns.dns.cluster.local. hostmaster.cluster.local. 7 7200 1800 86400 30"


def zone_lines(pods: int) -> Iterator[str]:
    """Write the names as a zone file."""
    yield f"cluster.local. 30 IN SOA {SOA}"
    yield "cluster.local. 30 IN NS ns.dns.cluster.local."
    yield "ns.dns.cluster.local. 30 IN A 10.255.255.254"
    for owner, rtype, ready in changes(pods):
        assert ready is not None
        for record in walk(ready, COUNTS_OCTETS, int.from_bytes(ready[:2], "big")):
            octets = ready[record.rdata : record.end]
            rdata = dns.rdata.from_wire(
                dns.rdataclass.IN, dns.rdatatype.RdataType(rtype), octets, 0, len(octets)
            )
            kind = dns.rdatatype.to_text(dns.rdatatype.RdataType(rtype))
            yield f"{names.to_text(owner)} 30 IN {kind} {rdata}"


def knot(folder: Path, port: int, threads: int) -> list[str] | None:
    program = shutil.which("knotd", path=os.environ["PATH"] + ":/usr/sbin")
    (folder / "knot.conf").write_text(
        f"""server:
    rundir: {folder}/knot
    listen: {LOOPBACK}@{port}
    udp-workers: {threads}
    tcp-workers: 1
    background-workers: 1
database:
    storage: {folder}/knot
zone:
  - domain: cluster.local
    file: {folder}/zone
    zonefile-load: whole
    journal-content: none
    semantic-checks: off
log:
  - target: stderr
    any: error
"""
    )
    (folder / "knot").mkdir()
    return [program, "-c", str(folder / "knot.conf")] if program else None


def nsd(folder: Path, port: int, threads: int) -> list[str] | None:
    program = shutil.which("nsd", path=os.environ["PATH"] + ":/usr/sbin")
    (folder / "nsd").mkdir()
    (folder / "nsd.conf").write_text(
        f"""server:
    ip-address: {LOOPBACK}@{port}
    server-count: {threads}
    reuseport: yes
    username: ""
    chroot: ""
    zonesdir: "{folder}"
    database: ""
    pidfile: "{folder}/nsd/pid"
    xfrdfile: "{folder}/nsd/xfrd.state"
    zonelistfile: "{folder}/nsd/zone.list"
    xfrdir: "{folder}/nsd"
    logfile: "{folder}/nsd/log"
    rrl-ratelimit: 0
    rrl-whitelist-ratelimit: 0
remote-control:
    control-enable: no
zone:
    name: cluster.local
    zonefile: "{folder}/zone"
"""
    )
    return [program, "-d", "-c", str(folder / "nsd.conf")] if program else None


def coredns(folder: Path, port: int, threads: int) -> list[str] | None:
    found = sorted(PROGRAMS.glob("*/coredns"), key=lambda path: path.stat().st_mtime)
    (folder / "Corefile").write_text(
        f"cluster.local:{port} {{\n bind {LOOPBACK}\n file {folder}/zone\n loadbalance\n"
        f" multisocket {threads}\n}}\n"
    )
    return [str(found[-1]), "-quiet", "-conf", str(folder / "Corefile")] if found else None


class Server:
    """A server with a number of threads on some processors, known by its port."""

    def __init__(
        self, name: str, command: list[str], port: int | None, cores: str, threads: int = 1
    ) -> None:
        self.name = name
        quiet = subprocess.DEVNULL
        self.process = subprocess.Popen(
            ["taskset", "-c", cores, *command],
            stdout=subprocess.PIPE if port is None else quiet,
            stderr=quiet if port is not None else None,
            start_new_session=True,
            env=os.environ | {"GOMAXPROCS": str(threads)},
        )
        if port is None:
            assert self.process.stdout is not None
            port = int(self.process.stdout.readline())
        self.port = port

    def wait(self) -> None:
        """Wait until it answers."""
        query = dns.message.make_query(
            "app-7bd795854f-00000.default.pod.cluster.local", "A", use_edns=0
        )
        end = time.monotonic() + 120
        while self.name != "echo":
            try:
                reply = dns.query.udp(query, LOOPBACK, port=self.port, timeout=0.5)
                if reply.answer:
                    return
            except (OSError, dns.exception.DNSException):
                time.sleep(0.1)
            if time.monotonic() > end:
                raise TimeoutError(f"{self.name} does not answer")

    def cpu_seconds(self) -> float:
        """Return what it and its children have spent so far."""
        return sum(cpu_seconds_of(pid) for pid in family(self.process.pid))

    def first(self, threads: list[str]) -> None:
        """Let threads of these names run before everybody else."""
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            if (task / "comm").read_text().strip() in threads:
                subprocess.run(["chrt", "-f", "-p", "10", task.name], check=True)

    def resident_mib(self) -> float:
        """Return the memory that it has now, what is shared counted once."""
        kib = 0
        for pid in family(self.process.pid):
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
            kib += int(text.split("Pss:")[1].split()[0])
        return kib / 1024

    def end(self) -> None:
        """End it; a server of several processes ends its own."""
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            for pid in reversed(family(self.process.pid)):
                os.kill(pid, signal.SIGKILL)
            self.process.wait()


def family(pid: int) -> list[int]:
    """Return a process and all below it."""
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [pid, *(other for child in text.split() for other in family(int(child)))]


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((LOOPBACK, 0))
        return int(sock.getsockname()[1])


def ours(way: str, pods: int, threads: int = 1) -> list[str]:
    sizes = ["--names", str(pods), "--threads", str(threads)]
    return [sys.executable, "-m", "bench.engine_loop", "--serve", way, *sizes]


def load_command(
    load: str, server: Server, path: Path, seconds: float, in_flight: int, cores: str
) -> list[str]:
    options = [LOOPBACK, str(server.port), str(seconds), str(in_flight), str(path)]
    return ["taskset", "-c", cores, load, *options]


def run_paced(
    load: str, server: Server, path: Path, seconds: float, per_second: int
) -> dict[str, float]:
    """Ask at a rate, before everybody else, and give the client's figures."""
    command = load_command(load, server, path, seconds, 256, str(CORES[-1]))
    command = ["chrt", "-f", "10", *command, str(per_second)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    result: dict[str, float] = json.loads(done.stdout)
    return result


def cost_us(load: str, server: Server, path: Path, seconds: float, threads: int) -> float:
    """Give a server's CPU time per answer to as many clients as let each thread have some."""
    clients = 1 if threads == 1 else CLIENTS_PER_THREAD * threads
    cores = str(CORES[-1]) if threads == 1 else EVERYWHERE
    command = load_command(load, server, path, seconds, IN_FLIGHT * threads // clients, cores)
    before = server.cpu_seconds()
    running = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(clients)]
    answers = sum(json.loads(client.communicate()[0])["answers"] for client in running)
    return (server.cpu_seconds() - before) / float(answers) * 1e6


def write(path: Path, kind: str, pods: int) -> None:
    asked = queries(kind, pods)
    path.write_bytes(b"".join(struct.pack("!H", len(query)) + query for query in asked))


def started(stack: ExitStack, folder: Path, pods: int, threads: int) -> list[Server]:
    """Start every server that this machine has and wait until each answers."""
    cores = str(CORES[0]) if threads == 1 else EVERYWHERE
    servers = [Server("echo", [compiled("echo", folder), "0", str(threads)], None, cores)]
    for name, way in (("native", "native"), ("python", "python")):
        servers.append(Server(name, ours(way, pods, threads), None, cores))
    for program in (knot, nsd, coredns):
        port = free_port()
        command = program(folder, port, threads)
        if command:
            servers.append(Server(program.__name__, command, port, cores, threads))
    for server in servers:
        stack.callback(server.end)
    for server in servers:
        server.wait()
    return servers


def measure(pods: int, threads: int, rounds: int, seconds: float) -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        load = compiled("load", folder)
        (folder / "zone").write_text("\n".join(zone_lines(pods)) + "\n")
        servers = started(stack, folder, pods, threads)
        for kind in KINDS:
            path = folder / "queries"
            write(path, kind, pods)
            costs: dict[str, list[float]] = {server.name: [] for server in servers}
            for _ in range(rounds):
                for server in servers:
                    costs[server.name].append(cost_us(load, server, path, seconds, threads))
            echo = statistics.median(costs["echo"])
            row = "  ".join(
                f"{name} {shown(cost)} x{statistics.median(cost) / echo:.2f}"
                for name, cost in costs.items()
            )
            print(f"{kind:9} {row}", flush=True)
        row = "  ".join(f"{server.name} {server.resident_mib():.0f}" for server in servers)
        print(f"MiB resident: {row}")


def latency(pods: int, rounds: int, seconds: float, per_second: int) -> None:
    """Show what a busy interpreter does to native answers: nothing should."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        load = compiled("load", folder)
        write(folder / "queries", "A", pods)
        servers = [
            Server(way, ours(way, pods), None, EVERYWHERE)
            for way in ("native", "native, spinning", "python")
        ]
        for server in servers:
            stack.callback(server.end)
            server.first(["udp-0"] if server.name != "python" else ["python", "python3"])
            server.process.send_signal(signal.SIGSTOP)
        for _ in range(rounds):
            for server in servers:
                server.process.send_signal(
                    signal.SIGCONT
                )  # one spins: it must not while others run
                result = run_paced(load, server, folder / "queries", seconds, per_second)
                server.process.send_signal(signal.SIGSTOP)
                line = ", ".join(
                    f"{key} {result[key]:.0f}" for key in ("p50_us", "p99_us", "p999_us", "lost")
                )
                print(f"{server.name:17} at {per_second}/s: {line}", flush=True)
        for server in servers:
            server.process.send_signal(signal.SIGCONT)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--names", type=int, nargs="+", default=[10_000])
    parser.add_argument("--threads", type=int, nargs="+", default=[1])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--latency", action="store_true")
    options = parser.parse_args()
    for pods in options.names:
        if options.latency:
            latency(pods, options.rounds, options.seconds, 5000)
            continue
        for threads in options.threads:
            print(
                f"us of CPU per answer, median (least-most) of {options.rounds}, and times the echo's;"
                f" {pods} pods, {threads} threads"
            )
            measure(pods, threads, options.rounds, options.seconds)


if __name__ == "__main__":
    main()
