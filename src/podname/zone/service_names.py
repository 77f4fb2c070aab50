"""Follows Services and their slices, and says which names they have now.

A change of a Service makes all of its names anew; a change of a slice those of the endpoints that differ, and the
Service's own names where they depend on endpoints. What is kept are the objects themselves.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from podname.kube.objects import EndpointSlice, Service
from podname.wire.records import ReadyAnswers
from podname.zone import endpoints, services
from podname.zone.changes import Changes
from podname.zone.exposure import Exposure, Hidden
from podname.zone.index import Index
from podname.zone.options import ZoneOptions


class ServiceNames:
    """The names of Services, their ports and endpoints."""

    def __init__(self, options: ZoneOptions, exposure: Exposure, changes: Changes) -> None:
        self.services: dict[str, Service] = {}
        self._options, self._exposure, self._changes = options, exposure, changes
        self._hidden: Hidden[Service] = Hidden(options)
        self._slices_of: Index[str, EndpointSlice] = Index()

    def service_changed(self, old: Service | None, new: Service | None) -> None:
        """Follow a Service: all of its names are made anew."""
        if old is not None:
            self.services.pop(old.key, None)
            self._hidden.discard(old)
            self._changes.drop(self._names(old))
        if new is not None:
            self.services[new.key] = new
            if self._exposure.has(new.namespace):
                self._changes.put(self._names(new))
            else:
                self._hidden.add(new)

    def slice_changed(self, old: EndpointSlice | None, new: EndpointSlice | None) -> None:
        """Follow a slice: the endpoints that differ, and the Service's own names if they depend on endpoints."""
        if old is not None and new is not None and old.service_key != new.service_key:
            self.slice_changed(old, None)
            old = None
        either = new or old
        if either is None:
            return
        service = self.services.get(either.service_key)
        shown = service is not None and self._exposure.has(service.namespace)
        if service is not None and shown:
            self._changes.drop(self._owners_of_ports(service))
        if old is not None:
            self._slices_of.discard(old.service_key, old)
        if new is not None:
            self.note(new)
        if service is not None and shown:
            self._put_differences(service, old, new)

    def show(self, namespace: str) -> list[Service]:
        """Give the Services of a namespace their names; say which they are."""
        shown = self._hidden.take(namespace)
        for service in shown:
            self._changes.put(self._names(service))
        return shown

    def hide(self, namespace: str) -> list[Service]:
        """Take the names of a namespace's Services away; say which they are. O(Services)."""
        hidden = [service for service in self.services.values() if service.namespace == namespace]
        for service in hidden:
            self._changes.drop(self._names(service))
            self._hidden.add(service)
        return hidden

    def slices_of(self, service_key: str) -> Collection[EndpointSlice]:
        """Give the slices of one Service."""
        return self._slices_of.get(service_key)

    def all_slices(self) -> Iterator[EndpointSlice]:
        """Give every slice."""
        return self._slices_of.all()

    def note(self, one: EndpointSlice) -> None:
        """Remember whose a slice is."""
        self._slices_of.add(one.service_key, one)

    def _put_differences(
        self, service: Service, old: EndpointSlice | None, new: EndpointSlice | None
    ) -> None:
        slices = self.slices_of(service.key)
        labels = frozenset(
            endpoints.named_addresses((endpoints.difference(old, new),), self._options)
        )
        for zone in self._options.forward_zones:
            owner = services.service_owner(service.namespace, service.name, zone)
            if owner is None:
                continue
            self._changes.drop(label + owner for label in labels)
            self._changes.put(
                services.endpoint_names(service, slices, zone, self._options, only=labels)
            )
            if self._depends_on_endpoints(service):
                self._changes.put(services.service_names(service, slices, zone, self._options))

    def _depends_on_endpoints(self, service: Service) -> bool:
        return service.headless or self._options.ignore_empty_service

    def _owners_of_ports(self, service: Service) -> list[bytes]:
        """List the Service's own names, when a slice may take them away."""
        out = []
        for zone in self._options.forward_zones if self._depends_on_endpoints(service) else ():
            owner = services.service_owner(service.namespace, service.name, zone)
            if owner is not None:
                ports = services.port_owners(service, self.slices_of(service.key), owner)
                out += [owner, *(port_owner for _, port_owner in ports)]
        return out

    def _names(self, service: Service) -> dict[bytes, ReadyAnswers]:
        slices = self.slices_of(service.key)
        names: dict[bytes, ReadyAnswers] = {}
        for zone in self._options.forward_zones:
            names |= services.endpoint_names(service, slices, zone, self._options)
            names |= services.service_names(service, slices, zone, self._options)
        return names
