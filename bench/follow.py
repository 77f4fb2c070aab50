"""What it costs podname to follow a large cluster: start to ready, memory, a list again, event to answer.

    python -m bench.follow --pods 100000 [--engine native] [--tls] [--events 300]

The API server is a stand-in that sends prepared octets, so that only our side is measured: podname is a process of its
own, on all four kinds of the cluster of `bench/clusters.py`. Everything is then listed again after a 410, and at last
pods appear one by one: from the octets of the watch event on the socket to the first answer with its address.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import dns.message
import trustme
from bench import clusters
from tests.support.transcoder import MESSAGES, frame_of, write

from podname.kube.wireformat import STATUS

TICKS = os.sysconf("SC_CLK_TCK")
PLURALS = {
    "Namespace": "namespaces",
    "Service": "services",
    "EndpointSlice": "endpointslices",
    "Pod": "pods",
}
EXPIRED = {"kind": "Status", "code": 410, "reason": "Expired"}
#: What a pod of an API server has besides what we read: nine hundred octets in protobuf.
FILLER = b"\xa2\x06\xf4\x05" + bytes(756)


def bookmark(kind: str, version: int) -> clusters.Object:
    annotations = {"k8s.io/initial-events-end": "true"}
    return {
        "kind": kind,
        "metadata": {"resourceVersion": str(version), "annotations": annotations},
    }


def chunk(line: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(line), line)


def encoded(event_type: str, obj: clusters.Object, *, as_json: bool) -> bytes:
    """Write an event as an API server does."""
    if as_json:
        event = {"type": event_type, "object": obj}
        return chunk(json.dumps(event, separators=(",", ":")).encode() + b"\n")
    kind = obj["kind"]
    octets = write(obj, STATUS if kind == "Status" else MESSAGES[kind])
    return chunk(frame_of(kind, event_type, octets + (FILLER if kind == "Pod" else b"")))


def named(obj: clusters.Object, version: int) -> clusters.Object:
    obj["metadata"] |= {
        "resourceVersion": str(version),
        "uid": f"0f0a1b2c-0000-4000-8000-{version:012x}",
        "creationTimestamp": "2026-11-22T10:00:00Z",
    }
    return obj


class StandIn:
    """Answers WatchList requests, one event a chunk as an API server does."""

    def __init__(self, pods: int, *, as_json: bool) -> None:
        self.version = 100_000
        self.as_json = as_json
        self.answers: dict[str, bytes] = {}
        self.streams: dict[str, list[asyncio.StreamWriter]] = {}
        parts: dict[str, list[bytes]] = {plural: [] for plural in PLURALS.values()}
        for obj in clusters.objects(pods):
            self.version += 1
            parts[PLURALS[obj["kind"]]].append(self.event("ADDED", named(obj, self.version)))
        for kind, plural in PLURALS.items():
            end = self.event("BOOKMARK", bookmark(kind, self.version))
            self.answers[plural] = b"".join([*parts[plural], end])

    def event(self, event_type: str, obj: clusters.Object) -> bytes:
        return encoded(event_type, obj, as_json=self.as_json)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while request := await reader.readuntil(b"\r\n\r\n"):
                path = request.split(b" ")[1].split(b"?")[0].decode()
                plural = path.rpartition("/")[2]
                writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                if b"sendInitialEvents" in request:
                    answer = memoryview(self.answers[plural])
                    for at in range(0, len(answer), 1 << 18):
                        writer.write(bytes(answer[at : at + (1 << 18)]))
                        await writer.drain()
                self.streams.setdefault(plural, []).append(writer)

    def send(self, plural: str, octets: bytes) -> None:
        for writer in self.streams.get(plural, []):
            if not writer.is_closing():
                writer.write(octets)

    def expire(self) -> None:
        """Let every watch end with a 410."""
        streams, self.streams = self.streams, {}
        for writers in streams.values():
            for writer in writers:
                if not writer.is_closing():
                    writer.write(self.event("ERROR", dict(EXPIRED)))


class Process:
    """podname, as /proc shows it."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process, self.port = process, port

    def mib(self, field: str) -> float:
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(field))

    def cpu_seconds(self) -> float:
        parts = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(parts[11]) + int(parts[12])) / TICKS


async def opens(port: int, seconds: float = 300) -> None:
    """Wait until the ready port says 200."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /ready HTTP/1.0\r\n\r\n")
            answer = await reader.read(64)
            writer.close()
            if b" 200 " in answer:
                return
        await asyncio.sleep(0.05)  # each question costs it a millisecond
    raise SystemExit("podname did not become ready")


def free_port() -> int:
    """Find a port that is free for both protocols."""
    while True:
        with socket.socket() as one, socket.socket(type=socket.SOCK_DGRAM) as other:
            one.bind(("127.0.0.1", 0))
            with contextlib.suppress(OSError):
                other.bind(one.getsockname())
                return int(one.getsockname()[1])


def start(arguments: argparse.Namespace, api: int, folder: Path) -> tuple[Process, int]:
    port, ready = free_port(), free_port()
    scheme = "https" if arguments.tls else "http"
    tls = (
        f"tls {folder / 'client.pem'} {folder / 'client.pem'} {folder / 'ca.pem'}\n"
        if arguments.tls
        else ""
    )
    (folder / "Corefile").write_text(
        f".:{port} {{\nbind 127.0.0.1\nerrors\nready 127.0.0.1:{ready}\n"
        f"kubernetes cluster.local in-addr.arpa ip6.arpa {{\nendpoint {scheme}://127.0.0.1:{api}\n{tls}"
        f"ttl 30\nstartup_timeout 300s\npods {arguments.mode}\npod_names\n}}\n}}\n"
    )
    command = [
        sys.executable,
        *arguments.wrap.split(),
        "-m",
        "podname",
        "-conf",
        str(folder / "Corefile"),
    ]
    environment = {**os.environ, "PODNAME_ENGINE": arguments.engine}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return Process(
        subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL), port
    ), ready


async def event_to_answer(stand_in: StandIn, server: Process, number: int) -> float:
    """Let a pod appear; give the milliseconds until it is answered for."""
    name, address = f"fresh-{number}", f"10.200.{number >> 8}.{number & 255}"
    query = dns.message.make_query(f"{name}.{clusters.namespace_of(1)}.pod.cluster.local.", "A")
    packet = query.to_wire()
    stand_in.version += 1
    pod = named(clusters.named_pod(1, name, address), stand_in.version)
    octets = stand_in.event("ADDED", pod)
    with socket.socket(type=socket.SOCK_DGRAM) as asking:
        asking.connect(("127.0.0.1", server.port))
        asking.settimeout(10)
        began = time.perf_counter()
        stand_in.send("pods", octets)
        while time.perf_counter() - began < 10:
            asking.send(packet)
            if struct.unpack_from("!H", asking.recv(4096), 6)[0]:
                return (time.perf_counter() - began) * 1e3
            await asyncio.sleep(0.0002)
    raise SystemExit("no answer for a new pod")


async def relist(stand_in: StandIn, server: Process) -> float:
    """Let everything be listed again; give the seconds until a change behind it is seen."""
    stand_in.expire()
    began = time.perf_counter()
    while "pods" not in stand_in.streams:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    await event_to_answer(stand_in, server, 9_999)
    return time.perf_counter() - began


def report(title: str, values: dict[str, Any]) -> None:
    print(
        title.ljust(18),
        "  ".join(f"{name} {value:.2f}" for name, value in values.items()),
        flush=True,
    )


async def measure(arguments: argparse.Namespace, stand_in: StandIn, folder: Path) -> None:
    context = None
    if arguments.tls:
        authority = trustme.CA()
        own = authority.issue_cert("127.0.0.1")
        (folder / "ca.pem").write_bytes(authority.cert_pem.bytes())
        (folder / "client.pem").write_bytes(own.private_key_and_cert_chain_pem.bytes())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "client.pem")
    api = await asyncio.start_server(stand_in.serve, "127.0.0.1", 0, ssl=context, limit=1 << 16)
    began = time.perf_counter()
    server, ready = start(arguments, api.sockets[0].getsockname()[1], folder)
    try:
        await opens(ready)
        sizes = {"resident": server.mib("VmRSS"), "highest": server.mib("VmHWM")}
        seconds = time.perf_counter() - began
        report("start to ready", {"seconds": seconds, "cpu": server.cpu_seconds(), **sizes})
        if arguments.relist:
            cpu = server.cpu_seconds()
            seconds = await relist(stand_in, server)
            sizes = {"resident": server.mib("VmRSS"), "highest": server.mib("VmHWM")}
            report("all again", {"seconds": seconds, "cpu": server.cpu_seconds() - cpu, **sizes})
        if arguments.events:
            times = [
                await event_to_answer(stand_in, server, number)
                for number in range(arguments.events)
            ]
            times.sort()
            ranks = {"p50": 0.5, "p99": 0.99}
            report("event to answer", {n: times[int(len(times) * r)] for n, r in ranks.items()})
    finally:
        server.process.terminate()
        server.process.wait(30)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--pods", type=int, default=10_000)
    parser.add_argument("--engine", choices=["native", "python"], default="native")
    parser.add_argument(
        "--mode", choices=["verified", "disabled"], default="verified", help="`pods`"
    )
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--json", action="store_true", help="the stand-in knows no protobuf")
    parser.add_argument("--events", type=int, default=200)
    parser.add_argument("--no-relist", dest="relist", action="store_false")
    parser.add_argument(
        "--wrap", default="", help="what the interpreter runs first: -m cProfile -o FILE"
    )
    arguments = parser.parse_args()
    stand_in = StandIn(arguments.pods, as_json=arguments.json)
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(arguments, stand_in, Path(folder)))


if __name__ == "__main__":
    main()
