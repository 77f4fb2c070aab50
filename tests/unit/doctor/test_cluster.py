"""What the API server shows of two pods, and what it does not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from podname.doctor.cluster import ClusterEye
from podname.doctor.facts import EndpointView, ServiceView
from podname.doctor.pod_host import read
from podname.kube.auth import Credentials
from podname.kube.config import from_endpoint
from podname.kube.transport import HttpTransport
from podname.runtime.clock import SystemClock
from tests.support.apiserver import ApiServer
from tests.support.objects import endpoint, endpoint_slice, pod, service
from tests.support.upstream import free_port

SERVICE_HOST = "there.web.default.svc.cluster.local"


@pytest.fixture
async def server() -> AsyncIterator[ApiServer]:
    async with ApiServer() as running:
        yield running


@pytest.fixture
async def eye(server: ApiServer) -> AsyncIterator[ClusterEye]:
    transport = HttpTransport(Credentials(from_endpoint(server.url), SystemClock()), 5.0)
    yield ClusterEye(transport, "default")
    await transport.close()


def there(address: str = "10.0.0.7", name: str = "there", **spec: Any) -> dict[str, Any]:
    made = pod(name, address)
    made["spec"] = spec
    made["status"]["conditions"] = [{"type": "Ready", "status": "True"}]
    return made


async def test_everything_that_is_read_of_a_pod(server: ApiServer, eye: ClusterEye) -> None:
    env = [
        {"name": "RELEASE_DISTRIBUTION", "value": "name"},
        {"name": "RELEASE_COOKIE", "value": "secret"},
        {"name": "RELEASE_NODE", "valueFrom": {"fieldRef": {}}},
        {"name": "PASSWORD", "value": "private"},
    ]
    server.put(
        "pods",
        there(
            hostname="there",
            subdomain="web",
            dnsPolicy="None",
            dnsConfig={"searches": ["a.b"]},
            containers=[{"env": env}],
        ),
    )
    found = (await eye.side(read(SERVICE_HOST))).pod
    assert found is not None
    assert (found.hostname, found.subdomain, found.dns_policy) == ("there", "web", "None")
    assert (found.searches, found.addresses, found.is_ready) == (("a.b",), ("10.0.0.7",), True)
    assert found.environment == (("RELEASE_DISTRIBUTION", "name"),)
    assert found.cookie is not None
    assert found.cookie.digest == "2bb80d"
    assert "secret" not in repr(found)
    assert "private" not in repr(found)


async def test_a_service_and_how_it_sees_the_pod(server: ApiServer, eye: ClusterEye) -> None:
    server.put("pods", there())
    place = read(SERVICE_HOST)
    assert (await eye.side(place)).service == ServiceView("default", "web", exists=False)
    server.put("services", service("web", "None", publishNotReadyAddresses=True))
    expected = ServiceView("default", "web", True, True, True)
    assert (await eye.side(place)).service == expected
    endpoints = endpoint("10.0.0.7", ready=False, hostname="there")
    server.put("endpointslices", endpoint_slice("web-1", "web", endpoint("10.0.0.9"), endpoints))
    found = (await eye.side(place)).service
    assert found is not None
    assert found.endpoint == EndpointView("there", is_ready=False)


@pytest.mark.parametrize(
    "host",
    [
        "there",
        "10.0.0.7",
        "there.default.pod.cluster.local",
        "10-0-0-7.default.pod.cluster.local",
        "hostname.web.default.svc.cluster.local",
    ],
)
async def test_a_pod_is_found_by_what_its_names_begin_with(
    server: ApiServer, eye: ClusterEye, host: str
) -> None:
    server.put("pods", there(hostname="hostname"))
    server.put("pods", there("10.0.0.8", "other"))
    side = await eye.side(read(host))
    assert side.pod is not None
    assert side.pod.name == "there"


async def test_a_short_name_is_looked_for_where_it_may_be(
    server: ApiServer, eye: ClusterEye
) -> None:
    server.put("pods", pod("there", "10.0.0.7", namespace="else"))
    assert (await eye.side(read("there"))).pod is None
    side = await eye.side(read("there"), ["else"])
    assert side.namespace == "else"


async def test_the_pod_that_runs_wins_over_one_that_is_over(
    server: ApiServer, eye: ClusterEye
) -> None:
    server.put("pods", pod("a", "10.0.0.7", phase="Succeeded"))
    server.put("pods", pod("b", "10.0.0.7"))
    side = await eye.side(read("10.0.0.7"))
    assert side.pod is not None
    assert side.pod.name == "b"
    assert await eye.holder("10.0.0.7", "default") == "default/b"
    assert await eye.holder("10.0.0.8", "default") == ""


async def test_what_is_forbidden_is_noted_and_the_rest_is_still_read(
    server: ApiServer, eye: ClusterEye
) -> None:
    server.put("services", service("web", "None"))
    server.faults.forbidden = {"pods"}
    side = await eye.side(read(SERVICE_HOST))
    assert (side.pod, side.was_searched) == (None, False)
    assert side.service is not None
    assert side.service.exists
    assert await eye.holder("10.0.0.7", "default") is None
    assert eye.api.forbidden == ("list pods in namespace default",)
    assert eye.api.was_reached


async def test_a_server_that_is_away_is_waited_for_once() -> None:
    config = from_endpoint(f"http://127.0.0.1:{free_port()}")
    transport = HttpTransport(Credentials(config, SystemClock()), 5.0)
    eye = ClusterEye(transport, "default")
    assert not (await eye.side(read(SERVICE_HOST))).was_searched
    await eye.side(read("there"))
    assert "cannot connect" in eye.api.problem
    assert sum(transport.requests.values()) == 1


@pytest.mark.parametrize(
    "items",
    [
        "1,null,{}",
        '{"metadata":{"name":1,"namespace":[]},"spec":7,"status":{"podIPs":[null,{"ip":3}]}}',
        '{"metadata":{"name":"there"},"spec":{"containers":[{"env":[{"name":"A","value":2}]}]}}',
    ],
)
async def test_objects_that_are_not_as_promised(
    server: ApiServer, eye: ClusterEye, items: str
) -> None:
    server.faults.items_text = items
    side = await eye.side(read(SERVICE_HOST))
    assert side.was_searched
    assert side.service is not None


async def test_errors_of_the_server_leave_it_unseen(server: ApiServer, eye: ClusterEye) -> None:
    server.faults.statuses.extend([500] * 9)
    assert not (await eye.side(read(SERVICE_HOST))).was_searched
    assert "500" in eye.api.problem
