"""What one large Service costs: CPU per event, and what others see while its endpoints are listed anew.

    python -m bench.large_service [--endpoints 1000 5000 10000] [--events 40] [--relists 3]

A headless Service has so many endpoints, in slices of a hundred. podname follows it from a pretended API
server. First endpoints come and go, one a second apart and ten a second: CPU per event. Then the watch of
slices ends in 410 and the same endpoints are listed in slices of other names, three times, while one process asks for
endpoints that are there before and after, and another for a name that is forwarded: how many answers deny an endpoint,
and the longest time that the other one waited.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import multiprocessing
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import dns.message
from bench.follow import Process, free_port
from tests.support.apiserver import ApiServer
from tests.support.objects import endpoint, endpoint_slice, namespace, service

Seen = tuple[int, int, float]  # answers, denials, the longest wait in seconds

SLICE_ENDPOINTS = 100
NXDOMAIN = 3
COREFILE = """.:{port} {{
    bind 127.0.0.1
    kubernetes cluster.local in-addr.arpa ip6.arpa {{
        endpoint {api}
    }}
    forward . 127.0.0.1:{upstream}
}}
"""


def address(number: int) -> str:
    return f"10.{64 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"


def slices(endpoints: int, prefix: str) -> list[dict[str, object]]:
    return [
        endpoint_slice(f"{prefix}-{at}", "web", *map(_endpoint, range(at, at + SLICE_ENDPOINTS)))
        for at in range(0, endpoints, SLICE_ENDPOINTS)
    ]


def _endpoint(number: int) -> dict[str, object]:
    return endpoint(address(number), pod=f"web-{number}")


# ------------------------------------------------------- processes that ask


def upstream(pipe: Connection) -> None:
    """Answer every question with one address."""
    with socket.socket(type=socket.SOCK_DGRAM) as here:
        here.bind(("127.0.0.1", 0))
        pipe.send(here.getsockname()[1])
        while True:
            packet, client = here.recvfrom(4096)
            reply = dns.message.make_response(dns.message.from_wire(packet))
            here.sendto(reply.to_wire(), client)


def ask(port: int, names: list[str], pause_seconds: float, pipe: Connection) -> None:
    """Ask for names in random order until told to end; give answers, denials and the longest wait."""
    packets = [dns.message.make_query(name, "A").to_wire() for name in names]
    answers, denied, longest = 0, 0, 0.0
    with socket.socket(type=socket.SOCK_DGRAM) as here:
        here.connect(("127.0.0.1", port))
        here.settimeout(20)
        while not pipe.poll():
            began = time.perf_counter()
            here.send(random.choice(packets))
            reply = here.recv(4096)
            longest = max(longest, time.perf_counter() - began)
            answers += 1
            denied += reply[3] & 15 == NXDOMAIN
            time.sleep(pause_seconds)
    pipe.send((answers, denied, longest))


@contextlib.contextmanager
def beside(target: Callable[..., None], *arguments: object) -> Iterator[Connection]:
    """Run a function in a process of its own; gives our end of its pipe."""
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=target,
        args=(*arguments, theirs),
        daemon=True,
    )
    process.start()
    try:
        yield ours
    finally:
        process.terminate()
        process.join()


# ------------------------------------------------------------------ measuring


async def has(port: int, name: str, *, there: bool = True, seconds: float = 60) -> None:
    """Wait until a name is there, or is not."""
    packet, end = dns.message.make_query(name, "A").to_wire(), time.monotonic() + seconds
    with socket.socket(type=socket.SOCK_DGRAM) as asking:
        asking.connect(("127.0.0.1", port))
        asking.settimeout(5)
        while time.monotonic() < end:
            with contextlib.suppress(OSError):
                asking.send(packet)
                if (asking.recv(4096)[7] > 0) == there:
                    return
            await asyncio.sleep(0.02)
    raise SystemExit(f"{name} did not come to be as it should")


def name_of(number: int) -> str:
    return f"{address(number).replace('.', '-')}.web.default.svc.cluster.local."


async def events(server: ApiServer, process: Process, count: int, pause_seconds: float) -> float:
    """Let an endpoint come and go; give the milliseconds of CPU per event."""
    before = process.cpu_seconds()
    fresh = _endpoint(1 << 17)
    whole = [_endpoint(number) for number in range(SLICE_ENDPOINTS)]
    for number in range(count):
        more = () if number % 2 else (fresh,)
        server.put("endpointslices", endpoint_slice("a-0", "web", *whole, *more))
        await asyncio.sleep(pause_seconds)
    await asyncio.sleep(1.5)
    return (process.cpu_seconds() - before) / count * 1e3


async def relists(server: ApiServer, port: int, endpoints: int, count: int) -> list[Seen]:
    """List the endpoints in slices of other names; give what two who ask meanwhile saw."""
    names = [name_of(number) for number in range(endpoints)]
    with (
        beside(ask, port, names, 0.0) as asking,
        beside(ask, port, ["www.example.com."], 0.002) as forwarded,
    ):
        await asyncio.sleep(2)
        for number in range(count):
            old, new = ("a", "b") if number % 2 == 0 else ("b", "a")
            with server.losing_events():
                for one in slices(endpoints, old):
                    server.delete("endpointslices", one["metadata"]["name"], "default")  # type: ignore[index]
                for one in slices(endpoints, new):
                    server.put("endpointslices", one)
                server.put(
                    "endpointslices",
                    endpoint_slice(f"mark{number}", "web", _endpoint(1 << 18 | number)),
                )
            server.state.compact()
            server.end_streams()
            await has(port, name_of(1 << 18 | number), seconds=180)  # its back-off grows
            await asyncio.sleep(0.5)
        found = []
        for pipe in (asking, forwarded):
            pipe.send(None)
            found.append(await asyncio.to_thread(pipe.recv))
    return found


async def measure(endpoints: int, options: argparse.Namespace) -> None:
    with beside(upstream) as pipe, tempfile.TemporaryDirectory() as folder:
        async with ApiServer() as server:
            server.put("namespaces", namespace("default"))
            server.put("services", service("web", "None"))
            for one in slices(endpoints, "a"):
                server.put("endpointslices", one)
            port, path = free_port(), Path(folder) / "Corefile"
            path.write_text(COREFILE.format(port=port, api=server.url, upstream=pipe.recv()))
            process = start(path, port)
            try:
                await has(port, name_of(endpoints - 1))
                await asyncio.sleep(1)
                slow = await events(server, process, options.events // 4, 1.0)
                fast = await events(server, process, options.events, 0.1)
                asked, forwarded = await relists(server, port, endpoints, options.relists)
            finally:
                process.process.terminate()
                process.process.wait(30)
    answers, denied, _ = asked
    print(
        f"{endpoints:6} endpoints: {slow:6.1f} ms an event, {fast:6.1f} when ten come a second;"
        f" relists: {denied} of {answers} denied, a forward waited {forwarded[2] * 1e3:.0f} ms",
        flush=True,
    )


def start(corefile: Path, port: int) -> Process:
    command = [sys.executable, "-m", "podname", "-conf", str(corefile)]
    environment = {**os.environ, "PODNAME_ENGINE": "native"}
    quiet = subprocess.DEVNULL
    return Process(subprocess.Popen(command, env=environment, stdout=quiet, stderr=quiet), port)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--endpoints", type=int, nargs="+", default=[1000, 5000, 10_000])
    parser.add_argument("--events", type=int, default=40)
    parser.add_argument("--relists", type=int, default=3)
    options = parser.parse_args()
    for endpoints in options.endpoints:
        asyncio.run(measure(endpoints, options))


if __name__ == "__main__":
    main()
