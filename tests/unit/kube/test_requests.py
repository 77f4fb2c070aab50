"""Single objects: what is sent, what comes back, what goes wrong."""

from __future__ import annotations

import asyncio
import json

import pytest

from podname.errors import Forbidden, KubeError
from podname.kube.auth import Credentials
from podname.kube.config import ClusterConfig, from_endpoint
from podname.kube.transport import APPLY, HttpTransport
from podname.runtime.clock import SystemClock
from tests.support.apiserver import ApiServer
from tests.support.clock import until

COLLECTION = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
SLICE = {"metadata": {"name": "a", "namespace": "default"}, "endpoints": []}


def open_transport(config: ClusterConfig) -> HttpTransport:
    return HttpTransport(Credentials(config, SystemClock()))


async def test_an_apply_sends_its_body_and_gives_the_object(server: ApiServer) -> None:
    transport = open_transport(from_endpoint(server.url))
    body = json.dumps(SLICE).encode()
    parameters = {"fieldManager": "me", "force": "true"}
    text = await transport.request("PATCH", f"{COLLECTION}/a", parameters, body, APPLY)
    (request,) = server.requests
    assert (request.method, request.parameters, request.body) == ("PATCH", parameters, body)
    assert request.headers["content-type"] == "application/apply-patch+yaml"
    assert json.loads(text)["metadata"]["uid"]
    assert transport.requests == {("PATCH", 201): 1}
    await transport.close()


async def test_a_request_without_a_body_has_no_content(server: ApiServer) -> None:
    transport = open_transport(from_endpoint(server.url))
    server.put("endpointslices", SLICE)
    await transport.request("DELETE", f"{COLLECTION}/a")
    assert server.state.get("endpointslices", "default", "a") is None
    assert "content-length" not in server.requests[0].headers
    assert "content-type" not in server.requests[0].headers
    await transport.close()


async def test_one_connection_for_reads_and_writes(server: ApiServer) -> None:
    transport = open_transport(from_endpoint(server.url))
    server.put("endpointslices", SLICE)
    await transport.request("GET", f"{COLLECTION}/a")
    await transport.request("DELETE", f"{COLLECTION}/a")
    async with transport.stream(COLLECTION, {}) as pieces:
        assert b"".join([piece async for piece in pieces])
    assert len(server._tasks) == 1
    await transport.close()


@pytest.mark.parametrize("status", [403, 404, 409, 422, 429, 500])
async def test_errors_say_what_was_asked_and_carry_their_code(
    server: ApiServer, status: int
) -> None:
    transport = open_transport(from_endpoint(server.url))
    server.faults.write_statuses.append(status)
    with pytest.raises(KubeError, match=f"PATCH {COLLECTION}/a: {status}: as asked") as caught:
        await transport.request("PATCH", f"{COLLECTION}/a", {"fieldManager": "me"}, b"{}", APPLY)
    assert caught.value.code == status
    assert isinstance(caught.value, Forbidden) == (status == 403)
    assert len(server.requests) == 1
    await transport.close()


async def test_a_token_that_is_refused_is_read_again(server: ApiServer) -> None:
    transport = open_transport(ClusterConfig(server.url, token="old"))
    server.faults.tokens = {"new"}
    with pytest.raises(KubeError, match="401"):
        await transport.request("GET", f"{LEASES}/a")
    assert transport.requests == {("GET", 401): 2}
    await transport.close()


async def test_a_kept_connection_that_died_is_replaced(server: ApiServer) -> None:
    transport = open_transport(from_endpoint(server.url))
    lease = json.dumps({"metadata": {"name": "a"}}).encode()
    await transport.request("POST", LEASES, None, lease)
    await server.down()
    await server.up()
    with pytest.raises(KubeError, match=r"409: .*already exists"):
        await transport.request("POST", LEASES, None, lease)
    await transport.close()


async def test_an_answer_that_does_not_come_is_an_error_in_time() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    listening = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    transport = open_transport(from_endpoint(f"http://127.0.0.1:{port}"))
    with pytest.raises(KubeError, match=r"GET /x: no answer within 0\.01 s"):
        await transport.request("GET", "/x", seconds=0.01)
    await transport.close()
    listening.close()


async def test_a_request_that_is_cancelled_leaves_no_connection(server: ApiServer) -> None:
    transport = open_transport(from_endpoint(server.url))
    asking = asyncio.create_task(transport.request("GET", f"{LEASES}/a"))
    await until(lambda: server._tasks)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    await until(lambda: not server._tasks)
    await transport.close()


async def test_a_path_cannot_become_headers(server: ApiServer) -> None:
    transport = open_transport(from_endpoint(server.url))
    with pytest.raises(KubeError, match="end of a line"):
        await transport.request("GET", f"{LEASES}/a b\r\nX-Evil: 1")
    assert server.requests == []
