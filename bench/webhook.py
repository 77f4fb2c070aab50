"""How long the webhook takes for a pod: over loopback and TLS, one kept connection, as the API server keeps it.

Server and client share one process and one event loop, so that the figure holds both; the pods are those of a
Deployment, each with another name, and an annotation of as many octets as asked for.
"""

import argparse
import asyncio
import ssl
import statistics
import time
from datetime import UTC, datetime
from typing import Any

import msgspec
import uvloop

from podname.attach.place import Nameserver
from podname.attach.webhook.material import Material
from podname.attach.webhook.review import Settings
from podname.attach.webhook.serving import Reviewer, TlsServer

HOST = "podname-webhook.podname.svc"


def request(number: int, octets: int) -> bytes:
    """Give the HTTP request for a pod."""
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
    """Say what each namespace says."""
    return "epmd"


async def measure(count: int, octets: int) -> list[float]:
    """Give the milliseconds of so many requests, one after another."""
    material = Material.make([HOST], datetime.now(UTC))
    reviewer = Reviewer(epmd, Settings(Nameserver.parse("10.43.0.53")))
    server = TlsServer("127.0.0.1", 0, reviewer)
    server.show(material)
    await server.open()
    context = ssl.create_default_context(cadata=material.authorities.decode())
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", server.port, ssl=context, server_hostname=HOST
    )
    taken = []
    for number in range(count):
        asked = request(number, octets)
        began = time.perf_counter()
        writer.write(asked)
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(int(head.lower().partition(b"length: ")[2].split()[0]))
        taken.append((time.perf_counter() - began) * 1000)
        assert b'"patch":' in body
    writer.transport.abort()
    await server.close()
    return taken


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--octets", type=int, nargs="+", default=[4_000, 100_000])
    options = parser.parse_args()
    for octets in options.octets:
        taken = uvloop.run(measure(options.count, octets))
        cuts = statistics.quantiles(taken, n=1000)
        shown = ", ".join(f"p{n / 10:g} {cuts[n - 1]:.2f} ms" for n in (500, 990, 999))
        print(f"{octets} octets: {shown}, most {max(taken):.2f} ms")


if __name__ == "__main__":
    main()
