"""Metrics over HTTP: one registry for what a process counts, and what is known of any process.

Source: the Prometheus text format 0.0.4.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.asgi import make_asgi_app
from prometheus_client.registry import Collector

from podname.runtime.http.messages import Handler, Request, Response


def metrics(collector: Collector) -> Handler:
    """Make a handler that shows what `collector` collects, and memory, time and files of the process."""
    registry = CollectorRegistry()
    registry.register(collector)
    for process in (ProcessCollector, PlatformCollector, GCCollector):
        process(registry=registry)
    app = make_asgi_app(registry)

    async def handler(request: Request) -> Response:
        sent: list[MutableMapping[str, Any]] = []

        async def receive() -> dict[str, str]:
            return {"type": "http.request"}

        async def send(message: MutableMapping[str, Any]) -> None:
            sent.append(message)

        headers = [(name.encode(), value.encode()) for name, value in request.headers.items()]
        scope = {"type": "http", "query_string": request.query.encode(), "headers": headers}
        await app(scope, receive, send)
        start, end = sent
        fields = {name.decode().lower(): value.decode() for name, value in start["headers"]}
        return Response(start["status"], end["body"], fields)

    return handler
