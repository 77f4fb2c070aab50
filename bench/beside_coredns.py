"""podname beside CoreDNS on one real API server, in one run: CPU per query, memory, time to ready, event to answer.

    python -m bench.beside_coredns --pods 10000        (as root; see README.md beside this file)

Both servers follow the same cluster at the same time, CoreDNS with `pods verified` (all pods, as podname with
`pod_names`) and once without pods. Load is put on one of them at a time, in turns, from another processor.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import dns.message
from bench import clusters
from tests.cluster.harness.cluster import Cluster
from tests.cluster.harness.servers import DnsServer

HERE = Path(__file__).parent
ZONES = "cluster.local in-addr.arpa ip6.arpa"
CORES = sorted(os.sched_getaffinity(0))
TICKS = os.sysconf("SC_CLK_TCK")
QUERIES = 5000


@dataclass
class Contender:
    """A server under measurement."""

    name: str
    program: str
    directive: str
    engine: str = ""
    server: DnsServer | None = None
    ready_seconds: float = 0.0
    resident_mib: float = 0.0
    cpu_us: dict[str, list[float]] = field(default_factory=dict)
    event_ms: list[float] = field(default_factory=list)
    starts: dict[str, list[float]] = field(default_factory=dict)

    @property
    def running(self) -> DnsServer:
        assert self.server is not None
        return self.server

    @property
    def pid(self) -> int:
        return self.running.program.pid

    def status(self, field_: str) -> float:
        """Read a size of /proc/PID/status in MiB."""
        text = Path(f"/proc/{self.pid}/status").read_text()
        return next(
            int(line.split()[1]) / 1024 for line in text.splitlines() if line.startswith(field_)
        )

    def cpu_seconds(self) -> float:
        parts = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(parts[11]) + int(parts[12])) / TICKS


def contenders() -> list[Contender]:
    every_pod = "pods verified\npod_names"
    return [
        Contender("coredns, no pods", "coredns", "pods disabled"),
        Contender("coredns, pods verified", "coredns", "pods verified"),
        Contender("podname, pod_names, Python engine", "podname", every_pod, "python"),
        Contender("podname, pod_names, native engine", "podname", every_pod, "native"),
    ]


def corefile(directive: str) -> str:
    return (
        f".:{{$PORT}} {{\nbind {{$ADDRESS}}\nerrors\nready {{$READY}}\n"
        f"kubernetes {ZONES} {{\nkubeconfig {{$KUBECONFIG}}\nttl 30\nstartup_timeout 120s\n{directive}\n}}\n}}\n"
    )


def start(cluster: Cluster, contender: Contender) -> None:
    """Start a server and take the time until it says that it is ready."""
    began = time.perf_counter()
    environment = {"PODNAME_ENGINE": contender.engine} if contender.engine else {}
    text = corefile(contender.directive)
    contender.server = cluster.start_server(contender.program, text, environment=environment)
    contender.ready_seconds = time.perf_counter() - began
    contender.resident_mib = contender.status("VmRSS")


def start_in_turns(cluster: Cluster, several: list[Contender], rounds: int) -> None:
    """Start each server alone, again and again, in turns, and tell how long it took."""
    for number in range(rounds):
        for contender in several:
            start(cluster, contender)
            figures = {"seconds": contender.ready_seconds, "of CPU": contender.cpu_seconds()}
            for name, value in (figures | {"MiB": contender.resident_mib}).items():
                contender.starts.setdefault(name, []).append(value)
            contender.running.stop()
        say(f"start {number + 1} of {rounds}")
    reference = several[1].starts["seconds"]
    print(f"\nstart to ready, {rounds} times in turns")
    for contender in several:
        told = ", ".join(f"{name} {spread(values)}" for name, values in contender.starts.items())
        ratios = [a / b for a, b in zip(contender.starts["seconds"], reference, strict=True)]
        print(f"  {contender.name}: {told}; times {several[1].name} {spread(ratios)}")


# ------------------------------------------------------------------------ load


def questions(pods: int, kind: str) -> Iterator[tuple[str, str]]:
    """Return random questions of one kind that both servers answer alike."""
    chooser = random.Random(kind)
    services = pods // clusters.PODS_PER_SERVICE
    for _ in range(QUERIES):
        service = chooser.randrange(services)
        number = chooser.randrange(clusters.PODS_PER_SERVICE)
        headless = service | 1 if (service | 1) < services else 1
        name = f"{clusters.service_name(service & ~1)}.{clusters.namespace_of(service & ~1)}.svc.cluster.local."
        many = f"{clusters.service_name(headless)}.{clusters.namespace_of(headless)}.svc.cluster.local."
        address = clusters.pod_address(headless, number)
        yield {
            "service A": (name, "A"),
            "headless A": (many, "A"),
            "headless SRV": (f"_http._tcp.{many}", "SRV"),
            "endpoint A": (f"{address.replace('.', '-')}.{many}", "A"),
            "PTR": (".".join(reversed(address.split("."))) + ".in-addr.arpa.", "PTR"),
            "NXDOMAIN": (f"www{number}.example.com.{many}", "A"),
        }[kind]


KINDS = ("service A", "headless A", "headless SRV", "endpoint A", "PTR", "NXDOMAIN")


def write_queries(folder: Path, pods: int) -> dict[str, Path]:
    files = {}
    for kind in KINDS:
        path = files[kind] = folder / kind.replace(" ", "-")
        packets = [
            dns.message.make_query(name, rtype, use_edns=0).to_wire()
            for name, rtype in questions(pods, kind)
        ]
        path.write_bytes(b"".join(len(p).to_bytes(2, "big") + p for p in packets))
    return files


def load(
    cluster: Cluster, contender: Contender, queries: Path, program: Path, seconds: float
) -> float:
    """Put load on a server from another processor and give its CPU time per answer in microseconds."""
    os.sched_setaffinity(contender.pid, {CORES[0]})
    for thread in Path(f"/proc/{contender.pid}/task").iterdir():
        with contextlib.suppress(OSError):
            os.sched_setaffinity(int(thread.name), {CORES[0]})
    server = contender.running
    command = [
        *cluster.namespace.into(network_only=True),
        "taskset",
        "-c",
        str(CORES[-1]),
        str(program),
    ]
    before = contender.cpu_seconds()
    done = subprocess.run(
        [*command, server.address, str(server.port), str(seconds), "64", str(queries)],
        check=True,
        capture_output=True,
        text=True,
    )
    spent = contender.cpu_seconds() - before
    result = json.loads(done.stdout)
    if result["answers"] < 100 or result["servfail"] or result["refused"]:
        raise SystemExit(f"{contender.name}: a load that does not count: {result}")
    return spent / float(result["answers"]) * 1e6


# ---------------------------------------------------------------------- events


def event_to_answer(cluster: Cluster, several: list[Contender], pods: int, number: int) -> None:
    """Put a pod behind a Service and take the time until each server answers for it."""
    service = 1 + 2 * (number % (pods // clusters.PODS_PER_SERVICE // 2))
    address = f"10.200.{number >> 8}.{number & 255}"
    dashed = address.replace(".", "-")
    parent = f"{clusters.service_name(service)}.{clusters.namespace_of(service)}.svc.cluster.local."
    waiting = {
        c.name: (c, dns.message.make_query(f"{dashed}.{parent}", "A").to_wire()) for c in several
    }
    sockets = {c.name: connected(cluster, c.running) for c in several}
    with cluster.bulk() as bulk:
        began = time.perf_counter()
        bulk.put([clusters.endpoint_slice(service, (f"fresh-{number}", address))])
    while waiting:
        for name, (contender, packet) in list(waiting.items()):
            sockets[name].send(packet)
            if sockets[name].recv(4096)[7]:  # an answer
                contender.event_ms.append((time.perf_counter() - began) * 1e3)
                del waiting[name]
        if time.perf_counter() - began > 30:
            raise SystemExit(f"no answer for a new endpoint from {', '.join(waiting)}")
    for one in sockets.values():
        one.close()


def connected(cluster: Cluster, server: DnsServer) -> socket.socket:
    """Open a UDP socket that only hears this server."""
    datagrams = cluster.namespace.open_socket()
    datagrams.settimeout(5)
    datagrams.connect((server.address, server.port))
    return datagrams


# ---------------------------------------------------------------------- report


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):8.2f} ({min(values):.2f} to {max(values):.2f})"


def report(several: list[Contender], pods: int) -> None:
    print(f"\n{pods} pods in {pods // clusters.PODS_PER_SERVICE} Services; medians (and extremes)")
    for contender in several:
        print(f"\n{contender.name}")
        print(f"  start to ready      {contender.ready_seconds:8.2f} s")
        print(f"  resident, at ready  {contender.resident_mib:8.1f} MiB")
        print(
            f"  resident, at end    {contender.status('VmRSS'):8.1f} MiB, highest {contender.status('VmHWM'):.1f}"
        )
        for kind, values in contender.cpu_us.items():
            print(f"  CPU, {kind:13} {spread(values)} us per query")
        if contender.event_ms:
            ordered = sorted(contender.event_ms)
            print(
                f"  etcd write to answer, {len(ordered)} times: median {statistics.median(ordered):.2f} ms,"
                f" 99th percentile {ordered[int(len(ordered) * 0.99)]:.2f} ms"
            )
    reference = several[1]
    for mine in several[2:]:
        print(f"\n{reference.name} / {mine.name}, CPU per query")
        for kind in reference.cpu_us:
            pairs = zip(reference.cpu_us[kind], mine.cpu_us[kind], strict=True)
            print(f"  {kind:13} {spread([a / b for a, b in pairs])}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--pods", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--seconds", type=float, default=1.0, help="of load for each kind and round"
    )
    parser.add_argument("--events", type=int, default=200)
    parser.add_argument(
        "--starts", type=int, default=0, help="of each server alone, and nothing else"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder_name:
        folder = Path(folder_name)
        program = folder / "load"
        subprocess.run(["cc", "-O2", "-o", program, HERE / "load.c"], check=True)
        files = write_queries(folder, arguments.pods)
        with Cluster(with_node=False, controllers=False) as cluster:
            measure(cluster, contenders(), arguments, files, program)


def measure(
    cluster: Cluster,
    several: list[Contender],
    arguments: argparse.Namespace,
    files: dict[str, Path],
    program: Path,
) -> None:
    with cluster.bulk() as bulk:
        count = bulk.put(clusters.objects(arguments.pods))
    say(f"{count} objects are in the cluster")
    wait_for_all(cluster, arguments.pods)
    if arguments.starts:
        start_in_turns(cluster, several, arguments.starts)
        return
    for contender in several:
        start(cluster, contender)
        say(f"{contender.name}: ready after {contender.ready_seconds:.2f} s")
    for number in range(arguments.events):
        event_to_answer(cluster, several, arguments.pods, number)
    say(f"{arguments.events} events followed")
    for number in range(arguments.rounds):
        for kind, queries in files.items():
            for contender in several:
                spent = load(cluster, contender, queries, program, arguments.seconds)
                contender.cpu_us.setdefault(kind, []).append(spent)
        say(f"round {number + 1} of {arguments.rounds}")
    report(several, arguments.pods)


def wait_for_all(cluster: Cluster, pods: int) -> None:
    """Wait until the API server has seen all that was written to etcd past it."""
    last = pods // clusters.PODS_PER_SERVICE - 1
    namespace, labels = clusters.namespace_of(last), f"app={clusters.service_name(last)}"

    def seen() -> bool:
        with contextlib.suppress(ConnectionError):  # it is busy with what it has not seen yet
            return len(cluster.api.find("Pod", namespace, labels)) == clusters.PODS_PER_SERVICE
        return False

    until(seen, 240)


def until(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit("the cluster did not come up to the load")
        time.sleep(0.2)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
