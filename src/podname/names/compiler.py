"""The compiler: follows the stores and keeps a table's answers equal to them.

An event changes the answers of the object that it is about and of the Service that it belongs to, and the PTR records
of the addresses that it names; nothing else is looked at, so the work of a change does not grow with the cluster. The
one exception is a namespace that ceases to be exposed, whose objects are searched for.

What happened at once, one event or all that differs in a list, is a batch. It is followed in two parts: first all of it
is brought into the indexes, which marks what it may have changed; then each marked name is made, once, and written:
what is put first, what goes away last. So a name that is there before and after goes from one answer to the other. All
of it is done in steps; what happens meanwhile waits, and so must whoever reads the indexes (`is_busy`).

Life: the stores sync; `build` makes all names from what is there, a step of work at a time, while events wait;
then the table counts as synced and events are followed. Before that nobody gets an answer from the table.
Pods are most of what an API server sends, and come last: the names that need none are made while they still arrive.

Sources: the design of podname (the path of a change); client-go (handlers get batches).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from podname.engine.base import Table
from podname.kube.objects import EndpointSlice, Namespace, Pod, Service
from podname.kube.store import Change, ResourceEventHandler, Store, T
from podname.names import apex
from podname.names.changes import Changes
from podname.names.exposure import Exposure, namespace_names, pod_parents
from podname.names.options import ZoneOptions
from podname.names.pod_names import PodNames
from podname.names.reverse_names import ReverseNames
from podname.names.service_names import ServiceNames
from podname.names.slices import parts_of
from podname.names.waiting import Batch, Waiting
from podname.names.workload_names import WorkloadNames

logger = logging.getLogger(__name__)

_NAMESPACES, _SERVICES, _SLICES, _PODS = "namespaces", "services", "slices", "pods"

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Sources:
    """The stores that names come from. A store that the options have no use for is None."""

    services: Store[Service]
    slices: Store[EndpointSlice] | None
    namespaces: Store[Namespace] | None  # None: the one configured namespace counts as existing
    pods: Store[Pod] | None

    @property
    def have_services(self) -> bool:
        """Whether every store but that of pods has its first list."""
        stores: tuple[Store[Any] | None, ...] = (self.services, self.slices, self.namespaces)
        return all(store is None or store.has_synced for store in stores)

    @property
    def has_synced(self) -> bool:
        """Whether every store has its first list."""
        return self.have_services and (self.pods is None or self.pods.has_synced)


class Compiler:
    """Keeps `table` true to `sources`.

    `on_synced` is called once, when all stores have their first list: then run `build` to its end. Or run it in two
    parts: `build_services` after `on_services`, which is called once when all but pods are there, then, after
    `on_synced`, `build_pods`.

    After that `on_work` is called whenever something waits: then run `work` to its end. Without `on_work` it is done at
    once. `on_change` is called after each batch that changed an answer.
    """

    def __init__(
        self,
        options: ZoneOptions,
        sources: Sources,
        table: Table,
        *,
        on_services: Callable[[], None] = lambda: None,
        on_synced: Callable[[], None] = lambda: None,
        on_work: Callable[[], None] | None = None,
        on_change: Callable[[], None] = lambda: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.options, self.sources, self.table = options, sources, table
        self.changes = Changes(table)
        self._on_services, self._on_synced, self._on_change = on_services, on_synced, on_change
        self._on_work = on_work or self._work_at_once
        exposure = Exposure(options, watched=sources.namespaces is not None)
        self.exposure = exposure
        self.services = ServiceNames(options, exposure, self.changes, monotonic)
        self.pods = PodNames(options, exposure, self.changes, self._find_pod)
        self.reverse = ReverseNames(options, exposure, self.changes, self.services, self.pods)
        self.workloads = WorkloadNames(
            options, exposure, self.changes, (self.services, self.pods), table
        )
        self._own_services: set[str] = set()
        self._must_put_name_servers = False
        self._waiting = Waiting()
        self._is_built = self._is_working = False
        self._services_announced = self._announced = False
        self._follow: list[tuple[Store[Any], ResourceEventHandler[Any]]] = []

    # ------------------------------------------------------------------ life

    def follow(self) -> None:
        """Begin to follow the stores."""
        sources = self.sources
        stores: tuple[tuple[Store[Any] | None, str], ...] = (
            (sources.namespaces, _NAMESPACES),
            (sources.services, _SERVICES),
            (sources.slices, _SLICES),
            (sources.pods, _PODS),
        )
        self._follow = [(store, self._handler(kind)) for store, kind in stores if store is not None]
        for store, handler in self._follow:
            store.add_event_handler(handler)

    def forget(self) -> None:
        """Follow the stores no longer."""
        for store, handler in self._follow:
            store.remove_event_handler(handler)
        self._follow = []

    def build(self) -> Iterator[None]:
        """Make all names, pausing between steps so that a server can go on answering elsewhere."""
        yield from self.build_services()
        yield from self.build_pods()

    def build_services(self) -> Iterator[None]:
        """Make the names that need no pods."""
        sources, self._waiting = self.sources, Waiting()
        self.changes.is_fresh = True
        # Copies: the stores go on changing between the steps, and those changes wait.
        namespaces = _copy(sources.namespaces)
        slices, services = _copy(sources.slices), _copy(sources.services)
        parts: list[EndpointSlice] = []
        for zone in self.options.zones:
            self.changes.put(apex.fixed_names(zone, self.options))
        for namespace in self.exposure.exposed():
            yield from self._open(namespace)
        for obj in namespaces:
            yield from self._namespace_changed(None, obj)
        # Who has an address comes first, so that each object's answers are made just once.
        self.reverse.slices.places = self.pods.holders.places = {}
        self.reverse.knows_pods = False
        yield from self._in_steps(slices, lambda one: self._note_slice(one, parts))
        yield from self._in_steps(services, self.reverse.note_service)
        for service in services:
            yield from self._build_service(service)
        yield from self._in_steps(parts, self._build_slice)

    def build_pods(self) -> Iterator[None]:
        """Make the names of pods, and follow events from then on."""
        pods = _copy(self.sources.pods)
        self._waiting.forget(_PODS)  # what waits of these is in the copy
        yield from self._in_steps(pods, self.pods.note)
        self.reverse.slices.places = self.pods.holders.places = None
        self.reverse.knows_pods = True
        yield from self._in_steps(pods, self._build_pod)
        self._must_put_name_servers = True
        yield from self._make()
        self.changes.is_fresh = False
        yield from self.work()
        self._is_built = True
        self.table.synced = True
        self._on_change()

    def _note_slice(self, one: EndpointSlice, parts: list[EndpointSlice]) -> None:
        for part in parts_of(one).values():
            parts.append(part)
            self.services.slices.add(part)
            self.reverse.note_slice(part)

    def _build_service(self, service: Service) -> Iterator[None]:
        yield from self._written(self.services.build(service))
        self.reverse.put_of_service(service)
        for one in self.services.slices_of(service.key):
            self.reverse.put_of_slice(one)
            self._write_if_full()
            yield

    def _build_slice(self, one: EndpointSlice) -> None:
        if one.service_key not in self.services.services:  # the others went with their Services
            self.reverse.put_of_slice(one)

    def _build_pod(self, pod: Pod) -> None:
        self.pods.put(pod)
        self.workloads.pod_changed(None, pod)
        self.reverse.put_of_pod(pod)

    def _in_steps(self, items: Iterable[Item], work: Callable[[Item], None]) -> Iterator[None]:
        for item in items:
            work(item)
            self._write_if_full()
            yield

    def _written(self, steps: Iterable[None]) -> Iterator[None]:
        for _ in steps:
            self._write_if_full()
            yield

    def _write_if_full(self) -> None:
        if self.changes.is_full:
            self.changes.write_put()

    def _announce(self) -> None:
        if self.sources.have_services and not self._services_announced:
            self._services_announced = True
            self._on_services()
        if self.sources.has_synced and not self._announced:
            self._announced = True
            self._on_synced()

    # ---------------------------------------------------------------- events

    @property
    def is_busy(self) -> bool:
        """Whether the indexes are ahead of the table, or about to be."""
        return self._is_working or bool(self._waiting)

    @property
    def later_seconds(self) -> float | None:
        """In how many seconds there is work to do again; None when only events bring some."""
        return self.services.later_seconds

    def work(self) -> Iterator[None]:
        """Follow what waits, a step at a time. Only one such work may be under way."""
        self._is_working = True
        try:
            while self._waiting:
                yield from self._follow_batch(self._waiting.take())
            yield from self._make()
        finally:
            self._is_working = False

    def _work_at_once(self) -> None:
        for _ in self.work():
            pass

    def _handler(self, kind: str) -> ResourceEventHandler[Any]:
        def on_change(changes: Collection[Change[Any]], is_initial_list: bool) -> None:
            if is_initial_list:  # `build` reads the stores
                self._announce()
                return
            self._waiting.add(kind, changes)
            if self._is_built:
                self._on_work()

        return on_change

    def _follow_batch(self, batch: Batch) -> Iterator[None]:
        """Bring a batch into the indexes, then make what it changed."""
        for kind, follow in (
            (_NAMESPACES, self._namespace_changed),
            (_SERVICES, self._service_changed),
            (_SLICES, self._slice_changed),
            (_PODS, self._pod_changed),
        ):
            changes = list(batch.pop(kind, ()))
            changes.reverse()
            while (
                changes
            ):  # let go of each: to free a hundred thousand at once would be a long step
                yield from _guarded(follow(*changes.pop()))
        yield from self._make()

    def _make(self) -> Iterator[None]:
        """Make and write all that was marked: what is put first."""
        made = self.changes.made
        for flush in (self.services.flush, self._flush_pods, self.reverse.flush):
            yield from self._written(_guarded(flush()))
        if self._must_put_name_servers:
            self._put_name_servers()
        yield from self.changes.finish()
        if self.changes.made > made:
            self._on_change()

    def _flush_pods(self) -> Iterator[None]:
        yield from self.pods.flush()
        renamed, self.pods.renamed = self.pods.renamed, {}
        for pod in renamed.values():
            self.workloads.pod_renamed(pod)
            self.reverse.pod_changed(None, pod)
            yield

    def _find_pod(self, key: str) -> Pod | None:
        return self.sources.pods.objects.get(key) if self.sources.pods else None

    def _namespace_changed(self, old: Namespace | None, new: Namespace | None) -> Iterator[None]:
        if new is not None:
            if old is None and self.exposure.appear(new.name):
                yield from self._open(new.name)
        elif old is not None:
            was_exposed = self.exposure.has(old.name)
            self.exposure.vanish(old.name)
            if was_exposed:
                yield from self._close(old.name)

    def _service_changed(self, old: Service | None, new: Service | None) -> Iterator[None]:
        yield from self.services.service_changed(old, new)
        self.reverse.service_changed(old, new)
        self.workloads.service_changed(old, new)
        either = new or old
        if either is not None and either.key in self._own_services:
            self._must_put_name_servers = True
        yield

    def _slice_changed(
        self, old: EndpointSlice | None, new: EndpointSlice | None
    ) -> Iterator[None]:
        before, after = parts_of(old), parts_of(new)
        for key in before | after:
            yield from self._part_changed(before.get(key), after.get(key))

    def _part_changed(self, old: EndpointSlice | None, new: EndpointSlice | None) -> Iterator[None]:
        if old == new:
            return
        self._must_put_name_servers |= self._is_own(old)
        self.services.slice_changed(old, new)
        yield
        self.reverse.slice_changed(old, new)
        self.workloads.slice_changed(old, new)
        self._must_put_name_servers |= self._is_own(new)
        yield

    def _is_own(self, one: EndpointSlice | None) -> bool:
        """Return whether one of this server's own addresses is an endpoint in a slice."""
        local_addresses, slices = self.options.local_addresses, self.reverse.slices
        return one is not None and any(
            one.key == other.key for address in local_addresses for other in slices.get(address)
        )

    def _pod_changed(self, old: Pod | None, new: Pod | None) -> Iterator[None]:
        self.workloads.pod_changed(old, new)
        self.pods.pod_changed(old, new)
        self.reverse.pod_changed(old, new)
        for pod in (old, new):
            if pod is not None and pod.hostname:  # the bare hostnames of a Service's endpoints
                for one in self.reverse.slices_with(pod):
                    self.workloads.slice_changed(None, one)
        yield

    def _open(self, namespace: str) -> Iterator[None]:
        self.changes.put(namespace_names(namespace, self.options))
        if self.options.pods != "disabled":
            for parent in pod_parents(namespace, self.options):
                self.changes.set_dashed(parent, open_=self.options.pods == "insecure")
        yield from self._look_again(
            namespace, self.services.show(namespace), self.pods.show(namespace)
        )

    def _close(self, namespace: str) -> Iterator[None]:
        self.workloads.hide(namespace)
        self.changes.drop(namespace_names(namespace, self.options))
        for parent in pod_parents(namespace, self.options):
            self.changes.set_dashed(parent, open_=None)
        yield from self._look_again(
            namespace, self.services.hide(namespace), self.pods.hide(namespace)
        )

    def _look_again(
        self, namespace: str, services: Iterable[Service | None], pods: Iterable[Pod | None]
    ) -> Iterator[None]:
        """Let the PTR records follow a namespace that became, or ceased to be, exposed."""
        for service in services:
            self.reverse.service_changed(service, service)
            yield
        for pod in pods:
            self.reverse.pod_changed(None, pod)
            yield
        yield from self.reverse.namespace_changed(namespace)

    def _put_name_servers(self) -> None:
        self._must_put_name_servers = False
        own = apex.own_slices(self.options, self.reverse.slices)
        self._own_services = {one.service_key for one in own}
        for zone in self.options.zones:
            names = apex.name_servers(zone, self.options, own, self.services.services)
            names[zone] = apex.fixed_names(zone, self.options)[zone] | names.get(zone, {})
            self.changes.put(names)


def _copy(store: Store[T] | None) -> list[T]:
    return list(store.objects.values()) if store is not None else []


def _guarded(steps: Iterator[None]) -> Iterator[None]:
    """A defect that one odd object meets costs nothing of the others."""
    try:
        yield from steps
    except Exception:
        logger.exception("a change could not be followed")
