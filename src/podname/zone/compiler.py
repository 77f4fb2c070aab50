"""The compiler: follows the stores and keeps a table's answers equal to them.

An event changes the answers of the object that it is about and of the Service that it belongs to, and the PTR records
of the addresses that it names; nothing else is looked at, so the work of a change does not grow with the cluster. The
one exception is a namespace that ceases to be exposed, whose objects are searched for.

Life: the stores sync; `build` makes all names from what is there, a step of work at a time, while events wait;
then the table counts as synced and events are followed one by one. Before that nobody gets an answer from the table.
Pods are most of what an API server sends, and come last: the names that need none are made while they still arrive.

Sources: the design of podname (the path of a change).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from podname.engine.base import Table
from podname.kube.objects import EndpointSlice, Namespace, Pod, Service
from podname.kube.store import Store, T
from podname.zone import apex
from podname.zone.changes import Changes
from podname.zone.exposure import Exposure, namespace_names, pod_parents
from podname.zone.options import ZoneOptions
from podname.zone.pod_names import PodNames
from podname.zone.reverse_names import ReverseNames
from podname.zone.service_names import ServiceNames
from podname.zone.workload_names import WorkloadNames

_OBJECTS_PER_STEP = 50

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


@dataclass(frozen=True)
class _Follower(Generic[T]):
    """A store's handler made of two functions."""

    replaced: Callable[[Mapping[str, T]], None]
    changed: Callable[[T | None, T | None], None]


class Compiler:
    """Keeps `table` true to `sources`.

    `on_synced` is called once, when all stores have their first list: then run `build` to its end. Or run it in two
    parts: `build_services` after `on_services`, which is called once when all but pods are there, then, after
    `on_synced`, `build_pods`. `on_change` is called after each event that changed an answer.
    """

    def __init__(
        self,
        options: ZoneOptions,
        sources: Sources,
        table: Table,
        *,
        on_services: Callable[[], None] = lambda: None,
        on_synced: Callable[[], None] = lambda: None,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self.options, self.sources, self.table = options, sources, table
        self.changes = Changes(table)
        self._on_services, self._on_synced, self._on_change = on_services, on_synced, on_change
        exposure = Exposure(options, watched=sources.namespaces is not None)
        self.exposure = exposure
        self.services = ServiceNames(options, exposure, self.changes)
        self.pods = PodNames(options, exposure, self.changes)
        self.reverse = ReverseNames(options, exposure, self.changes, self.services, self.pods)
        self.workloads = WorkloadNames(
            options, exposure, self.changes, (self.services, self.pods), table
        )
        self._own_services: set[str] = set()
        self._waiting: list[tuple[Callable[[Any, Any], None], Any, Any]] | None = []
        self._services_announced = self._announced = False
        self._follow: list[tuple[Store[Any], _Follower[Any]]] = []

    # ------------------------------------------------------------------ life

    def follow(self) -> None:
        """Begin to follow the stores."""
        sources = self.sources
        changed: tuple[tuple[Store[Any] | None, Callable[[Any, Any], None]], ...] = (
            (sources.namespaces, self._namespace_changed),
            (sources.services, self._service_changed),
            (sources.slices, self._slice_changed),
            (sources.pods, self._pod_changed),
        )
        self._follow = [
            (store, _Follower(self._announce, self._event(work)))
            for store, work in changed
            if store is not None
        ]
        for store, follower in self._follow:
            store.follow(follower)

    def forget(self) -> None:
        """Follow the stores no longer."""
        for store, follower in self._follow:
            store.forget(follower)
        self._follow = []

    def build(self) -> Iterator[None]:
        """Make all names, pausing between steps so that a server can go on answering elsewhere."""
        yield from self.build_services()
        yield from self.build_pods()

    def build_services(self) -> Iterator[None]:
        """Make the names that need no pods."""
        sources, self._waiting = self.sources, []
        # Copies: the stores go on changing between the steps, and those changes wait.
        namespaces = _copy(sources.namespaces)
        slices, services = _copy(sources.slices), _copy(sources.services)
        for zone in self.options.zones:
            self.changes.put(apex.fixed_names(zone, self.options))
        for namespace in self.exposure.exposed():
            self._open(namespace)
        for obj in namespaces:
            self._namespace_changed(None, obj)
        # Who has an address comes first, so that each object's answers are made just once.
        self.reverse.slices.places = self.pods.holders.places = {}
        self.reverse.knows_pods = False
        yield from self._in_steps(slices, self._note_slice)
        yield from self._in_steps(services, self.reverse.note_service)
        yield from self._in_steps(services, self._build_service)
        yield from self._in_steps(slices, self._build_slice)

    def build_pods(self) -> Iterator[None]:
        """Make the names of pods, and follow events from then on."""
        pods = _copy(self.sources.pods)
        pod_changed = self._pod_changed  # what waits of these is in the copy
        self._waiting = [event for event in self._waiting or () if event[0] != pod_changed]
        yield from self._in_steps(pods, self.pods.note)
        self.reverse.slices.places = self.pods.holders.places = None
        self.reverse.knows_pods = True
        yield from self._in_steps(pods, self._build_pod)
        waiting, self._waiting = self._waiting, None
        for work, old, new in waiting:
            work(old, new)
        self._put_name_servers()
        self.reverse.settle()
        self.changes.write()
        self.table.synced = True
        self._on_change()

    def _note_slice(self, one: EndpointSlice) -> None:
        self.services.note(one)
        self.reverse.note_slice(one)

    def _build_service(self, service: Service) -> None:
        self.services.service_changed(None, service)
        self.reverse.put_of_service(service)
        for one in self.services.slices_of(service.key):
            self.reverse.put_of_slice(one)

    def _build_slice(self, one: EndpointSlice) -> None:
        if one.service_key not in self.services.services:  # the others went with their Services
            self.reverse.put_of_slice(one)

    def _build_pod(self, pod: Pod) -> None:
        self.pods.put(pod)
        self.workloads.pod_changed(None, pod)
        self.reverse.put_of_pod(pod)

    def _in_steps(self, items: Iterable[Item], work: Callable[[Item], None]) -> Iterator[None]:
        for number, item in enumerate(items, 1):
            work(item)
            if number % _OBJECTS_PER_STEP == 0:
                self.changes.write(fresh=True)
                yield
        self.changes.write(fresh=True)

    def _announce(self, _: Mapping[str, object]) -> None:
        if self.sources.have_services and not self._services_announced:
            self._services_announced = True
            self._on_services()
        if self.sources.has_synced and not self._announced:
            self._announced = True
            self._on_synced()

    def _event(self, work: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
        def changed(old: object, new: object) -> None:
            if self._waiting is not None:
                self._waiting.append((work, old, new))
                return
            work(old, new)
            self.reverse.settle()
            if self.changes.write():
                self._on_change()

        return changed

    # ---------------------------------------------------------------- events

    def _namespace_changed(self, old: Namespace | None, new: Namespace | None) -> None:
        if new is not None:
            if old is None and self.exposure.appear(new.name):
                self._open(new.name)
        elif old is not None:
            was_exposed = self.exposure.has(old.name)
            self.exposure.vanish(old.name)
            if was_exposed:
                self._close(old.name)

    def _service_changed(self, old: Service | None, new: Service | None) -> None:
        self.services.service_changed(old, new)
        self.reverse.service_changed(old, new)
        self.workloads.service_changed(old, new)
        either = new or old
        if either is not None and either.key in self._own_services:
            self._put_name_servers()

    def _slice_changed(self, old: EndpointSlice | None, new: EndpointSlice | None) -> None:
        was_own = self._is_own(old)
        self.services.slice_changed(old, new)
        self.reverse.slice_changed(old, new)
        self.workloads.slice_changed(old, new)
        if was_own or self._is_own(new):
            self._put_name_servers()

    def _is_own(self, one: EndpointSlice | None) -> bool:
        """Say whether one of this server's own addresses is an endpoint in a slice."""
        local_addresses, slices = self.options.local_addresses, self.reverse.slices
        return one is not None and any(
            one.key == other.key for address in local_addresses for other in slices.get(address)
        )

    def _pod_changed(self, old: Pod | None, new: Pod | None) -> None:
        self.workloads.pod_changed(old, new)
        self.pods.pod_changed(old, new)
        self.reverse.pod_changed(old, new)

    def _open(self, namespace: str) -> None:
        self.changes.put(namespace_names(namespace, self.options))
        if self.options.pods != "disabled":
            for parent in pod_parents(namespace, self.options):
                self.table.set_dashed(parent, open_=self.options.pods == "insecure")
        shown = self.services.show(namespace), self.pods.show(namespace)
        self.reverse.namespace_changed(namespace, *shown)

    def _close(self, namespace: str) -> None:
        self.workloads.hide(namespace)
        self.changes.drop(namespace_names(namespace, self.options))
        for parent in pod_parents(namespace, self.options):
            self.table.set_dashed(parent, open_=None)
        hidden = self.services.hide(namespace), self.pods.hide(namespace)
        self.reverse.namespace_changed(namespace, *hidden)

    def _put_name_servers(self) -> None:
        own = apex.own_slices(self.options, self.reverse.slices)
        self._own_services = {one.service_key for one in own}
        for zone in self.options.zones:
            names = apex.name_servers(zone, self.options, own, self.services.services)
            names[zone] = apex.fixed_names(zone, self.options)[zone] | names.get(zone, {})
            self.changes.put(names)


def _copy(store: Store[T] | None) -> list[T]:
    return list(store.objects.values()) if store is not None else []
