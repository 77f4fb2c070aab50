"""What it costs to follow many pods: CPU per pod to sync, memory kept per pod, how long the event loop is held.

    python bench/sync.py --pods 20000 --kilobytes 10 --mode watchlist --tls

An API server of another process sends prepared octets, so that only our side is measured.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import multiprocessing
import resource
import ssl
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import trustme
import uvloop

from podname.kube.config import ClusterConfig, Pem
from podname.kube.informer import Cluster
from podname.kube.kinds import PODS, Watch

VERSION = "900000"


def realistic_pod(number: int, octets: int) -> dict[str, Any]:
    """A pod as `kubectl get -o json` shows it, its managedFields as long as it takes."""
    name = f"cluster-demo-{number // 100:x}-7bd795854f-{number:05x}"
    address = f"10.{40 + (number >> 16)}.{(number >> 8) & 255}.{number & 255}"
    pod: dict[str, Any] = {
        "metadata": {
            "name": name,
            "generateName": "cluster-demo-7bd795854f-",
            "namespace": f"team-{number % 50}",
            "uid": f"0f0a1b2c-0000-4000-8000-{number:012x}",
            "resourceVersion": str(100_000 + number),
            "creationTimestamp": "2026-11-22T10:00:00Z",
            "labels": {"app": "cluster-demo", "pod-template-hash": "7bd795854f"},
            "ownerReferences": [
                {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "cluster-demo"}
            ],
            "managedFields": [],
        },
        "spec": {
            "containers": [
                {"name": name, "image": "demo", "env": [{"name": "A", "value": "b"}] * 8}
            ],
            "nodeName": "node-1",
        },
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True"}] * 4,
            "hostIP": "192.168.1.1",
            "podIP": address,
            "podIPs": [{"ip": address}],
        },
    }
    field: dict[str, Any] = {
        "f:status": {"f:conditions": {'k:{"type":"Ready"}': {".": {}, "f:status": {}}}}
    }
    entry = {"manager": "kubelet", "operation": "Update", "fieldsV1": field}
    missing = octets - len(json.dumps(pod, separators=(",", ":")))
    size = len(json.dumps(entry, separators=(",", ":"))) + 1
    pod["metadata"]["managedFields"] = [entry] * max(missing // size, 0)
    return pod


def serve(pods: int, octets: int, mode: str, certificate: str, pipe: Connection) -> None:
    """Answer every request with all pods, as chunks of one event each or as one list."""
    texts = [
        json.dumps(realistic_pod(i, octets), separators=(",", ":")).encode() for i in range(pods)
    ]
    if mode == "list":
        metadata = (
            b'{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"%s"},"items":['
        )
        body = metadata % VERSION.encode() + b",".join(texts) + b"]}\n"
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    else:
        lines = [b'{"type":"ADDED","object":%s}\n' % text for text in texts]
        lines.append(
            b'{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"%s","annotations":'
            b'{"k8s.io/initial-events-end":"true"}}}}\n' % VERSION.encode()
        )
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(line), line) for line in lines)
        answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks

    async def answer_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while request := await reader.readuntil(b"\r\n\r\n"):
                if mode == "list" and b"sendInitialEvents" in request:
                    writer.write(b"HTTP/1.1 422 X\r\nContent-Length: 2\r\n\r\n{}")
                elif mode == "list" and b"watch=true" in request:
                    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                else:
                    for at in range(0, len(answer), 1 << 18):
                        writer.write(answer[at : at + (1 << 18)])
                        await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass

    async def main() -> None:
        context = None
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
        server = await asyncio.start_server(answer_one, "127.0.0.1", 0, ssl=context)
        pipe.send(server.sockets[0].getsockname()[1])
        await asyncio.get_running_loop().run_in_executor(None, pipe.recv)

    uvloop.run(main())


def resident_kib() -> int:
    """Memory of this process now."""
    text = Path("/proc/self/status").read_text()
    return int(text.split("VmRSS:")[1].split()[0])


async def longest_hold(stop: asyncio.Event) -> float:
    """Measure how much CPU time the loop spent at most before others could run, in seconds."""
    longest, before = 0.0, time.thread_time()
    while not stop.is_set():
        await asyncio.sleep(0)
        now = time.thread_time()
        longest, before = max(longest, now - before), now
    return longest


async def measure(config: ClusterConfig, watch_loop: bool) -> dict[str, float]:
    """Sync once."""
    cluster, stop = Cluster(config), asyncio.Event()
    gc.collect()
    gc.freeze()  # as the server does when it has started
    memory, cpu, wall = resident_kib(), time.process_time(), time.perf_counter()
    watcher = asyncio.create_task(longest_hold(stop)) if watch_loop else None
    informer = cluster.watch(Watch(PODS))
    while not informer.has_synced:  # noqa: ASYNC110  # the loop is what is measured
        await asyncio.sleep(0.001)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    stop.set()
    held = await watcher if watcher else 0.0
    gc.collect()
    count = len(informer.store.objects)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory
    figures = {
        "pods": count,
        "cpu_us_per_pod": cpu / count * 1e6,
        "wall_seconds": wall,
        "kept_octets_per_pod": (resident_kib() - memory) * 1024 / count,
        "peak_mib": peak / 1024,
        "longest_hold_ms": held * 1000,
    }
    await cluster.close()
    return figures


def main() -> None:
    """Run one measurement and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pods", type=int, default=20_000)
    parser.add_argument("--kilobytes", type=float, default=10.0)
    parser.add_argument("--mode", choices=["watchlist", "list"], default="watchlist")
    parser.add_argument("--tls", action="store_true")
    parser.add_argument(
        "--watch-loop", action="store_true", help="measure holds (costs CPU of its own)"
    )
    options = parser.parse_args()
    authority = trustme.CA()
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        file.write(authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.bytes())
        file.flush()
        ours, theirs = multiprocessing.get_context("spawn").Pipe()
        arguments = (
            options.pods,
            int(options.kilobytes * 1000),
            options.mode,
            file.name if options.tls else "",
            theirs,
        )
        process = multiprocessing.get_context("spawn").Process(target=serve, args=arguments)
        process.start()
        port = ours.recv()
        scheme = "https" if options.tls else "http"
        ca = Pem(data=authority.cert_pem.bytes())
        config = ClusterConfig(f"{scheme}://127.0.0.1:{port}", ca=ca)
        figures = uvloop.run(measure(config, options.watch_loop))
        ours.send(None)
        process.join()
    print(json.dumps({name: round(value, 2) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
