"""What a consumer asks for: "these objects, please", and a store that is kept right from then on.

A source is either a cluster (`Cluster`) or files (`podname.kube.manifests`). Equal watches share one informer, so two
plugins that ask for the same Services cost one watch; what nobody asks for is neither listed nor watched.

Sources: client-go tools/cache `SharedInformer`, informers `SharedInformerFactory`.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any, Generic, Protocol, TypeVar

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


InformerT = TypeVar("InformerT", bound=Informer[Any])


class SharedInformerFactory(Generic[InformerT]):
    """A source's informers: equal watches share one, which lives as long as somebody uses it."""

    def __init__(
        self, start: Callable[[Watch[Any]], InformerT], stop: Callable[[InformerT], None]
    ) -> None:
        self.informers: dict[Watch[Any], InformerT] = {}
        self._users: Counter[Watch[Any]] = Counter()
        self._start, self._stop = start, stop

    def watch(self, watch: Watch[Any]) -> InformerT:
        """Begin to follow, or share what is followed already."""
        if watch not in self.informers:
            self.informers[watch] = self._start(watch)
        self._users[watch] += 1
        return self.informers[watch]

    def release(self, informer: Informer[Any]) -> None:
        """Give back what `watch` gave; when nobody is left it is stopped."""
        for watch, known in list(self.informers.items()):
            if known is informer:
                self._users[watch] -= 1
                if not self._users[watch]:
                    self._stop(self.informers.pop(watch))

    def close(self) -> None:
        """Stop all of them."""
        for informer in self.informers.values():
            self._stop(informer)
        self.informers.clear()
        self._users.clear()


class ClusterInformer(Generic[T]):
    """A reflector with its store, running."""

    def __init__(self, watch: Watch[T], transport: Transport, clock: Clock, random: Random) -> None:
        self.store: Store[T] = Store()
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
        self._factory = SharedInformerFactory(self._start, self._stop)
        self._stopping = Tasks()

    def watch(self, watch: Watch[T]) -> Informer[T]:
        """Begin to follow, or share what is followed already. On the running event loop."""
        if watch.kind == NAMESPACES and watch.namespace:
            return SingleNamespace(watch.namespace)  # type: ignore[return-value]  # the kind says so
        return self._factory.watch(watch)

    def release(self, informer: Informer[Any]) -> None:
        """Give back what `watch` gave; when nobody is left it is followed no more."""
        self._factory.release(informer)

    @property
    def informers(self) -> dict[Watch[Any], ClusterInformer[Any]]:
        """What is watched, for the metrics."""
        return self._factory.informers

    async def close(self) -> None:
        """Follow nothing any more and close the connections."""
        self._factory.close()
        await self._stopping.wait()
        await self.transport.close()

    def _start(self, watch: Watch[Any]) -> ClusterInformer[Any]:
        return ClusterInformer(watch, self.transport, self._clock, self._random)

    def _stop(self, informer: ClusterInformer[Any]) -> None:
        self._stopping.keep(informer.stop())
