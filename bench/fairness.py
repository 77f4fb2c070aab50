"""What one client that floods costs another: forwarded names, TCP and /health while questions for Python pour in.

    python -m bench.fairness [--pods 5000] [--rate 1000 4000] [--seconds 5] [--engine native]

podname serves a cluster of pods from a manifest and forwards all other names to an upstream on loopback. One client, on
an address of its own, sends so many questions a second that only code can answer: lists of a namespace's pods and of
their ports, SRV records of single pods, names that do not exist in these. Another asks for a forwarded name that nobody
has asked for, for a pod over TCP, and for /health, one after the other; nobody is waited for longer than five seconds.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import multiprocessing
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from multiprocessing.connection import Connection
from pathlib import Path

import dns.message
from bench.engine_loop import cpu_seconds_of
from bench.side_by_side import free_port

GREEDY, PATIENT = "127.0.0.2", "127.0.0.1"
SECONDS_MOST = 5.0
BURST = 20
COREFILE = """.:{dns} {{
    bind 127.0.0.1
    errors
    health 127.0.0.1:{health}
    ready 127.0.0.1:{ready}
    kubernetes cluster.local in-addr.arpa {{
        manifests {folder}
        pods verified
        pod_names
        fallthrough in-addr.arpa
    }}
    forward . 127.0.0.1:{upstream}
}}
"""


def objects(pods: int) -> Iterator[dict[str, object]]:
    """Return one namespace whose pods are of one Deployment and listen on two ports."""
    yield {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "crowd"}}
    owner = [
        {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "name": "web-7bd795854f",
            "controller": True,
        }
    ]
    ports = [{"name": name, "containerPort": port} for name, port in (("http", 80), ("app", 9100))]
    for number in range(pods):
        yield {
            "kind": "Pod",
            "apiVersion": "v1",
            "metadata": {
                "name": pod_name(number),
                "namespace": "crowd",
                "ownerReferences": owner,
                "labels": {"pod-template-hash": "7bd795854f"},
            },
            "spec": {"containers": [{"name": "web", "ports": ports}]},
            "status": {
                "phase": "Running",
                "podIPs": [{"ip": f"10.64.{number >> 8}.{number & 255}"}],
                "podIP": f"10.64.{number >> 8}.{number & 255}",
            },
        }


def pod_name(number: int) -> str:
    return f"web-7bd795854f-{number:05x}"


def heavy(pods: int) -> list[bytes]:
    """Return questions that only code can answer."""
    below = "crowd.pod.cluster.local."
    lists = ("_http._tcp._all", "_app._tcp._all", "_short._all", "_tcp.web.deploy", "web.deploy")
    denied = (f"_no{number}._tcp._all" for number in range(20))
    single = (f"_http._tcp.{pod_name(number)}" for number in range(0, pods, max(1, pods // 75)))
    names = [f"{name}.{below}" for name in (*lists, *denied, *single)]
    return [dns.message.make_query(name, "SRV").to_wire() for name in names]


# ------------------------------------------------- processes beside the server


def upstream(pipe: Connection) -> None:
    """Answer every question with nothing."""
    with socket.socket(type=socket.SOCK_DGRAM) as here:
        here.bind((PATIENT, 0))
        pipe.send(here.getsockname()[1])
        while True:
            packet, client = here.recvfrom(4096)
            here.sendto(packet[:2] + b"\x81\x80" + packet[4:], client)


def flood(port: int, packets: list[bytes], rate: float, seconds: float) -> None:
    """Send questions at a rate, in bursts, and take no notice of the answers."""
    with socket.socket(type=socket.SOCK_DGRAM) as here:
        here.bind((GREEDY, 0))
        here.connect((PATIENT, port))
        here.setblocking(False)
        began, every = time.monotonic(), itertools.cycle(packets)
        for number in range(int(rate * seconds / BURST)):
            time.sleep(max(0.0, began + number * BURST / rate - time.monotonic()))
            for packet in itertools.islice(every, BURST):
                try:
                    here.send(packet)
                except BlockingIOError:
                    continue


# -------------------------------------------------------------- the patient one


def over_udp(port: int, numbers: Iterator[int]) -> None:
    packet = dns.message.make_query(f"n{next(numbers)}.example.org.", "A").to_wire()
    with socket.socket(type=socket.SOCK_DGRAM) as here:
        here.settimeout(SECONDS_MOST)
        here.connect((PATIENT, port))
        here.send(packet)
        if here.recv(4096)[3] & 15:
            raise ConnectionError("an error for an answer")


def over_tcp(port: int, numbers: Iterator[int]) -> None:
    name = f"{pod_name(next(numbers) % 100)}.crowd.pod.cluster.local."
    packet = dns.message.make_query(name, "A").to_wire()
    with socket.create_connection((PATIENT, port), SECONDS_MOST) as here:
        here.sendall(len(packet).to_bytes(2, "big") + packet)
        if here.recv(4096)[5] & 15:
            raise ConnectionError("an error for an answer")


def health(port: int, _: Iterator[int]) -> None:
    if not is_well(port, "/health"):
        raise ConnectionError("not healthy")


def is_well(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection(PATIENT, port, timeout=SECONDS_MOST)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except ConnectionRefusedError:
        return False
    finally:
        connection.close()


def measure(asks: dict[str, tuple[Callable[..., None], int]], seconds: float) -> dict[str, str]:
    """Ask in turns; return how long each took in ms: median, 99th percentile, longest, and how many failed."""
    took: dict[str, list[float]] = {name: [] for name in asks}
    failed = dict.fromkeys(asks, 0)
    numbers, end = itertools.count(), time.monotonic() + seconds
    while time.monotonic() < end:
        for name, (ask, port) in asks.items():
            began = time.perf_counter()
            try:
                ask(port, numbers)
            except OSError:
                failed[name] += 1
            took[name].append((time.perf_counter() - began) * 1e3)
        time.sleep(0.005)
    return {name: f"{shown(each)} ({failed[name]})" for name, each in took.items()}


def shown(times: list[float]) -> str:
    in_order = sorted(times)
    percentile = in_order[int(len(in_order) * 0.99)]
    return f"{statistics.median(times):.1f} {percentile:.1f} {in_order[-1]:.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pods", type=int, default=5000)
    parser.add_argument("--rate", type=float, nargs="*", default=[1000, 4000])
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--engine", default="native")
    options = parser.parse_args()
    packets, spawn = heavy(options.pods), multiprocessing.get_context("spawn")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "cluster").mkdir()
        whole = {"kind": "List", "apiVersion": "v1", "items": list(objects(options.pods))}
        (folder / "cluster" / "all.json").write_text(json.dumps(whole))
        ours, theirs = spawn.Pipe()
        server = spawn.Process(target=upstream, args=(theirs,), daemon=True)
        server.start()
        stack.callback(server.terminate)
        ports: dict[str, int] = {}
        while len(ports) < 3:
            port = free_port()  # the same may come again
            if port not in ports.values():
                ports[["dns", "health", "ready"][len(ports)]] = port
        text = COREFILE.format(**ports, folder=folder / "cluster", upstream=ours.recv())
        (folder / "Corefile").write_text(text)
        podname = subprocess.Popen(
            [Path(sys.executable).with_name("podname"), "serve", "-conf", folder / "Corefile"],
            env=os.environ | {"PODNAME_ENGINE": options.engine},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        stack.callback(podname.wait)
        stack.callback(podname.terminate)
        asks = {
            "forwarded": (over_udp, ports["dns"]),
            "TCP": (over_tcp, ports["dns"]),
            "/health": (health, ports["health"]),
        }
        end = time.monotonic() + 60
        while not is_well(ports["ready"], "/ready"):
            if time.monotonic() > end:
                raise TimeoutError("podname is not ready")
            time.sleep(0.1)
        print(
            "ms: median, 99th percentile, longest (failed), while so many questions a second come in"
        )
        for rate in (0.0, *options.rate):
            before = cpu_seconds_of(podname.pid)
            greedy = None
            if rate:
                arguments = (ports["dns"], packets, rate, options.seconds)
                greedy = spawn.Process(target=flood, args=arguments, daemon=True)
                greedy.start()
            found = measure(asks, options.seconds)
            if greedy is not None:
                greedy.join()
            spent = (cpu_seconds_of(podname.pid) - before) / options.seconds * 100
            row = "  ".join(f"{name} {text}" for name, text in found.items())
            print(f"{rate:6.0f}/s  {row}  CPU {spent:.0f} %", flush=True)


if __name__ == "__main__":
    main()
