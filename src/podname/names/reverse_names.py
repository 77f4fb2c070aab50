"""Follows who has an address, and makes the PTR records of those whose holders changed.

`touched` gathers addresses while a batch of events is followed; `flush` makes their answers once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from podname.dns import addresses
from podname.kube.objects import EndpointSlice, Pod, Service
from podname.names import endpoints, pods, reverse
from podname.names.changes import Changes
from podname.names.exposure import Exposure
from podname.names.index import Index
from podname.names.options import ZoneOptions
from podname.names.pod_names import PodNames
from podname.names.reverse import Rank, Ranked
from podname.names.service_names import ServiceNames

_ADDRESSES_PER_SLICE = 100

#: What the slices that were looked at say of their addresses, by identity.
_Seen = dict[int, dict[bytes, Any]]


class ReverseNames:
    """The PTR records of addresses whose holders changed."""

    def __init__(
        self,
        options: ZoneOptions,
        exposure: Exposure,
        changes: Changes,
        service_names: ServiceNames,
        pod_names: PodNames,
    ) -> None:
        self.services: Index[bytes, Service] = Index()
        self.slices: Index[bytes, EndpointSlice] = Index()
        self.touched: dict[bytes, None] = {}
        self.knows_pods = True  # else addresses whose name may be a pod's are left for `flush`
        self._touched_services: set[str] = set()  # whose endpoints may be called otherwise
        self._options, self._exposure, self._changes = options, exposure, changes
        self._service_names, self._pod_names = service_names, pod_names

    def service_changed(self, old: Service | None, new: Service | None) -> None:
        """Follow the cluster IPs of a Service."""
        for service, note in ((old, self.services.discard), (new, self.services.add)):
            for text in service.cluster_ips if service else ():
                address = addresses.parse(text)
                if address is not None and service is not None:
                    note(address, service)
                    self.touched[address] = None
        if self._options.one_ptr and _naming(old) != _naming(new):
            self._touched_services.update(one.key for one in (old, new) if one)

    def slice_changed(self, old: EndpointSlice | None, new: EndpointSlice | None) -> None:
        """Follow the addresses of a slice; those of endpoints that stay as they are need nothing."""
        for one, note in ((old, self.slices.discard), (new, self.slices.add)):
            if one is not None:
                for address in reverse.addresses_in(one):
                    note(address, one)
        stays = old is not None and new is not None and old.service_key == new.service_key
        for one in (endpoints.difference(old, new),) if stays else (old, new):
            if one is not None:
                self.touched.update(dict.fromkeys(reverse.addresses_in(one)))

    def pod_changed(self, old: Pod | None, new: Pod | None) -> None:
        """Follow the addresses of a pod."""
        for pod in (old, new):
            self.touched.update(dict.fromkeys(pods.addresses_of(pod)) if pod else {})

    def namespace_changed(self, namespace: str) -> Iterator[None]:
        """Look again at the endpoints of a namespace that became, or ceased to be, exposed."""
        if self._options.namespaces:  # only then do their PTR records depend on it
            for one in self._service_names.slices.all():
                if one.namespace == namespace:
                    self.touched.update(dict.fromkeys(reverse.addresses_in(one)))
                yield

    def slices_with(self, pod: Pod) -> list[EndpointSlice]:
        """Return the slices that have an address of a pod."""
        return [one for address in pods.addresses_of(pod) for one in self.slices.get(address)]

    def flush(self) -> Iterator[None]:
        """Make the answers of all touched addresses, a step at a time."""
        touched_services, self._touched_services = self._touched_services, set()
        for key in touched_services:
            for one in self._service_names.slices_of(key):
                self.touched.update(dict.fromkeys(reverse.addresses_in(one)))
                yield
        touched, self.touched = iter(self.touched), {}
        while some := tuple(islice(touched, _ADDRESSES_PER_SLICE)):
            seen: _Seen = {}  # addresses of one slice mostly stand together
            for address in some:
                self.put((address,), seen)
                yield

    def note_service(self, service: Service) -> None:
        """Remember whose a Service's cluster IPs are."""
        for text in service.cluster_ips:
            address = addresses.parse(text)
            if address is not None:
                self.services.add(address, service)

    def note_slice(self, one: EndpointSlice) -> None:
        """Remember who has the addresses in a slice."""
        for address in reverse.addresses_in(one):
            self.slices.add(address, one)

    def put_of_service(self, service: Service) -> None:
        """Make the answers of a Service's cluster IPs."""
        self.put(address for text in service.cluster_ips if (address := addresses.parse(text)))

    def put_of_slice(self, one: EndpointSlice) -> None:
        """Make the answers of the addresses in a slice; of those in several, once."""
        rest, options = [], self._options
        shown = self._exposure.has_reverse(one.namespace)
        targets = self._targets_in(one) if shown else {}
        has_all = targets and endpoints.plain_in(one, options) is not None
        for address in targets if has_all else dict.fromkeys(reverse.addresses_in(one)):
            if address in self.services:
                continue
            target = targets.get(address) if self.slices.only(address) is one else None
            if target is None:
                if self.slices.first(address) is one:
                    rest.append(address)
                continue
            owner = reverse.reverse_owner(address, options)
            if owner is not None:
                self._changes.put_one(owner, reverse.ptr_answer(target, options.ttl_seconds))
        if options.one_ptr and not self.knows_pods:  # nor all of the Services that have a name
            self.touched.update(dict.fromkeys(rest))
        else:
            self.put(rest)

    def _targets_in(self, one: EndpointSlice) -> Mapping[bytes, Collection[bytes]]:
        """Map the addresses of which a slice alone decides to their names."""
        if not self._options.one_ptr:
            return reverse.targets_in(one, self._options)
        ranked = self._ranked_in(one)
        return {address: (best.owner,) for address, best in ranked.items() if best.rank < Rank.POD}

    def put_of_pod(self, pod: Pod) -> None:
        """Make the answers of a pod's addresses that are no Service's and no endpoint's; once if several have one."""
        for address in pods.addresses_of(pod):
            if pod.on_host and self._options.one_ptr:
                self.touched[address] = None  # its endpoints were taken for the pod's
            elif (
                address not in self.slices
                and address not in self.services
                and self._pod_names.holders.first(address) is pod
            ):
                self.put((address,))

    def put(self, touched: Iterable[bytes], seen: _Seen | None = None) -> None:
        """Make the PTR answers of these addresses; `seen` keeps what slices were looked at."""
        seen = {} if seen is None else seen
        for address in touched:
            owner = reverse.reverse_owner(address, self._options)
            if owner is None:
                continue
            targets, ttl_seconds = self._targets(address, seen)
            if not targets and not self.knows_pods:
                self.touched[address] = None
                continue
            self._changes.put_one(owner, reverse.ptr_answer(targets, ttl_seconds))

    def _targets(self, address: bytes, seen: _Seen) -> tuple[Collection[bytes], int]:
        """Return the names of an address, and their TTL; `seen` keeps what slices were looked at."""
        options = self._options
        has_reverse = self._exposure.has_reverse
        services = [each for each in self.services.get(address) if has_reverse(each.namespace)]
        if services and (names := reverse.service_targets(services, options.primary_zone)):
            return names, options.ttl_seconds
        slices = [each for each in self.slices.get(address) if has_reverse(each.namespace)]
        if options.one_ptr:
            return self._best(address, slices, seen)
        found: set[bytes] = set()
        for one in slices:
            if id(one) not in seen:  # the index keeps it alive
                seen[id(one)] = reverse.targets_in(one, options)
            found |= seen[id(one)].get(address, set())
        if found:
            return found, options.ttl_seconds
        return self._pod_targets(address), options.pod_ttl_seconds

    def _best(
        self, address: bytes, slices: list[EndpointSlice], seen: _Seen
    ) -> tuple[Collection[bytes], int]:
        """Return the best name of an address, and its TTL."""
        options, found = self._options, list[Ranked]()
        on_host = any(pod.on_host for pod in self._pod_names.holders.get(address))
        for one in slices:
            if on_host:  # what a pod is called is no name for its node
                found += reverse.primaries_of(address, one, options)
                continue
            if id(one) not in seen:
                seen[id(one)] = self._ranked_in(one)
            if (ranked := seen[id(one)].get(address)) is not None:
                found.append(ranked)
        best = min(found, default=None)
        if best is None or best.rank > Rank.POD:
            if not self.knows_pods:
                return (), options.ttl_seconds
            if of_pods := self._pod_targets(address):
                return (min(of_pods),), options.pod_ttl_seconds
        return (best.owner,) if best else (), options.ttl_seconds

    def _ranked_in(self, one: EndpointSlice) -> dict[bytes, Ranked]:
        service = self._service_names.services.get(one.service_key)
        return reverse.ranked_in(one, service, self._options)

    def _pod_targets(self, address: bytes) -> set[bytes]:
        if not self._options.pod_names:
            return set()
        zone = self._options.primary_zone
        found = {
            self._pod_names.name_of(pod, zone)
            for pod in self._pod_names.holders.get(address)
            if self._exposure.has(pod.namespace) and not pod.on_host
        }
        return found - {b""}


def _naming(service: Service | None) -> object:
    """Return what of a Service the names of its endpoints' addresses depend on."""
    return (service.type == "ExternalName", service.headless) if service else None
