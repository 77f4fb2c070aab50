"""How long the webhook takes for a pod, beside a TLS server that does nothing, over loopback.

Two processes serve, as `podname webhook` does or with a ready answer; this one asks them in turns, pod by pod, on one
kept connection each, so that what the machine does meanwhile befalls both alike. The pods are those of a Deployment,
each with another name, and an annotation of as many octets as asked for.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import multiprocessing
import os
import ssl
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from typing import Any

import msgspec
import uvloop

from podname.dns.nameserver import Nameserver
from podname.runtime.http.tls import Tls
from podname.webhook.material import Material
from podname.webhook.review import Settings
from podname.webhook.serving import Reviewer, TlsServer

HOST = "podname-webhook.podname.svc"
READY = b"HTTP/1.1 200 OK\r\ncontent-length: 2000\r\n\r\n" + b'"patch":' + b" " * 1992
WARM_UP = 200


def request(number: int, octets: int) -> bytes:
    """Return the HTTP request for a pod."""
    variables = [{"name": f"SETTING_{each}", "value": "x" * 20} for each in range(20)]
    pod: dict[str, Any] = {
        "metadata": {
            "generateName": f"web-{number}-",
            "labels": {"app": "web"},
            "annotations": {"padding": "x" * octets},
        },
        "spec": {"containers": [{"name": "app", "image": "web", "env": variables}]},
    }
    asked = {"uid": str(number), "namespace": "shop", "kind": {"kind": "Pod"}, "object": pod}
    review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": asked}
    body = msgspec.json.encode(review)
    head = f"POST /inject HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def epmd(_: str) -> str:
    """Return what each namespace says."""
    return "epmd"


class Echo(asyncio.Protocol):
    """Answers each request with the same octets."""

    def __init__(self) -> None:
        self.missing = 0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if not self.missing:
            head, _, data = data.partition(b"\r\n\r\n")
            self.missing = int(head.lower().partition(b"length: ")[2].split()[0])
        self.missing -= len(data)
        if not self.missing:
            self.transport.write(READY)


def serve(pipe: Connection, material: Material, *, echo: bool) -> None:
    """Serve until told to stop; tell the port, and whenever asked the CPU time so far."""
    uvloop.run(_serve(pipe, material, echo=echo))


async def _serve(pipe: Connection, material: Material, *, echo: bool) -> None:
    reviewer = Reviewer(epmd, Settings(Nameserver.parse("10.43.0.53")))
    server = TlsServer("127.0.0.1", 0, reviewer)
    server.show(material)
    tls = Tls()
    tls.show(material.certificate, material.key)
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    if echo:
        listening = await loop.create_server(Echo, "127.0.0.1", 0, ssl=tls.context)
        server.port = listening.sockets[0].getsockname()[1]
    else:
        await server.open()
    gc.freeze()
    loop.add_reader(
        pipe.fileno(), lambda: stop.set() if pipe.recv() else pipe.send(time.process_time())
    )
    pipe.send(server.port)
    await stop.wait()


class Server:
    """One of the two servers, and the connection to it."""

    def __init__(self, material: Material, *, echo: bool) -> None:
        self.name = "a ready answer" if echo else "webhook"
        self.milliseconds: list[float] = []
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=serve, args=(theirs, material), kwargs={"echo": echo}
        )
        self._material = material

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Server]:
        self._process.start()
        trust = ssl.create_default_context(cadata=self._material.authorities.decode())
        self.reader, self.writer = await asyncio.open_connection(
            "127.0.0.1", self.pipe.recv(), ssl=trust, server_hostname=HOST
        )
        yield self
        self.writer.transport.abort()
        self.pipe.send(True)
        self._process.join()

    def cpu_seconds(self) -> float:
        self.pipe.send(False)
        seconds: float = self.pipe.recv()
        return seconds

    async def ask(self, asked: bytes) -> None:
        began = time.perf_counter()
        self.writer.write(asked)
        head = await self.reader.readuntil(b"\r\n\r\n")
        body = await self.reader.readexactly(int(head.lower().partition(b"length: ")[2].split()[0]))
        self.milliseconds.append((time.perf_counter() - began) * 1000)
        assert b'"patch":' in body


async def measure(count: int, octets: int) -> None:
    """Print what so many pods took."""
    material = Material.make([HOST], datetime.now(UTC))
    async with AsyncExitStack() as stack:
        servers = [
            await stack.enter_async_context(Server(material, echo=echo).running())
            for echo in (False, True)
        ]
        for number in range(WARM_UP):
            for server in servers:
                await server.ask(request(number, octets))
        before = [server.cpu_seconds() for server in servers]
        for number in range(count):
            asked = request(number, octets)
            for server in servers:
                await server.ask(asked)
        for server, seconds in zip(servers, before, strict=True):
            used = (server.cpu_seconds() - seconds) / count * 1000
            print(
                f"{octets} octets, {server.name}: {shown(server.milliseconds[WARM_UP:])}, CPU {used:.2f} ms"
            )


def shown(milliseconds: Sequence[float]) -> str:
    """Return the quantiles."""
    cuts = statistics.quantiles(milliseconds, n=1000)
    told = [f"p{n / 10:g} {cuts[n - 1]:.2f} ms" for n in (500, 990, 999)]
    return ", ".join([*told, f"most {max(milliseconds):.1f} ms"])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--octets", type=int, nargs="+", default=[4_000, 100_000])
    options = parser.parse_args()
    gc.disable()
    for octets in options.octets:
        uvloop.run(measure(options.count, octets))
    print("load average", *(f"{load:.1f}" for load in os.getloadavg()))


if __name__ == "__main__":
    main()
