"""What a consumer asks for: "these objects, please", and a store that is kept right from then on.

A source is either a cluster (`Cluster`) or files (`podname.kube.manifests`). Equal watches share one informer, so two
plugins that ask for the same Services cost one watch; what nobody asks for is neither listed nor watched.

Source: client-go tools/cache `SharedInformer`.
"""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any, Generic, Protocol

from podname.kube.auth import Credentials
from podname.kube.config import ClusterConfig
from podname.kube.kinds import NAMESPACES, T, Watch
from podname.kube.objects import Namespace
from podname.kube.reflector import Counters, Reflector
from podname.kube.store import Store
from podname.kube.transport import HttpTransport, Transport
from podname.runtime.clock import Clock, SystemClock
from podname.runtime.tasks import Tasks


class Informer(Protocol[T]):
    """A store that is followed, and how that goes."""

    @property
    def store(self) -> Store[T]:
        """The objects."""

    @property
    def has_synced(self) -> bool:
        """Whether there was a complete list; stays true however long the source is away."""

    @property
    def last_event_age_seconds(self) -> float:
        """How long ago the source was last heard of; infinite before the first time."""


class Source(Protocol):
    """Where objects come from."""

    def watch(self, watch: Watch[T]) -> Informer[T]:
        """Begin to follow, or share what is followed already. On the running event loop."""

    def release(self, informer: Informer[Any]) -> None:
        """Give back what `watch` gave; when nobody is left it is followed no more."""

    async def close(self) -> None:
        """Follow nothing any more."""


class ClusterInformer(Generic[T]):
    """A reflector with its store, running."""

    def __init__(self, watch: Watch[T], transport: Transport, clock: Clock, random: Random) -> None:
        self.store: Store[T] = Store()
        self.users = 0
        self._clock = clock
        self.reflector = Reflector(watch, self.store, transport, clock=clock, random=random)
        self._task = asyncio.create_task(self.reflector.run(), name=f"reflector {watch.path}")

    @property
    def has_synced(self) -> bool:
        """Whether there was a complete list; stays true however long the API server is away."""
        return self.store.has_synced

    @property
    def last_event_age_seconds(self) -> float:
        """How long ago the API server was last heard of; infinite before the first time."""
        heard_at = self.reflector.heard_at
        return float("inf") if heard_at is None else self._clock.monotonic() - heard_at

    @property
    def counters(self) -> Counters:
        """What the reflector counted."""
        return self.reflector.counters

    @property
    def decode_errors(self) -> int:
        """How many objects were not as promised."""
        return self.reflector.list_watch.decoder.errors

    def stop(self) -> asyncio.Task[None]:
        """Follow no more; the task ends soon."""
        self._task.cancel()
        return self._task


class SingleNamespace:
    """The one namespace that a namespaced watch is about.

    A Role, which is all that such a watch should need, cannot allow to list namespaces: it is taken to exist.
    """

    def __init__(self, name: str) -> None:
        self.store: Store[Namespace] = Store()
        self.store.replace([Namespace(name)])
        self.has_synced = True
        self.last_event_age_seconds = 0.0


class Cluster:
    """An API server, and all that is watched of it."""

    def __init__(
        self,
        config: ClusterConfig,
        *,
        clock: Clock | None = None,
        random: Random | None = None,
        transport: Transport | None = None,
    ) -> None:
        self.config = config
        self._clock = clock or SystemClock()
        self._random = random or Random()  # noqa: S311  # for jitter
        self.transport = transport or HttpTransport(Credentials(config, self._clock))
        self._informers: dict[Watch[Any], ClusterInformer[Any]] = {}
        self._stopping = Tasks()

    def watch(self, watch: Watch[T]) -> Informer[T]:
        """Begin to follow, or share what is followed already. On the running event loop."""
        if watch.kind == NAMESPACES and watch.namespace:
            return SingleNamespace(watch.namespace)  # type: ignore[return-value]  # the kind says so
        informer = self._informers.get(watch)
        if informer is None:
            informer = ClusterInformer(watch, self.transport, self._clock, self._random)
            self._informers[watch] = informer
        informer.users += 1
        return informer

    def release(self, informer: Informer[Any]) -> None:
        """Give back what `watch` gave; when nobody is left it is followed no more."""
        for watch, known in list(self._informers.items()):
            if known is informer:
                known.users -= 1
                if known.users == 0:
                    del self._informers[watch]
                    self._stop(known)

    @property
    def informers(self) -> dict[Watch[Any], ClusterInformer[Any]]:
        """What is watched, for the metrics."""
        return self._informers

    async def close(self) -> None:
        """Follow nothing any more and close the connections."""
        for informer in self._informers.values():
            self._stop(informer)
        self._informers.clear()
        await self._stopping.wait()
        await self.transport.close()

    def _stop(self, informer: ClusterInformer[Any]) -> None:
        self._stopping.keep(informer.stop())
