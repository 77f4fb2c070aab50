"""List, then watch, for ever: a store that follows one kind of object in the cluster.

::

              ┌── WatchList: objects, a bookmark that ends them, then changes on the same stream
    unknown ──┤                                                                                  ──► following
              └── LIST in pages, then a watch from its resource version

    following ── stream ended, broke, fell silent ──► following (from the last version, after a pause if it failed)
    following ── 410, a line that is none, the audit found a lost event ──► unknown

Whatever happens, the store keeps what was last known: it is only ever replaced by a complete list.

1. WatchList first, as every watch in protobuf where the native module reads it. If the server refuses it, or does not
   end it in time (kubernetes#140890, #138557), lists are used.
2. The first list may come from the watch cache (version 0); after a loss of the watch it must be as new as what we
   had; after a 410 it comes from etcd, in pages.
3. A stream has a random length of 5 to 10 minutes. One that ends within a second and said nothing new is a failure.
4. Failures wait (`backoff`), so that nothing here can ask in a hot loop.
5. Now and then an `audit` compares with the server. One that has never seen our version went back in time (etcd was
   restored from a backup): what it has now is the truth, and a watch from our version would stay silent.

Sources: client-go tools/cache/reflector.go; kube-rs watcher.rs; KEP-3157 (WatchList), KEP-956 (bookmarks).
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing
from dataclasses import dataclass
from random import Random
from typing import Generic

from podname.errors import Gone, KubeError
from podname.kube.audit import Audit
from podname.kube.decode import BrokenLine
from podname.kube.events import Apply, Delete, Event, Progress
from podname.kube.kinds import T, Watch
from podname.kube.listwatch import ListWatch
from podname.kube.protobuf import Malformed
from podname.kube.store import Replacement, Store
from podname.kube.transport import Transport
from podname.runtime.backoff import Backoff
from podname.runtime.clock import Clock, Deadline, Pace

logger = logging.getLogger(__name__)

#: A WatchList has so long to end its initial events, and so long again for each thousand objects: on a machine that is
#: busy, as when everything starts at once, ten thousand can take longer.
WATCH_LIST_SECONDS = 10.0
WATCH_LIST_OBJECTS = 1_000
SHORT_WATCH_SECONDS = 1.0
#: How often the audit compares: the more objects, the less often, so that it never costs much.
AUDIT_SECONDS = 300.0
AUDIT_OBJECT_SECONDS = 0.01
AUDIT_GRACE_SECONDS = 10.0

#: Client errors that say nothing about whether the server knows WatchList.
_NOT_ABOUT_WATCH_LIST = frozenset({401, 403, 404, 408, 409, 410, 429})
_TOO_LARGE_VERSION = "Too large resource version"


@dataclass(slots=True)
class Counters:
    """What a reflector counts, for the metrics."""

    relists: int = 0
    reconnects: int = 0
    failures: int = 0
    lost_events_healed: int = 0


class Reflector(Generic[T]):
    """Keeps `store` true to the objects of one watch.

    While a list comes it is kept beside the store, which then takes it whole: objects come in any order, and the list
    may break off. Others have their turn while it is found out in what it differs.
    """

    def __init__(
        self,
        watch: Watch[T],
        store: Store[T],
        transport: Transport,
        *,
        clock: Clock,
        random: Random,
    ) -> None:
        self.watch = watch
        self.counters = Counters()
        self.heard_at: float | None = None
        self.list_watch = ListWatch(watch, transport, random, self._heard)
        self._store = store
        self._transport = transport
        self._clock = clock
        self._random = random
        self._backoff = Backoff(clock, random)
        self._audit = Audit(watch, store)
        self._can_watch_list = True
        self._torn_watch_lists = 0
        self._must_list = True
        self._listed: Replacement[T] | None = None  # a list that has begun
        self._list_from = "0"
        self._version = 0
        self._stream_events = 0
        self._deadline = Deadline(clock)  # of the stream that is read

    async def run(self) -> None:
        """Follow the cluster until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow_for_ever())
            group.create_task(self._audit_for_ever())

    async def _follow_for_ever(self) -> None:
        while True:
            error = await self._try()
            if error is None:
                continue
            self.counters.failures += 1
            wait_seconds = max(self._backoff.next_seconds(), error.retry_after_seconds)
            name = self.watch.kind.plural
            logger.warning("%s: %s; next try in %.1f s", name, error, wait_seconds)
            await self._clock.sleep(wait_seconds)

    async def _try(self) -> KubeError | None:
        """Do one thing; give what went wrong. Nothing but the end of the task comes out of here."""
        try:
            if not self._must_list:
                await self._watch()
            elif self._can_watch_list:
                await self._watch_list()
            else:
                await self._list()
        except (Gone, BrokenLine, Malformed) as error:
            self._list_anew()
            return error
        except KubeError as error:
            return error
        except Exception as error:
            logger.exception("%s: the reflector failed", self.watch.kind.plural)
            self._list_anew()
            return KubeError(f"{type(error).__name__}: {error}")
        return None

    def _list_anew(self) -> None:
        """What we knew is no starting point any more: ask etcd."""
        self._must_list = True
        self._list_from = ""

    async def _watch_list(self) -> None:
        self._begin_list()
        why = "it ended before its initial events did"
        try:
            await self._stream(
                {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"},
                WATCH_LIST_SECONDS,
            )
        except TimeoutError:
            why = "it did not end its initial events in time"
        except KubeError as error:
            if self._listed is None or not self._is_refusal(error):
                raise
            why = str(error)
        if self._listed is not None:
            self._can_watch_list = False
            logger.info("%s: no WatchList: %s", self.watch.kind.plural, why)

    def _is_refusal(self, error: KubeError) -> bool:
        """Whether asking for a WatchList again would make no sense; a torn one is given a second chance."""
        if 400 <= error.code < 500:
            return error.code not in _NOT_ABOUT_WATCH_LIST
        if self._stream_events:
            self._torn_watch_lists += 1
        return self._torn_watch_lists > 1

    async def _list(self) -> None:
        listed = self._begin_list()
        try:
            version = await self.list_watch.list_objects(self._list_from, listed.update)
        except KubeError as error:
            if error.code >= 500:  # "too large resource version" is one of them
                self._list_from = ""
            raise
        await self._end_list(listed, version)

    def _begin_list(self) -> Replacement[T]:
        self.counters.relists += self._version > 0
        self._listed = Replacement(self._store)
        return self._listed

    async def _end_list(self, listed: Replacement[T], version: int) -> None:
        pace = Pace()
        for _ in listed.publish():
            if pace.is_due:
                await pace.yield_control()
        self._listed, self._must_list = None, False
        self._version = version
        self._list_from = str(version)
        self._torn_watch_lists = 0
        self._heard()
        self._audit.listed(version)

    async def _watch(self) -> None:
        self.counters.reconnects += 1
        began, version = self._clock.monotonic(), self._version
        try:
            await self._stream({"resourceVersion": str(self._version)})
        except TimeoutError:
            return  # the audit ended it
        if self._version == 0:  # versions that are no numbers: there is nothing to go on from
            self._list_anew()
        elif self._version <= version and self._clock.monotonic() - began < SHORT_WATCH_SECONDS:
            raise KubeError("the watch ended at once and said nothing new")

    async def _stream(self, parameters: dict[str, str], seconds: float | None = None) -> None:
        """Follow one stream to its end. Raises TimeoutError when it was ended by us."""
        self._stream_events = 0
        async with (
            Deadline(self._clock, seconds) as self._deadline,
            aclosing(self.list_watch.events(parameters)) as events,
        ):
            async for event in events:
                self._stream_events += 1
                await self._take(event)

    async def _take(self, event: Event[T]) -> None:
        target = self._listed or self._store
        match event:
            case Apply():
                target.update(event.object)
            case Delete():
                target.delete(event.key)
        if self._listed is not None:
            await self._take_initial(event, self._listed)
            return
        if not isinstance(event, Progress):
            self._audit.note(event.key, event.version)
        self._version = event.version or self._version

    async def _take_initial(self, event: Event[T], listed: Replacement[T]) -> None:
        """Initial events come in no order: their versions are none to go on from."""
        if isinstance(event, Progress):
            if event.initial_events_end:
                self._deadline.lift()
                await self._end_list(listed, event.version)
        elif self._stream_events % WATCH_LIST_OBJECTS == 0:
            self._deadline.extend(WATCH_LIST_SECONDS)

    def _heard(self) -> None:
        self.heard_at = self._clock.monotonic()

    async def _audit_for_ever(self) -> None:
        while True:
            objects = len(self._audit.store.objects)
            seconds = AUDIT_SECONDS + objects * AUDIT_OBJECT_SECONDS
            await self._clock.sleep(seconds * self._random.uniform(0.75, 1.25))
            try:
                await self.audit()
            except KubeError as error:
                logger.info("%s: no comparison: %s", self.watch.kind.plural, error)
            except Exception:
                logger.exception("%s: the comparison failed", self.watch.kind.plural)

    async def audit(self) -> None:
        """Compare with the server, and list anew if an event was lost. Raises KubeError."""
        if self._must_list:
            return
        try:
            suspects = await self._audit.compare(self._transport)
        except KubeError as error:
            if _TOO_LARGE_VERSION in str(error):
                self._follow_back()
            raise
        if suspects.lost():
            await self._clock.sleep(AUDIT_GRACE_SECONDS)
            if lost := suspects.lost():
                self._heal(lost)
                return
        suspects.settle()

    def _follow_back(self) -> None:
        name = self.watch.kind.plural
        logger.warning("%s: the API server is older than what it told us: listing anew", name)
        self._list_anew()
        self._deadline.expire()

    def _heal(self, lost: list[str]) -> None:
        self.counters.lost_events_healed += len(lost)
        shown = ", ".join(lost[:5])
        name = self.watch.kind.plural
        logger.warning("%s: %d events were lost (%s): listing anew", name, len(lost), shown)
        self._list_anew()
        self._deadline.expire()
