"""Follows Services and their slices, and makes the names that change with them.

A change marks what it may have changed: labels of endpoints, and a Service's own names where they depend on it. `flush`
makes each of these once, as it is when all changes of a batch have been followed.

The own names of a Service grow with its endpoints. Where they are large and were made a moment ago, they wait for as
long as that is worth, at most a second: `later_seconds` says how long.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import islice

from podname.dns.names import NAME_OCTETS_MAX
from podname.dns.records import ReadyAnswers
from podname.kube.objects import EndpointSlice, Service
from podname.names import endpoints, services
from podname.names.changes import Changes
from podname.names.exposure import Exposure, Hidden
from podname.names.options import ZoneOptions
from podname.names.slices import ServiceSlices

_LABELS_PER_STEP = 50
#: Answers of so many octets are made at once, however often they change: they cost as little as an endpoint's.
SMALL_OCTETS = 20_000
#: Larger ones are made no more often than this: a few parts in a hundred of the time that making them takes.
OCTETS_PER_SECOND = 1_000_000
WAIT_SECONDS_MAX = 1.0


class ServiceNames:
    """The names of Services, their ports and endpoints."""

    def __init__(
        self,
        options: ZoneOptions,
        exposure: Exposure,
        changes: Changes,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.services: dict[str, Service] = {}
        self.slices = ServiceSlices(options)
        self._options, self._exposure, self._changes = options, exposure, changes
        self._monotonic = monotonic
        self._hidden: Hidden[Service] = Hidden(options)
        self._dirty_labels: dict[str, dict[bytes, None]] = {}
        self._dirty: dict[str, set[bytes]] = {}  # with the prefixes of ports that it may have had
        self._ready_at: dict[str, float] = {}  # when large own names may be made again

    # ---------------------------------------------------------------- events

    def service_changed(self, old: Service | None, new: Service | None) -> Iterator[None]:
        """Follow a Service."""
        if old is not None:
            self._mark_own(old)
            self.services.pop(old.key, None)
            self._hidden.discard(old)
        if new is not None:
            self._take(new)
            self._mark_own(new)
        if _names_of_endpoints(old) != _names_of_endpoints(new):
            yield from self._mark_endpoints((new or old).key)  # type: ignore[union-attr]

    def slice_changed(self, old: EndpointSlice | None, new: EndpointSlice | None) -> None:
        """Follow a slice."""
        if old is not None and new is not None and old.service_key != new.service_key:
            self.slice_changed(old, None)
            old = None
        either = new or old
        if either is None:
            return
        key = either.service_key
        service = self.services.get(key)
        if service is not None:
            self._mark_labels(key, self.slices.labels_in(endpoints.difference(old, new)))
            before, after = old.ports if old else (), new.ports if new else ()
            if self._depends_on_endpoints(service):
                self._mark(key, services.prefixes(before if service.headless else service.ports))
            if (
                service.headless and before != after
            ):  # an endpoint yields to a port of the same name
                self._mark_labels(key, services.names_of_ports((*before, *after)))
        if old is not None:
            self.slices.discard(old)
        if new is not None:
            self.slices.add(new)

    def show(self, namespace: str) -> Iterator[Service | None]:
        """Let the Services of a namespace have their names; say which they are, and None between."""
        for service in self._hidden.take(namespace):
            self._mark_own(service)
            for _ in self._mark_endpoints(service.key):
                yield None
            yield service

    def hide(self, namespace: str) -> Iterator[Service | None]:
        """Take the names of a namespace's Services away; say which they are, and None for others."""
        for service in list(self.services.values()):
            if service.namespace != namespace:
                yield None
                continue
            self._hidden.add(service)
            self._mark_own(service)
            for _ in self._mark_endpoints(service.key):
                yield None
            yield service

    def slices_of(self, service_key: str) -> Collection[EndpointSlice]:
        """Return the slices of one Service."""
        return self.slices.of(service_key)

    # ----------------------------------------------------------------- names

    def build(self, service: Service) -> Iterator[None]:
        """Follow a Service when its slices are known, and make its names at once."""
        self._take(service)
        if not self._exposure.has(service.namespace):
            return
        if not self.slices.is_large(service.key):
            self._changes.put(self._names(service))
            return
        self._mark_own(service)
        yield from self._mark_endpoints(service.key)
        yield from self.flush()

    def flush(self) -> Iterator[None]:
        """Make the names that may have changed, a step at a time."""
        dirty, self._dirty_labels = self._dirty_labels, {}
        for key, labels in dirty.items():
            rest = iter(labels)
            while some := tuple(islice(rest, _LABELS_PER_STEP)):
                self._put_endpoints(key, some)
                yield
        for key in list(self._dirty):
            if self._wait_seconds(key) <= 0:
                yield from self._put_own(key, self._dirty.pop(key))

    @property
    def later_seconds(self) -> float | None:
        """In how many seconds something is to be made that waits; None when nothing does."""
        return min(map(self._wait_seconds, self._dirty), default=None)

    def _take(self, service: Service) -> None:
        self.services[service.key] = service
        if not self._exposure.has(service.namespace):
            self._hidden.add(service)

    def _wait_seconds(self, key: str) -> float:
        ready_at = self._ready_at.get(key)
        if ready_at is None or self._shown(key) is None:
            return 0.0
        return ready_at - self._monotonic()

    def _shown(self, key: str) -> Service | None:
        service = self.services.get(key)
        return service if service and self._exposure.has(service.namespace) else None

    def _mark(self, key: str, prefixes: Iterable[bytes]) -> None:
        self._dirty.setdefault(key, set()).update(prefixes)

    def _mark_own(self, service: Service) -> None:
        self._mark(
            service.key, services.prefixes(services.ports_of(service, self.slices.of(service.key)))
        )

    def _mark_labels(self, key: str, labels: Iterable[bytes]) -> None:
        self._dirty_labels.setdefault(key, {}).update(dict.fromkeys(labels))

    def _mark_endpoints(self, key: str) -> Iterator[None]:
        for one in self.slices.of(key):
            self._mark_labels(key, self.slices.labels_in(one))
            yield

    def _put_endpoints(self, key: str, labels: Collection[bytes]) -> None:
        service, slices = self._shown(key), self.slices.of(key)
        naming = self.slices.naming(key, labels)
        for zone, owner in self._owners(key):
            made = {}
            if service is not None:
                made = services.endpoint_names(
                    service, slices, zone, self._options, only=labels, naming=naming
                )
            for label in labels:
                if len(label) + len(owner) <= NAME_OCTETS_MAX:
                    self._changes.put_one(label + owner, made.get(label + owner, {}))

    def _put_own(self, key: str, prefixes: Iterable[bytes]) -> Iterator[None]:
        service, octets = self._shown(key), 0
        for zone, owner in self._owners(key):
            had = (owner, *(prefix + owner for prefix in prefixes))
            self._changes.drop(name for name in had if len(name) <= NAME_OCTETS_MAX)
            if service is not None:
                made = services.service_names(service, self.slices.of(key), zone, self._options)
                for each in made:
                    name, answers = each or (owner, {})
                    if answers:
                        self._changes.put_one(name, answers)
                    octets += sum(map(len, answers.values()))
                    yield
        self._note_octets(key, octets)
        yield

    def _note_octets(self, key: str, octets: int) -> None:
        if octets <= SMALL_OCTETS:
            self._ready_at.pop(key, None)
            return
        seconds = min(octets / OCTETS_PER_SECOND, WAIT_SECONDS_MAX)
        self._ready_at[key] = self._monotonic() + seconds

    def _owners(self, key: str) -> Iterator[tuple[bytes, bytes]]:
        namespace, _, name = key.partition("/")
        for zone in self._options.forward_zones:
            owner = services.service_owner(namespace, name, zone)
            if owner is not None:
                yield zone, owner

    def _depends_on_endpoints(self, service: Service) -> bool:
        return service.headless or self._options.ignore_empty_service

    def _names(self, service: Service) -> dict[bytes, ReadyAnswers]:
        slices = self.slices.of(service.key)
        names: dict[bytes, ReadyAnswers] = {}
        for zone in self._options.forward_zones:
            names |= services.endpoint_names(service, slices, zone, self._options)
            made = services.service_names(service, slices, zone, self._options)
            names.update(filter(None, made))
        return names


def _names_of_endpoints(service: Service | None) -> object:
    """Return what of a Service the names of its endpoints depend on."""
    if service is None:
        return None
    return service.type == "ExternalName", service.headless, service.ports
