"""The eleven things that a reflector must do, each by its number, against an API server that fails on purpose."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from podname.kube.auth import Credentials
from podname.kube.config import ClusterConfig, ExecConfig, from_endpoint
from podname.kube.events import Progress
from podname.kube.informer import Cluster, ClusterInformer
from podname.kube.kinds import PODS, SERVICES, Watch
from podname.kube.objects import Pod, Service
from podname.kube.store import Change
from podname.kube.transport import HttpTransport
from tests.support.apiserver import ApiServer
from tests.support.clock import FakeClock, until
from tests.support.objects import pod, service
from tests.unit.kube.conftest import Follow

DEFAULT = "default"


class Recorder:
    """A handler that keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def on_change(self, changes: Collection[Change[Pod]], is_initial_list: bool) -> None:
        if is_initial_list:
            self.told.append(f"{len(changes)} of the initial list")
        else:
            self.told += [(old and old.name, new and new.name) for old, new in changes]


async def test_1_asks_for_a_watch_list_first(server: ApiServer, follow: Follow) -> None:
    server.put("pods", pod("a", "10.0.0.1"))
    informer = follow()
    await until(lambda: informer.has_synced)
    (request,) = server.requests
    assert request.parameters.pop("timeoutSeconds").isdecimal()
    assert request.parameters == {
        "watch": "true",
        "sendInitialEvents": "true",
        "resourceVersionMatch": "NotOlderThan",
        "allowWatchBookmarks": "true",
        "fieldSelector": "status.phase!=Succeeded,status.phase!=Failed",
    }


async def test_2_publishes_once_at_the_bookmark_and_stays_on_the_stream(
    server: ApiServer, follow: Follow
) -> None:
    for name in ("a", "b", "c"):
        server.put("pods", pod(name))
    server.faults.watch_list = "never ends"
    informer, recorder = follow(), Recorder()
    informer.store.add_event_handler(recorder.on_change)
    await until(lambda: informer.reflector._stream_events == 3)
    assert not informer.has_synced
    assert recorder.told == []
    server.faults.garbage.append(
        json.dumps(
            {
                "type": "BOOKMARK",
                "object": {
                    "metadata": {
                        "resourceVersion": str(server.state.version),
                        "annotations": {"k8s.io/initial-events-end": "true"},
                    }
                },
            }
        ).encode()
    )
    server._wake()
    await until(lambda: informer.has_synced)
    assert recorder.told == ["3 of the initial list"]
    assert set(informer.store.objects) == {"default/a", "default/b", "default/c"}
    server.put("pods", pod("d"))
    await until(lambda: "default/d" in informer.store.objects)
    assert len(server.requests) == 1


async def test_2_a_tenants_annotation_does_not_end_the_list(
    server: ApiServer, follow: Follow
) -> None:
    server.faults.watch_list = "never ends"
    server.put("pods", pod("a", annotations={"k8s.io/initial-events-end": "true"}))
    server.put("pods", pod("b"))
    informer = follow()
    await until(lambda: informer.reflector._stream_events == 2)
    assert not informer.has_synced


async def test_2_changes_that_come_between_initial_events_count(
    server: ApiServer, follow: Follow
) -> None:
    server.faults.watch_list = "never ends"
    server.put("pods", pod("a", "10.0.0.1"))
    server.put("pods", pod("b", "10.0.0.2"))
    informer = follow()
    await until(lambda: informer.reflector._stream_events == 2)
    server.put("pods", pod("a", "10.0.0.9"))
    server.delete("pods", "b", DEFAULT)
    await until(lambda: informer.reflector._stream_events == 4)
    await informer.reflector._take(Progress(server.state.version, initial_events_end=True))
    assert informer.store.objects == {"default/a": Pod.of(DEFAULT, "a", ("10.0.0.9",), "Running")}


@pytest.mark.parametrize("mode", ["never ends", "refused", "ignored"])
async def test_3_falls_back_to_lists(
    mode: str, server: ApiServer, follow: Follow, clock: FakeClock
) -> None:
    server.faults.watch_list = mode  # type: ignore[assignment]
    server.put("pods", pod("a"))
    informer = follow()
    if mode != "refused":
        await until(lambda: informer.reflector._stream_events)
        clock.advance(11)
    await until(lambda: informer.has_synced)
    assert server.count("list", resourceVersion="0") == 1
    server.put("pods", pod("b"))
    await until(lambda: "default/b" in informer.store.objects)
    server.state.compact()
    server.end_streams()
    await until(lambda: informer.counters.relists and informer.reflector._listed is None, clock)
    assert server.count("watch", sendInitialEvents="true") == 1  # it is not tried again


async def test_3_a_watch_list_that_never_ends_has_ten_seconds(
    server: ApiServer, follow: Follow, clock: FakeClock
) -> None:
    server.faults.watch_list = "never ends"
    server.put("pods", pod("a"))
    informer = follow()
    await until(lambda: informer.reflector._stream_events)
    clock.advance(9.9)
    assert server.watches == 1
    clock.advance(0.2)
    await until(lambda: informer.has_synced)


async def test_3_a_watch_list_that_is_torn_twice_is_given_up(
    server: ApiServer, follow: Follow, clock: FakeClock
) -> None:
    server.faults.watch_list = "never ends"
    server.put("pods", pod("a"))
    informer = follow()
    for _ in range(2):
        await until(lambda: server.watches and informer.reflector._stream_events, clock)
        server.tear_streams("chunk")
        await until(lambda: not server.watches)
    await until(lambda: informer.has_synced, clock)
    assert server.count("list") == 1


async def test_4_lists_from_the_cache_first_and_in_pages_after_a_410(
    server: ApiServer, follow: Follow, clock: FakeClock
) -> None:
    server.faults.watch_list = "refused"
    for number in range(1100):
        server.put("pods", pod(f"p{number}"))
    informer = follow()
    await until(lambda: informer.has_synced and server.watches)
    assert [request.parameters.get("resourceVersion") for request in server.requests][1] == "0"
    assert len(informer.store.objects) == 1100
    with server.losing_events():
        server.delete("pods", "p7", DEFAULT)
    server.state.compact()
    server.end_streams()
    await until(lambda: len(informer.store.objects) == 1099, clock)
    pages = [request.parameters for request in server.requests if request.verb == "list"][1:]
    assert [page["limit"] for page in pages] == ["500"] * 3
    assert ["continue" in page for page in pages] == [False, True, True]
    assert all("resourceVersion" not in page for page in pages)


async def test_4_a_410_on_a_continue_token_restarts_the_list(
    server: ApiServer, follow: Follow, clock: FakeClock
) -> None:
    server.faults.watch_list = "refused"
    for number in range(600):
        server.put("pods", pod(f"p{number}"))
    informer = follow()
    await until(lambda: informer.has_synced and server.watches)
    original, lists = server._list, 0

    async def expiring(*arguments: object) -> None:
        nonlocal lists
        lists += 1
        if lists == 2:
            server.expire_pages()
        await original(*arguments)  # type: ignore[arg-type]

    server._list = expiring  # type: ignore[method-assign,assignment]
    server.state.compact()
    server.end_streams()
    await until(lambda: lists == 4 and server.watches, clock)
    assert len(informer.store.objects) == 600


async def test_4_a_version_that_is_too_large_is_asked_of_etcd(
    server: ApiServer, follow: Follow, clock: FakeClock
) -> None:
    server.faults.watch_list = "refused"
    server.put("pods", pod("a"))
    informer = follow()
    await until(lambda: informer.has_synced and server.watches)
    informer.reflector._must_list = True
    informer.reflector._list_from = "999999"
    server.end_streams()
    await until(lambda: informer.counters.relists == 2 and server.watches, clock)
    assert server.count("list", limit="500") == 1


async def test_5_watches_with_bookmarks_and_a_random_length(
    server: ApiServer, follow: Follow
) -> None:
    informer = follow()
    await until(lambda: informer.has_synced)
    server.state.version += 5
    server.bookmark()
    await until(lambda: informer.reflector._version == server.state.version)
    for ends in range(8):
        server.put("pods", pod(f"p{ends}"))
        await until(_has(informer, f"default/p{ends}"))
        server.end_streams()
        await until(partial(_was_asked, server, ends + 2))
    lengths = {int(request.parameters["timeoutSeconds"]) for request in server.requests}
    assert len(lengths) > 1
    assert all(300 <= length <= 600 for length in lengths)
    assert all(request.parameters["allowWatchBookmarks"] == "true" for request in server.requests)
    assert server.requests[1].parameters["resourceVersion"] == str(server.state.version - 7)


async def test_5_leaves_a_stream_that_fell_silent(server: ApiServer, clock: FakeClock) -> None:
    transport = HttpTransport(Credentials(from_endpoint(server.url), clock), idle_seconds=0.05)
    cluster = Cluster(from_endpoint(server.url), clock=clock, transport=transport)
    server.put("pods", pod("a"))
    informer = cluster.watch(Watch(PODS))
    await until(lambda: informer.has_synced)
    server.freeze_streams()
    server.put("pods", pod("b"))
    await until(lambda: "default/b" in informer.store.objects, clock)
    await cluster.close()


@pytest.mark.parametrize("how", ["event", "status"])
async def test_6_a_410_lists_anew_and_tells_what_was_deleted(
    how: str, server: ApiServer, follow: Follow, clock: FakeClock
) -> None:
    server.faults.gone_as = how  # type: ignore[assignment]
    for name in ("a", "b", "c"):
        server.put("pods", pod(name, "10.0.0.1"))
    informer, recorder = follow(), Recorder()
    await until(lambda: informer.has_synced)
    informer.store.add_event_handler(recorder.on_change)
    with server.losing_events():
        server.delete("pods", "a", DEFAULT)
        server.put("pods", pod("b", "10.0.0.2"))
        server.put("pods", pod("d"))
    server.state.compact()
    server.tear_streams()
    await until(lambda: "default/d" in informer.store.objects, clock)
    assert set(recorder.told) == {"3 of the initial list", ("a", None), ("b", "b"), (None, "d")}
    assert informer.counters.relists == 1


async def test_6_another_error_backs_off_and_goes_on_from_where_it_was(
    server: ApiServer, follow: Follow, clock: FakeClock
) -> None:
    informer = follow()
    await until(lambda: informer.has_synced)
    version = str(server.state.version)
    server.faults.garbage.append(
        b'{"type":"ERROR","object":{"code":500,"reason":"InternalError","message":"no"}}'
    )
    server._wake()
    await until(lambda: len(server.requests) == 2, clock)
    assert server.requests[1].parameters["resourceVersion"] == version
    assert informer.counters.relists == 0
    assert len(clock.slept) == 2  # the audit's sleep, and one of 0.8 s to 1.6 s
    assert 0.8 <= clock.slept[1] <= 1.6


async def test_6_a_stream_that_ends_at_once_is_a_failure(
    server: ApiServer, follow: Follow, clock: FakeClock
) -> None:
    informer = follow()
    await until(lambda: informer.has_synced)
    server.end_streams()
    await until(lambda: server.watches and len(server.requests) == 2)
    assert informer.counters.failures == 0  # the first one had said something
    server.end_streams()
    await until(lambda: informer.counters.failures == 1)
    assert len(server.requests) == 2


async def test_6_a_torn_stream_goes_on_where_it_was(
    server: ApiServer, follow: Follow, clock: FakeClock
) -> None:
    informer = follow()
    await until(lambda: informer.has_synced)
    for number, where in enumerate(("chunk", "line", "here")):
        server.tear_streams(where)  # type: ignore[arg-type]
        await until(lambda: not server.watches)
        server.put("pods", pod(f"p{number}"))
        await until(_has(informer, f"default/p{number}"), clock)
    assert informer.counters.relists == 0
    assert set(informer.store.objects) == {"default/p0", "default/p1", "default/p2"}


async def test_7_a_server_that_always_fails_is_asked_ever_more_seldom(
    server: ApiServer, follow: Follow, clock: FakeClock
) -> None:
    server.faults.statuses.extend([500] * 50)
    informer = follow()
    await until(lambda: informer.counters.failures == 10, clock)
    waits = clock.slept[1:]
    assert all(0.8 * 2**n <= wait <= 1.6 * 2**n for n, wait in enumerate(waits[:5]))
    assert all(30 <= wait <= 60 for wait in waits[6:])
    assert len(server.requests) == 10


async def test_8_a_token_is_read_again_when_it_is_refused(
    server: ApiServer, tmp_path: Path, clock: FakeClock
) -> None:
    token_file = tmp_path / "token"
    token_file.write_text("old\n")
    server.faults.tokens = {"old"}
    server.put("pods", pod("a"))
    cluster = Cluster(ClusterConfig(server.url, token_file=token_file), clock=clock)
    informer = cluster.watch(Watch(PODS))
    await until(lambda: informer.has_synced)
    token_file.write_text("new\n")
    server.faults.tokens = {"new"}
    server.put("pods", pod("b"))
    server.end_streams()
    await until(partial(_was_asked, server, 3))
    await until(lambda: "default/b" in informer.store.objects)
    assert clock.now == 1000.0  # without waiting
    assert [request.headers["authorization"] for request in server.requests] == [
        "Bearer old",
        "Bearer old",
        "Bearer new",
    ]
    await cluster.close()


async def test_9_an_exec_plugin_is_asked_again_when_its_token_is_refused(
    server: ApiServer, tmp_path: Path, clock: FakeClock
) -> None:
    script = tmp_path / "plugin"
    script.write_text(
        "#!/bin/sh\n"
        f"echo x >> {tmp_path}/asked\n"
        f'printf \'{{"apiVersion":"client.authentication.k8s.io/v1","status":{{"token":"t%s"}}}}\''
        f" $(wc -l < {tmp_path}/asked)\n"
    )
    script.chmod(0o700)
    plugin = ExecConfig("client.authentication.k8s.io/v1", str(script))
    server.faults.tokens = {"t1"}
    cluster = Cluster(ClusterConfig(server.url, plugin=plugin), clock=clock)
    informer = cluster.watch(Watch(PODS))
    await until(lambda: informer.has_synced)
    server.faults.tokens = {"t2"}
    server.put("pods", pod("a"))
    server.end_streams()
    await until(lambda: "default/a" in informer.store.objects)
    await cluster.close()


async def test_10_a_handler_is_told_a_list_and_then_each_change(
    server: ApiServer, follow: Follow
) -> None:
    server.put("pods", pod("a"))
    informer, recorder = follow(), Recorder()
    informer.store.add_event_handler(recorder.on_change)
    await until(lambda: informer.has_synced)
    server.put("pods", pod("a", "10.0.0.1"))
    server.delete("pods", "a", DEFAULT)
    await until(lambda: len(recorder.told) == 3)
    assert recorder.told == ["1 of the initial list", ("a", "a"), ("a", None)]


async def test_11_serves_the_last_known_state_while_the_server_is_away(
    server: ApiServer, follow: Follow, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    server.put("pods", pod("a", "10.0.0.1"))
    informer = follow()
    assert informer.last_event_age_seconds == float("inf")
    await until(lambda: informer.has_synced)
    assert informer.last_event_age_seconds == 0.0
    await server.down()
    await until(lambda: informer.counters.failures >= 3, clock)
    assert informer.has_synced
    assert set(informer.store.objects) == {"default/a"}
    assert informer.last_event_age_seconds == clock.now - 1000.0
    server.delete("pods", "a", DEFAULT)  # a deletion that is missed while away
    server.put("pods", pod("b"))
    await server.up()
    await until(lambda: set(informer.store.objects) == {"default/b"}, clock)


@pytest.mark.parametrize("watch_list", ["works", "refused"])
async def test_odd_texts_break_nothing(watch_list: str, server: ApiServer, follow: Follow) -> None:
    server.faults.watch_list = watch_list  # type: ignore[assignment]
    server.faults.piece_octets = 4093
    odd = '\u0085\u2028\x0b\x0c\x1c}]},{"metadata":{\'' + "é" * 300_000
    server.put("services", service("a", "10.43.0.1"))
    server.put("services", {**service("b", "10.43.0.2"), "x": odd, "y": {odd: [odd]}})
    server.put("services", service("c", "10.43.0.3"))
    informer = follow(SERVICES)
    await until(lambda: informer.has_synced)
    server.put("services", {**service("d", "10.43.0.4"), "x": odd})
    server.put("services", service("e", "10.43.0.5"))
    await until(lambda: "default/e" in informer.store.objects)
    assert {each.name for each in informer.store.objects.values()} == set("abcde")
    assert informer.decode_errors == 0
    assert all(isinstance(each, Service) for each in informer.store.objects.values())


async def test_a_line_that_is_no_event_lists_anew(
    server: ApiServer, follow: Follow, clock: FakeClock
) -> None:
    server.put("pods", pod("a"))
    informer = follow()
    await until(lambda: informer.has_synced)
    with server.losing_events():
        server.put("pods", pod("b"))
    server.faults.garbage.append(b'{"type": nonsense')
    server._wake()
    await until(lambda: "default/b" in informer.store.objects, clock)
    assert informer.counters.relists == 1


def _has(informer: ClusterInformer[Any], key: str) -> Callable[[], bool]:
    return lambda: key in informer.store.objects


def _was_asked(server: ApiServer, times: int) -> bool:
    return bool(server.watches) and len(server.requests) == times
