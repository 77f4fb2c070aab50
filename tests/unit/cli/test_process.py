"""`podname serve` as a process: what it prints, its signals, its pid file, its exit codes."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.support.server import addresses, port_of, serving

import podname as podname_package
from podname import __version__

CLUSTER_DEMO = "cluster-demo-7bd795854f-298qd.default.pod.cluster.local"
WHOAMI = ".:0 {\n    bind 127.0.0.1\n    whoami\n    reload 2s\n}\n"


class Process:
    """A running `podname`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[str] = []

    async def line(self, pattern: str) -> re.Match[str]:
        """Wait for a line of standard output that matches."""
        assert self.process.stdout is not None
        async with asyncio.timeout(20):
            while octets := await self.process.stdout.readline():
                self.lines.append(octets.decode().rstrip("\n"))
                if match := re.search(pattern, self.lines[-1]):
                    return match
        raise AssertionError(self.lines)

    async def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        async with asyncio.timeout(20):
            return await self.process.wait()


@asynccontextmanager
async def podname(
    folder: Path, *arguments: str, stdin: str = "", **environment: str
) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "podname", *arguments),
        cwd=folder,
        env={**os.environ, **environment},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdin is not None
        process.stdin.write(stdin.encode())
        process.stdin.close()
        yield Process(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_the_embedded_default_answers_and_says_what_to_try(tmp_path: Path) -> None:
    async with podname(tmp_path, "-p=0", "-pidfile", "pid") as running:
        ready = await running.line(
            rf"\[INFO\] podname-{__version__} \(engine (?:python|native)\) is ready"
            r" on 127\.0\.0\.1:(\d+) after \d+\.\d\d s"
        )
        port = int(ready[1])
        shown = "\n".join(running.lines)
        assert f".:{port} on 127.0.0.1\npodname-{__version__}\n" in shown
        await running.line(rf"dig \+short @127\.0\.0\.1 -p {port} {CLUSTER_DEMO}")
        assert await addresses(port, CLUSTER_DEMO) == ["10.42.3.75"]
        assert (tmp_path / "pid").read_text() == f"{running.process.pid}\n"
        assert await running.end() == 0
    assert not (tmp_path / "pid").exists()


async def test_a_corefile_in_the_folder_is_reloaded_by_signal_in_json(tmp_path: Path) -> None:
    (tmp_path / "Corefile").write_text(WHOAMI)
    async with podname(tmp_path, "serve", "-log-format", "json") as running:
        port = int((await running.line(r"is ready on 127\.0\.0\.1:(\d+)"))[1])
        (tmp_path / "Corefile").write_text(WHOAMI.replace(".:0", "example.net:0"))
        running.process.send_signal(signal.SIGUSR1)
        await running.line("Reloading complete")
        assert await addresses(port, "example.org.") == ["REFUSED"]
        assert await running.end(signal.SIGINT) == 0
    records = [json.loads(line) for line in running.lines]
    assert {"time", "level", "msg"} <= set(records[0])
    notes = [record for record in records if "native engine" not in record["msg"]]
    assert all(record["level"] == "INFO" for record in notes)


async def test_a_corefile_through_a_pipe_and_quietly(tmp_path: Path) -> None:
    text = WHOAMI.replace("whoami", "whoami\n    log")
    async with podname(tmp_path, "-conf", "stdin", "-quiet", stdin=text) as running:
        await running.line("SHA512")
        assert await running.end(signal.SIGQUIT) == 0
    assert running.lines[0].startswith("[INFO] plugin/reload: Running configuration SHA512 = ")


async def test_a_port_in_use_is_1(tmp_path: Path) -> None:
    async with serving(tmp_path, WHOAMI) as server:
        port = port_of(server)
        (tmp_path / "Corefile").write_text(WHOAMI.replace(":0", f":{port}"))
        async with podname(tmp_path, "serve") as running:
            async with asyncio.timeout(20):
                out, err = await running.process.communicate()
            assert running.process.returncode == 1
    assert out == b""
    expected = f"podname: cannot listen on dns://127.0.0.1:{port}: "
    assert err.decode().startswith(expected)
    assert os.strerror(98).lower() in err.decode().lower()


def unprivileged() -> list[str]:
    """Return how to run a command that may not listen on a port below 1024."""
    first_open = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
    if first_open.exists() and int(first_open.read_text()) <= 53:
        pytest.skip("everybody may listen on port 53 here")
    return [] if os.geteuid() else ["setpriv", "--bounding-set", "-all", "--inh-caps", "-all"]


@pytest.mark.parametrize(
    ("key", "arguments", "is_named"),
    [
        (".", ["serve", "Corefile"], True),
        (".", ["serve", "-dns.port", "54"], True),
        (".:54", ["-conf", "Corefile"], False),
    ],
)
def test_without_rights_to_a_port_that_dns_port_sets_it_is_named(
    tmp_path: Path, key: str, arguments: list[str], is_named: bool
) -> None:
    (tmp_path / "Corefile").write_text(WHOAMI.replace(".:0", key))
    ended = subprocess.run(
        [*unprivileged(), sys.executable, "-m", "podname", *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert ended.returncode == 1
    assert re.match(r"podname: cannot listen on dns://127\.0\.0\.1:5[34]: ", ended.stderr)
    assert "NET_BIND_SERVICE" in ended.stderr
    assert ("-dns.port 1053" in ended.stderr) == is_named


async def test_serve_takes_the_corefile_as_check_does(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text(WHOAMI)
    async with podname(tmp_path, "serve", "mine") as running:
        await running.line(r"is ready on 127\.0\.0\.1:")
        assert await running.end() == 0


@pytest.mark.parametrize(
    ("module", "fault"),
    [
        ("", "was not built"),
        ("x", r"cannot be loaded \(_core\.abi3\.so: [^/]+\)"),
    ],
)
async def test_without_the_native_engine_serve_says_so_in_one_line_without_a_path(
    tmp_path: Path, module: str, fault: str
) -> None:
    package = tmp_path / "path/podname"
    package.mkdir(parents=True)
    for entry in Path(podname_package.__file__).parent.iterdir():
        if not entry.name.startswith(("_core", "__pycache__")):
            (package / entry.name).symlink_to(entry)
    if module:
        (package / "_core.abi3.so").write_text(module)
    here = {"PYTHONPATH": str(package.parent), "PODNAME_ENGINE": ""}
    (tmp_path / "Corefile").write_text(WHOAMI)
    async with podname(tmp_path, "-version", **here) as asked:
        out, err = await asked.process.communicate()
        assert out.endswith(b", engine python\n")
        assert err == b""
    async with podname(tmp_path, "serve", **here) as running:
        await running.line(r"\(engine python\) is ready")
        assert await running.end() == 0
    told = [line for line in running.lines if "native" in line]
    assert len(told) == 1
    expected = rf"\[WARNING\] the native engine {fault}: Python answers, which costs more CPU"
    assert re.fullmatch(expected, told[0])
    async with podname(tmp_path, "serve", **{**here, "PODNAME_ENGINE": "python"}) as running:
        await running.line(r"\(engine python\) is ready")
    assert "native" not in "".join(running.lines)
    async with podname(tmp_path, "serve", **{**here, "PODNAME_ENGINE": "native"}) as running:
        out, err = await running.process.communicate()
        assert running.process.returncode == 2
    assert re.fullmatch(rf"podname: the native engine {fault}\n", err.decode())
