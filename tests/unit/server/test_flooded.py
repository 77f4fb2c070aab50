"""A server that is asked from before it listens: no question for its own zones is ever REFUSED."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import dns.message
import dns.rcode
from tests.support.server import serving, write
from tests.support.upstream import free_port
from tests.unit.server.test_serving import kubernetes

STARTS = 5
POD = "web-1.default.pod.cluster.local"
QUERY = dns.message.make_query(POD, "A", id=1).to_wire()


class Flood(threading.Thread):
    """Asks an address without a pause, and counts the RCODEs of what comes back."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(daemon=True)
        self.rcodes: Counter[int] = Counter()
        self.going = True
        self.good = threading.Event()
        self._where = host, port

    def run(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.settimeout(0.01)
            asking.connect(self._where)
            while self.going:
                with contextlib.suppress(OSError):  # nobody listens yet
                    asking.send(QUERY)
                    self._count(asking.recv(512))

    def _count(self, answer: bytes) -> None:
        rcode = answer[3] & 0xF
        self.rcodes[rcode] += 1
        if rcode == dns.rcode.NOERROR:
            self.good.set()


@contextlib.contextmanager
def flooded(host: str, port: int) -> Iterator[Flood]:
    flood = Flood(host, port)
    flood.start()
    try:
        yield flood
    finally:
        flood.going = False
        flood.join()


async def until_good(flood: Flood) -> None:
    assert await asyncio.to_thread(flood.good.wait, 10), "the server never answered"


def corefile(folder: Path, port: int, *hosts: str) -> str:
    return f"cluster.local:{port} {{\nbind {' '.join(hosts)}\nreload 1h\n{kubernetes(folder)}}}"


async def test_no_start_refuses_a_question_for_its_own_zone(tmp_path: Path) -> None:
    port = free_port()
    for _ in range(STARTS):
        with flooded("127.0.0.1", port) as flood:
            async with serving(tmp_path, corefile(tmp_path, port, "127.0.0.1")):
                await until_good(flood)
        assert set(flood.rcodes) <= {dns.rcode.NOERROR, dns.rcode.SERVFAIL}, flood.rcodes


async def test_no_reload_that_adds_an_address_refuses_a_question(tmp_path: Path) -> None:
    port = free_port()
    async with serving(tmp_path, corefile(tmp_path, port, "127.0.0.1")) as server:
        for number in range(2, 2 + STARTS):
            host = f"127.0.0.{number}"
            with flooded(host, port) as flood:
                write(tmp_path, corefile(tmp_path, port, "127.0.0.1", host))
                await server.reload()
                await until_good(flood)
            assert set(flood.rcodes) <= {dns.rcode.NOERROR, dns.rcode.SERVFAIL}, flood.rcodes
