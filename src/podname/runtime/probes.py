"""The endpoint of a tool for probes and metrics: `/health`, `/ready`, `/metrics`.

Source: Kubernetes, "Liveness, Readiness, and Startup Probes".
"""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client.registry import Collector

from podname.runtime.http.endpoint import Endpoint
from podname.runtime.http.messages import text
from podname.runtime.metrics import metrics


def probes(host: str, port: int, collector: Collector, unready: Callable[[], str]) -> Endpoint:
    """Make the endpoint, not yet open. `unready` tells why the process is not ready, '' if it is."""

    def ready() -> tuple[int, str]:
        why = unready()
        return (503, why) if why else (200, "OK")

    endpoint = Endpoint(host, port)
    endpoint.add("/metrics", metrics(collector))
    endpoint.add("/health", text(lambda: (200, "OK")))
    endpoint.add("/ready", text(ready))
    return endpoint
