"""The comparison with the server: it finds what was lost, and only that."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from podname.errors import KubeError
from podname.kube.audit import RECENT_MAX, Audit
from podname.kube.kinds import PODS, Watch
from podname.kube.objects import Pod
from podname.kube.store import Store
from podname.kube.transport import METADATA
from tests.support.apiserver import ApiServer
from tests.support.clock import FakeClock, until
from tests.support.objects import pod
from tests.unit.kube.conftest import Follow

DEFAULT = "default"


async def test_nothing_was_lost(server: ApiServer, follow: Follow) -> None:
    server.put("pods", pod("a"))
    informer = follow()
    await until(lambda: informer.has_synced)
    server.put("pods", pod("b"))
    server.put("pods", pod("c"))
    server.delete("pods", "a", DEFAULT)
    await until(lambda: "default/a" not in informer.store.objects)
    audit = informer.reflector._audit
    assert set(audit.recent) == {"default/a", "default/b", "default/c"}
    await informer.reflector.audit()
    assert audit.recent == {}
    assert audit.verified == server.state.version
    assert informer.counters.lost_events_healed == 0
    assert server.requests[-1].headers["accept"] == METADATA
    assert server.requests[-1].parameters["fieldSelector"]
    await informer.reflector.audit()  # from what was verified
    assert informer.counters.lost_events_healed == 0


async def test_lost_events_are_healed(server: ApiServer, follow: Follow, clock: FakeClock) -> None:
    for name in ("deleted", "changed", "same"):
        server.put("pods", pod(name, "10.0.0.1"))
    informer = follow()
    await until(lambda: informer.has_synced)
    server.put("pods", pod("changed", "10.0.0.9"))  # an event that is heard, before one that is not
    await until(lambda: informer.store.objects["default/changed"].addresses == ("10.0.0.9",))
    with server.losing_events():
        server.delete("pods", "deleted", DEFAULT)
        server.put("pods", pod("changed", "10.0.0.2"))
        server.put("pods", pod("added", "10.0.0.3"))
    assert len(informer.store.objects) == 3
    audit = asyncio.create_task(informer.reflector.audit())
    await until(lambda: 10.0 in clock.slept)  # what is on its way has ten seconds to come
    assert informer.counters.lost_events_healed == 0
    clock.advance(10)
    await until(
        lambda: set(informer.store.objects) == {"default/changed", "default/same", "default/added"}
    )
    await until(lambda: informer.store.objects["default/changed"].addresses == ("10.0.0.2",))
    assert informer.counters.lost_events_healed == 3
    assert informer.counters.relists == 1
    assert informer.counters.failures == 0
    await audit
    await until(lambda: server.watches == 1)
    await informer.reflector.audit()
    assert informer.counters.lost_events_healed == 3


async def test_what_was_only_late_is_not_lost(
    server: ApiServer, follow: Follow, clock: FakeClock
) -> None:
    server.put("pods", pod("a"))
    server.put("pods", pod("b"))
    informer = follow()
    await until(lambda: informer.has_synced)
    server.state.put("pods", pod("a", "10.0.0.2"))  # in the history, but nobody was woken
    server.state.delete("pods", "b", DEFAULT)
    audit = asyncio.create_task(informer.reflector.audit())
    await until(lambda: 10.0 in clock.slept)
    server.bookmark()
    await until(lambda: "default/b" not in informer.store.objects)
    clock.advance(10)
    await audit
    assert informer.counters.lost_events_healed == 0
    assert informer.counters.relists == 0


async def test_a_list_meanwhile_settles_it(
    server: ApiServer, follow: Follow, clock: FakeClock
) -> None:
    server.put("pods", pod("a"))
    informer = follow()
    await until(lambda: informer.has_synced)
    with server.losing_events():
        server.put("pods", pod("b"))
    audit = asyncio.create_task(informer.reflector.audit())
    await until(lambda: 10.0 in clock.slept)
    informer.reflector._list_anew()
    server.end_streams()
    await until(lambda: "default/b" in informer.store.objects)
    clock.advance(10)
    await audit
    assert informer.counters.lost_events_healed == 0


async def test_it_runs_now_and_then_and_survives_refusals(
    server: ApiServer, follow: Follow, clock: FakeClock
) -> None:
    server.put("pods", pod("a"))
    informer = follow()
    await until(lambda: informer.has_synced and clock.slept)
    assert 225 <= clock.slept[0] <= 375
    server.faults.statuses.append(406)
    clock.advance(clock.slept[0])
    await until(lambda: len(clock.slept) == 2)
    with server.losing_events():
        server.put("pods", pod("b"))
    clock.advance(clock.slept[1])
    await until(lambda: "default/b" in informer.store.objects, clock)
    assert informer.counters.lost_events_healed == 1


async def test_a_refusal_is_an_error(server: ApiServer, follow: Follow) -> None:
    informer = follow()
    await until(lambda: informer.has_synced)
    server.faults.statuses.append(403)
    with pytest.raises(KubeError):
        await informer.reflector.audit()


async def test_odd_names_are_no_difference(
    server: ApiServer, follow: Follow, clock: FakeClock
) -> None:
    server.put("pods", pod("a b"))
    server.put("pods", pod("c"))
    informer = follow()
    await until(lambda: informer.has_synced)
    await informer.reflector.audit()
    assert 10.0 not in clock.slept


def test_what_is_remembered_is_bounded() -> None:
    audit = Audit(Watch(PODS), Store())
    for number in range(RECENT_MAX + 10):
        audit.note(f"default/{number}", number)
    assert len(audit.recent) == 10
    assert audit.verified == RECENT_MAX


async def test_what_we_forgot_ourselves_is_healed_too(
    server: ApiServer, follow: Follow, clock: FakeClock
) -> None:
    server.put("pods", pod("a"))
    informer = follow()
    await until(lambda: informer.has_synced)
    del informer.store.objects["default/a"]
    audit = asyncio.create_task(informer.reflector.audit())
    await until(lambda: "default/a" in informer.store.objects, clock)
    await audit
    assert informer.counters.lost_events_healed == 1


class Answering:
    """A transport with one answer."""

    def __init__(self, version: int, **versions: int) -> None:
        self.requests: Counter[tuple[str, int]] = Counter()
        items = [
            {"metadata": {"name": name, "namespace": DEFAULT, "resourceVersion": str(each)}}
            for name, each in versions.items()
        ]
        self.text = json.dumps(
            {"metadata": {"resourceVersion": str(version)}, "items": items}
        ).encode()

    @asynccontextmanager
    async def stream(self, *_: object) -> AsyncIterator[AsyncIterator[bytes]]:
        async def chunks() -> AsyncIterator[bytes]:
            yield self.text

        yield chunks()

    async def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("answer", "recent", "lost"),
    [
        (Answering(10, a=4, b=5), {}, []),
        (Answering(10, a=4), {}, ["default/b"]),
        (Answering(10, a=4), {"b": 11}, []),  # b was added after the answer was made
        (Answering(10, a=4), {"b": 9}, ["default/b"]),
        (Answering(10, a=4, b=9), {}, ["default/b"]),
        (Answering(10, a=4, b=9), {"b": 8}, ["default/b"]),
        (Answering(10, a=4, b=9), {"b": 9}, []),
        (Answering(10, a=4, b=9), {"b": 11}, []),
        (Answering(10, a=4, b=5, c=9), {}, ["default/c"]),
        (Answering(10, a=4, b=5, c=4), {}, ["default/c"]),
        (Answering(10, a=4, b=5, c=9), {"c": 11}, []),  # c was deleted after the answer was made
        (Answering(4, a=4), {}, []),  # the answer of a server that lags behind
    ],
)
async def test_what_counts_as_lost(
    answer: Answering, recent: dict[str, int], lost: list[str]
) -> None:
    store: Store[Pod] = Store()
    store.replace(Pod.of(DEFAULT, name, (), "Running") for name in "ab")
    audit = Audit(Watch(PODS), store)
    audit.listed(6)
    for name, version in recent.items():
        audit.note(f"default/{name}", version)
    suspects = await audit.compare(answer)
    assert suspects.lost() == lost
