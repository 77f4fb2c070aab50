"""The webhook as a real process, over TLS, that is told to end while clients are at every stage of a connection."""

from __future__ import annotations

import asyncio
import signal
import socket
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import yaml

from podname.runtime.http.messages import Request, Response
from podname.runtime.http.server import HttpServer
from tests.support.requester import Asked
from tests.unit.webhook.test_certificate import Cluster
from tests.unit.webhook.test_review import asked, pod
from tests.unit.webhook.test_serving import HOST, Client

PROGRAM = """
import sys
from podname.webhook import process
from podname.cli.webhook import command
from podname.runtime.http import server
process.LAME_SECONDS = 0.1
server.HANDSHAKE_SECONDS = 1
server.CLOSE_SECONDS = 0.3
command(sys.argv[1:])
"""


class ApiServer:
    """The Secret and the configuration of `Cluster`, over HTTP; whatever else is asked for is not found."""

    def __init__(self) -> None:
        self.cluster = Cluster()

    async def __call__(self, request: Request) -> Response:
        if not request.path.endswith("/podname-webhook"):
            return Response(404, b"{}")
        kind = request.headers.get("content-type", "")
        question = Asked(request.method, request.path, {}, request.body or b"", kind, 1.0)
        return Response(200, await self.cluster.answer(question))


def kubeconfig(folder: Path, port: int) -> Path:
    path = folder / "kubeconfig"
    context = {"name": "x", "context": {"cluster": "c", "namespace": "podname"}}
    cluster = {"name": "c", "cluster": {"server": f"http://127.0.0.1:{port}"}}
    whole = {"current-context": "x", "contexts": [context], "clusters": [cluster]}
    path.write_text(yaml.safe_dump(whole))
    return path


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


class Running:
    """The process, and what a client needs."""

    def __init__(self, process: asyncio.subprocess.Process, port: int, api: ApiServer) -> None:
        self.process, self.port, self.api = process, port, api

    async def client(self) -> Client:
        context = ssl.create_default_context(cadata=self.api.cluster.trusted.decode())
        return Client(
            *await asyncio.open_connection(
                "127.0.0.1", self.port, ssl=context, server_hostname=HOST
            )
        )

    async def plain(self) -> asyncio.StreamWriter:
        return (await asyncio.open_connection("127.0.0.1", self.port))[1]

    async def end(self) -> tuple[int | None, str]:
        """Send SIGTERM; give the exit code and what stderr says."""
        self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(30):
            _, errors = await self.process.communicate()
        return self.process.returncode, errors.decode()


@asynccontextmanager
async def webhook(folder: Path) -> AsyncIterator[Running]:
    api, port = ApiServer(), free_port()
    serving = HttpServer(api)
    path = kubeconfig(folder, await serving.open("127.0.0.1", 0))
    arguments = (
        *("--kubeconfig", str(path), "--serve", f"127.0.0.1:{port}"),
        *("--listen", "127.0.0.1:0"),
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-X", "dev", "-c", PROGRAM, *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(20):
            while b"certificate until" not in (line := await process.stdout.readline()):
                assert line, "it ended"
        yield Running(process, port, api)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
        await serving.close()


STAGES = (
    "idle",
    "kept",
    "half a head",
    "half a body",
    "no handshake",
    "half a handshake",
    "reset",
    "deaf",
)


async def at(stage: str, running: Running) -> asyncio.StreamWriter:
    """Bring a connection to a stage."""
    if stage.endswith("handshake"):
        writer = await running.plain()
        if stage.startswith("half"):
            writer.write(b"\x16\x03\x01\x02\x00\x01")
        return writer
    client = await running.client()
    if stage == "kept":
        assert (await client.post(asked(pod())))["allowed"]
    elif stage == "half a head":
        client.writer.write(b"POST /inject HTTP/1.1\r\nHost: x\r\nContent-Len")
    elif stage == "half a body":
        client.writer.write(b"POST /inject HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
    elif stage == "reset":
        client.send(asked(pod()), "/inject")
        client.writer.transport.abort()
    elif stage == "deaf":
        cast("asyncio.Transport", client.writer.transport).pause_reading()
        for _ in range(200):
            client.send(asked(pod(annotations={"x": "y" * 10_000})), "/inject")
    return client.writer


async def test_no_connection_outlives_the_event_loop(tmp_path: Path) -> None:
    async with webhook(tmp_path) as running:
        writers = [await at(stage, running) for stage in STAGES for _ in range(2)]
        assert await running.end() == (0, "")  # development mode tells of each that does
    for writer in writers:
        writer.transport.abort()
        writer.close()
