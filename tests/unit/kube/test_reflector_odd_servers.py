"""API servers that no manual describes: they are not asked in a hot loop, and what we end with is the truth."""

from __future__ import annotations

import asyncio
import json
from functools import partial

import pytest

from podname.errors import KubeError
from podname.kube.informer import ClusterInformer
from podname.kube.objects import Pod
from tests.support.apiserver import ApiServer
from tests.support.clock import FakeClock, until
from tests.support.objects import pod
from tests.unit.kube.conftest import Follow


def _has_failed(informer: ClusterInformer[Pod], times: int) -> bool:
    return informer.counters.failures == times


def _is_watching(server: ApiServer, time: int) -> bool:
    return server.count("watch", resourceVersion="1001") == time and server.watches == 1


@pytest.mark.parametrize("event_type", ["MODIFIED", "BOOKMARK", "WHATEVER"])
async def test_a_watch_that_ends_at_once_and_says_what_we_know_is_a_failure(
    event_type: str, server: ApiServer, follow: Follow, clock: FakeClock
) -> None:
    known = server.put("pods", pod("a", "10.0.0.1"))
    informer = follow()
    await until(lambda: informer.has_synced)
    server.end_streams()  # the WatchList's; from here on there are watches
    line = json.dumps({"type": event_type, "object": known}).encode()
    for number in (1, 2, 3):
        await until(partial(_is_watching, server, number), clock)
        server.faults.garbage.append(line)
        server.end_streams()
        await until(partial(_has_failed, informer, number))
    waits = [seconds for seconds in clock.slept if seconds < 100]
    assert len(waits) >= 2
    assert waits[-1] > waits[0] >= 0.8
    assert set(informer.store.objects) == {"default/a"}


async def test_a_server_that_went_back_in_time_is_followed(
    server: ApiServer, follow: Follow, clock: FakeClock
) -> None:
    server.put("pods", pod("a", "10.0.0.1"))
    informer = follow()
    await until(lambda: informer.has_synced)
    server.state.version = 10  # etcd was restored from a backup
    with server.losing_events():
        server.put("pods", pod("b", "10.0.0.2"))
    with pytest.raises(KubeError, match="Too large resource version"):
        await informer.reflector.audit()
    await until(lambda: "default/b" in informer.store.objects, clock)
    server.put("pods", pod("c", "10.0.0.3"))
    await until(lambda: "default/c" in informer.store.objects, clock)


async def test_a_page_that_is_followed_by_itself_is_a_failure(
    server: ApiServer, follow: Follow, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def round_and_round(request: object, selection: object, writer: object) -> None:
        body = b'{"metadata":{"resourceVersion":"5","continue":"x"},"items":[]}'
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
        assert isinstance(writer, asyncio.StreamWriter)
        writer.write(head + body)

    monkeypatch.setattr(server, "_list", round_and_round)
    server.faults.watch_list = "refused"
    informer = follow()
    await until(lambda: informer.counters.failures == 2, clock)
    assert server.count("list") <= 4
    assert not informer.has_synced
