"""Several candidates for one Lease, over an API server without sockets, and time that a test moves."""

from __future__ import annotations

import asyncio
import json
from random import Random

from podname.errors import Forbidden, KubeError
from podname.publish.election import Election
from tests.support import writes
from tests.support.clock import FakeClock
from tests.support.clusterstate import ClusterState, Obj
from tests.support.requester import Asked, FakeRequester

LEASES = "/apis/coordination.k8s.io/v1/namespaces/home/leases"


class Line(FakeRequester):
    """One replica's way to the API server, with what goes wrong on it."""

    def __init__(self, state: ClusterState, clock: FakeClock) -> None:
        self.state, self.clock = state, clock
        self.cut = self.hangs = self.loses_answers = self.forbids = False
        self.requests: list[str] = []

    async def answer(self, asked: Asked) -> bytes:
        self.requests.append(asked.method)
        await asyncio.sleep(0)
        if self.hangs:
            await self.clock.sleep(asked.seconds)
            raise KubeError(f"no answer within {asked.seconds:g} s")
        if self.cut:
            raise KubeError("cannot connect")
        if self.forbids:
            raise Forbidden("leases is forbidden", 403)
        which = writes.single(asked.path)
        assert which is not None, asked.path
        status, obj = writes.answer(self.state, which, asked.method, asked.parameters, asked.body)
        if self.loses_answers:
            raise KubeError("the connection broke")
        if status >= 400:
            raise KubeError(obj["message"], status)
        return json.dumps(obj).encode()


class Replica:
    """A candidate that notes whether its work runs."""

    def __init__(self, name: str, state: ClusterState, clock: FakeClock) -> None:
        self.line = Line(state, clock)
        self.works = False
        self.election = Election(
            self.line, "home", "podname-publish", name, clock=clock, random=Random(name)
        )
        self.task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self.task = asyncio.create_task(self.election.run(self._lead))

    async def stop(self) -> None:
        if self.task is not None:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)
            self.task = None

    async def _lead(self) -> None:
        self.works = True
        try:
            await asyncio.Event().wait()
        finally:
            self.works = False


class Replicas:
    """Candidates `a`, `b`, …; after each step it is checked that at most one leads."""

    def __init__(self, *names: str) -> None:
        self.clock = FakeClock()
        self.state = ClusterState()
        self.all = {name: Replica(name, self.state, self.clock) for name in names}

    def __getitem__(self, name: str) -> Replica:
        return self.all[name]

    async def __aenter__(self) -> Replicas:
        for replica in self.all.values():
            replica.start()
            await self.settle()
        return self

    async def __aexit__(self, *_: object) -> None:
        for replica in self.all.values():
            replica.line.hangs = False
            await replica.stop()

    async def settle(self) -> None:
        """Let everything happen that needs no time."""
        for _ in range(15):
            await asyncio.sleep(0)
            self.check()

    async def wait(self, seconds: float) -> None:
        """Let time pass, in steps."""
        for _ in range(round(seconds * 2)):
            self.clock.advance(0.5)
            await self.settle()

    @property
    def leading(self) -> list[str]:
        return [name for name, each in self.all.items() if each.election.is_leading]

    @property
    def working(self) -> list[str]:
        return [name for name, each in self.all.items() if each.works]

    @property
    def lease(self) -> Obj:
        lease = self.state.get("leases", "home", "podname-publish")
        assert lease is not None
        return lease

    @property
    def holder(self) -> str:
        return str(self.lease["spec"]["holderIdentity"])

    def check(self) -> None:
        assert len(self.leading) <= 1, "two may write"
        assert len(self.working) <= 1, "two work"
