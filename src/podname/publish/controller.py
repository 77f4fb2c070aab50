"""The loop: whatever changes, the Services that it concerns are planned anew and what the plan says is done.

Every replica watches, so that the one that takes over knows everything already; only the leader works. Nothing is done
before all three kinds are complete: half a cluster would look like pods that are gone.

A failure is logged with what to do about it and tried again after a pause; every so often everything is planned anew.

Source: client-go "Writing controllers"; kube-controller-manager's endpointslice controller.
"""

from __future__ import annotations

import asyncio
import logging
from random import Random

from podname.errors import Forbidden, KubeError
from podname.kube.informer import Cluster
from podname.kube.kinds import Watch
from podname.kube.transport import Requester
from podname.publish.catalog import Catalog
from podname.publish.choosing import Publication, Refusal
from podname.publish.election import Election
from podname.publish.planning import Plan, plan
from podname.publish.queue import WorkQueue
from podname.publish.reading import OURS, PODS, SERVICES, SLICES
from podname.publish.writing import NotLeading, Writer
from podname.runtime.clock import Clock

logger = logging.getLogger(__name__)

WORKERS = 4
RESYNC_SECONDS = 600.0


class Controller:
    """Follows a cluster, or one namespace of it, and publishes what its Services ask for."""

    def __init__(
        self,
        cluster: Cluster,
        requester: Requester,
        election: Election,
        namespace: str | None = None,
        *,
        clock: Clock,
        random: Random,
    ) -> None:
        self.cluster = cluster
        self.election = election
        self.queue = WorkQueue(clock, random)
        self.catalog = Catalog(self.queue.add)
        self.writer = Writer(requester, lambda: election.is_leading)
        self.plans: dict[str, Plan] = {}  # the last one of each Service that is published
        self.failures = 0
        self._clock = clock
        self._told: dict[str, tuple[str, ...]] = {}
        self._services = cluster.watch(Watch(SERVICES, namespace))
        self._pods = cluster.watch(Watch(PODS, namespace))
        self._slices = cluster.watch(Watch(SLICES, namespace, label_selector=OURS))
        self._services.store.add_event_handler(self.catalog.on_services)
        self._pods.store.add_event_handler(self.catalog.on_pods)
        self._slices.store.add_event_handler(self.catalog.on_slices)
        self._slices.store.add_event_handler(self.writer.written.on_slices)
        self._synced = asyncio.Event()
        for each in (self._services, self._pods, self._slices):
            each.store.add_event_handler(self._on_change)

    @property
    def has_synced(self) -> bool:
        """Whether all that is watched is complete."""
        return all(each.has_synced for each in (self._services, self._pods, self._slices))

    async def run(self) -> None:
        """Stand for leader and work while leading, until cancelled."""
        await self.election.run(self._lead)

    async def _lead(self) -> None:
        await self._synced.wait()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._resync())
                for _ in range(WORKERS):
                    group.create_task(self._work())
        finally:
            self.plans.clear()  # what is published is another replica's to count

    def _on_change(self, _: object, is_initial_list: bool) -> None:
        if is_initial_list and self.has_synced:
            self._synced.set()

    async def _resync(self) -> None:
        while True:
            self.writer.written.clear()
            self.queue.add_all(sorted(self.catalog.keys()))
            await self._clock.sleep(RESYNC_SECONDS)

    async def _work(self) -> None:
        while True:
            key = await self.queue.get()
            try:
                await self.sync(key)
            except NotLeading:
                self.queue.retry(key)
            except KubeError as error:
                self._failed(key, error)
            except Exception as error:
                logger.exception("Service %s: a defect of podname", key)
                self._failed(key, KubeError(f"{type(error).__name__}: {error}"))
            except BaseException:
                self.queue.retry(key)  # cancelled: whoever leads next does it
                raise
            else:
                self.queue.done(key)

    async def sync(self, key: str) -> None:
        """Make the slices of one Service right. Raises KubeError."""
        choice = self.catalog.choice(key)
        slices = self.writer.written.over(key, self.catalog.slices_of(key))
        made = plan(choice, self.catalog.pods_of(key), slices)
        self._note(key, choice, made)
        await self.writer.carry_out(made)
        if made.writes or made.deletes:
            written, deleted = len(made.writes), len(made.deletes)
            logger.info(
                "Service %s: %d endpoints, %d slices written, %d deleted",
                *(key, made.endpoints, written, deleted),
            )

    def _note(self, key: str, choice: Publication | Refusal | None, made: Plan) -> None:
        """Keep for the metrics what was planned, and say once what is wrong with it."""
        if isinstance(choice, Publication):
            self.plans[key] = made
        else:
            self.plans.pop(key, None)
        wrong = tuple(_complaints(choice, made))
        if self._told.get(key, ()) != wrong:
            for line in wrong:
                logger.warning("%s", line)
        if wrong:
            self._told[key] = wrong
        else:
            self._told.pop(key, None)

    def _failed(self, key: str, error: KubeError) -> None:
        self.failures += 1
        pause_seconds = self.queue.retry(key, error.retry_after_seconds)
        if error.code == 409 and "conflict" not in str(error).lower():
            return  # somebody was faster; the watch tells what there is now
        hint = "; grant it, see deploy/publish" if _lacks_permission(error) else ""
        logger.warning("Service %s: %s%s; next try in %.1f s", key, error, hint, pause_seconds)


def _lacks_permission(error: KubeError) -> bool:
    """Forbidden is also what a namespace says that is being deleted."""
    return isinstance(error, Forbidden) and " cannot " in str(error)


def _complaints(choice: Publication | Refusal | None, made: Plan) -> list[str]:
    if isinstance(choice, Refusal):
        return [choice.message]
    if choice is None:
        return []
    lines = [choice.fault] if choice.fault else []
    if made.nameless:
        shown = ", ".join(made.nameless[:5])
        lines.append(
            f"Service {choice.service.key}: {len(made.nameless)} pods have names that are no DNS labels"
            f" (over 63 characters, or with dots) and are published without one: {shown};"
            " give what makes them a shorter name"
        )
    return lines
