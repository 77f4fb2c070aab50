"""Any interleaving of changes and faults ends in the server's truth, and handlers saw a sequence that makes sense."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from random import Random
from typing import Any

import uvloop
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from podname.kube.config import from_endpoint
from podname.kube.informer import Cluster
from podname.kube.kinds import PODS, Watch
from podname.kube.objects import Pod
from podname.kube.store import Change
from tests.support.apiserver import ApiServer
from tests.support.clock import FakeClock
from tests.support.objects import pod

NAMES = st.sampled_from(["a", "b", "c", "d"])
ADDRESSES = st.sampled_from(["10.0.0.1", "10.0.0.2", "nonsense"])
PHASES = st.sampled_from(["Running", "Running", "Pending", "Succeeded"])


class Witness:
    """A handler that never hears of what cannot be: it knows what it was told, and so what may come next."""

    def __init__(self) -> None:
        self.objects: dict[str, Pod] = {}
        self.wrongs: list[object] = []
        self.has_list = False

    def on_change(self, changes: Collection[Change[Pod]], is_initial_list: bool) -> None:
        if is_initial_list and (self.has_list or len(changes) != len(list(changes))):
            self.wrongs.append("a second initial list")
        self.has_list |= is_initial_list
        for old, new in changes:
            self._follow(old, new)

    def _follow(self, old: Pod | None, new: Pod | None) -> None:
        either = old or new
        if either is None or old == new or self.objects.get(either.key) != old:
            self.wrongs.append((old, new))
            return
        if new is None:
            del self.objects[either.key]
        else:
            self.objects[either.key] = new


class ReflectorMachine(RuleBasedStateMachine):
    """Changes and faults in any order; `teardown` waits for the truth."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self.clock = FakeClock()
        self.server = ApiServer()
        self.witness = Witness()
        self.is_up = True

    @initialize(
        mode=st.sampled_from(["works", "works", "refused", "ignored", "never ends"]),
        speaks_protobuf=st.booleans(),
    )
    def start(self, mode: Any, speaks_protobuf: bool) -> None:
        self.server.faults.watch_list = mode
        self.server.speaks_protobuf = speaks_protobuf
        self.runner.run(self._start())

    async def _start(self) -> None:
        await self.server.up()
        self.cluster = Cluster(from_endpoint(self.server.url), clock=self.clock, random=Random(3))
        self.informer = self.cluster.watch(Watch(PODS))
        self.informer.store.add_event_handler(self.witness.on_change)

    def steps(self, number: int) -> None:
        """Let the event loop run a little: faults then meet the reflector in different moments."""

        async def run() -> None:
            for _ in range(number):
                await asyncio.sleep(0)

        self.runner.run(run())

    @rule(number=st.integers(1, 60))
    def let_it_run(self, number: int) -> None:
        self.steps(number)

    @rule(seconds=st.sampled_from([1, 12, 70, 400]))
    def let_time_pass(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.steps(5)

    @rule(name=NAMES, address=ADDRESSES, phase=PHASES)
    def put(self, name: str, address: str, phase: str) -> None:
        self.server.put("pods", pod(name, address, phase=phase))

    @rule(name=NAMES)
    def delete(self, name: str) -> None:
        self.server.delete("pods", name, "default")

    @rule(name=NAMES, address=ADDRESSES)
    def put_and_lose_the_event(self, name: str, address: str) -> None:
        with self.server.losing_events():
            self.server.put("pods", pod(name, address))

    @rule(name=NAMES)
    def delete_and_lose_the_event(self, name: str) -> None:
        with self.server.losing_events():
            self.server.delete("pods", name, "default")

    @rule(how=st.sampled_from(["chunk", "line", "here"]))
    def tear(self, how: Any) -> None:
        self.server.tear_streams(how)

    @rule()
    def end(self) -> None:
        self.server.end_streams()

    @rule(how=st.sampled_from(["event", "status"]))
    def forget_the_history(self, how: Any) -> None:
        self.server.faults.gone_as = how
        self.server.state.compact()

    @rule()
    def bookmark(self) -> None:
        self.server.bookmark()

    @rule(
        statuses=st.lists(st.sampled_from([401, 403, 410, 429, 500, 504]), min_size=1, max_size=3)
    )
    def fail(self, statuses: list[int]) -> None:
        self.server.faults.statuses.extend(statuses)

    @rule(
        line=st.sampled_from(
            [b"{", b"null", b'{"type":"ERROR","object":{"code":500}}', b'{"type":"X","object":{}}']
        )
    )
    def garble(self, line: bytes) -> None:
        self.server.faults.garbage.append(line)

    @rule()
    def break_the_next_list(self) -> None:
        self.server.faults.broken_lists += 1

    @rule(octets=st.sampled_from([0, 1, 17]))
    def slow(self, octets: int) -> None:
        self.server.faults.piece_octets = octets

    @rule()
    def kill_or_start(self) -> None:
        self.runner.run(self.server.down() if self.is_up else self.server.up())
        self.is_up = not self.is_up

    def truth(self) -> dict[str, Pod]:
        running = [
            obj
            for obj in self.server.state._objects.get("pods", {}).values()
            if obj["status"]["phase"] not in {"Succeeded", "Failed"}
        ]
        pods = [
            Pod.of(
                "default",
                obj["metadata"]["name"],
                tuple(each["ip"] for each in obj["status"]["podIPs"] if each["ip"] != "nonsense"),
                obj["status"]["phase"],
            )
            for obj in running
        ]
        return {each.key: each for each in pods}

    async def _settle(self) -> None:
        """All faults but the lost events end; then time passes, and everything must be right."""
        if not self.is_up:
            await self.server.up()
        faults = self.server.faults
        faults.statuses.clear()
        faults.garbage.clear()
        faults.broken_lists = 0
        end = time.monotonic() + 8
        looks = 0
        while not (self.informer.has_synced and self.informer.store.objects == self.truth()):
            assert time.monotonic() < end, (self.informer.store.objects, self.truth())
            looks += 1
            await asyncio.sleep(0 if looks % 50 else 0.001)
            self.clock.skip_sleep()
            if looks % 300 == 0:
                self.clock.advance(60)  # a WatchList that never ends; in the end the audit

    def teardown(self) -> None:
        try:
            if hasattr(self, "cluster"):
                self.runner.run(self._finish())
        finally:
            self.runner.close()

    async def _finish(self) -> None:
        try:
            await self._settle()
        finally:
            await self.cluster.close()
            await self.server.down()
        assert self.witness.wrongs == []
        assert self.witness.objects == self.informer.store.objects


ReflectorMachine.TestCase.settings = settings(
    max_examples=40, stateful_step_count=30, suppress_health_check=list(HealthCheck)
)
TestReflector = ReflectorMachine.TestCase
