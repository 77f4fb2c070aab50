"""Follows who has an address, and makes the PTR records of those whose holders changed.

`touched` gathers addresses while a batch of events is followed; `flush` makes their answers once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from itertools import islice

from podname.kube.objects import EndpointSlice, Pod, Service
from podname.wire import addresses
from podname.wire.names import NAME_OCTETS_MAX
from podname.zone import endpoints, pods, reverse
from podname.zone.changes import Changes
from podname.zone.exposure import Exposure
from podname.zone.index import Index
from podname.zone.options import ZoneOptions
from podname.zone.pod_names import PodNames
from podname.zone.reverse import Candidate, Rank
from podname.zone.service_names import ServiceNames

#: What addresses the slices that were looked at have, by identity.
_Seen = dict[int, dict[bytes, list[Candidate]]]


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
        self.touched: set[bytes] = set()
        self._assumed: dict[bytes, bytes] = {}  # while pods still come
        self.knows_pods = True  # else addresses that only a pod may have are left for `settle`
        self._options, self._exposure, self._changes = options, exposure, changes
        self._service_names, self._pod_names = service_names, pod_names

    def service_changed(self, old: Service | None, new: Service | None) -> None:
        """Follow the cluster IPs of a Service."""
        for service, note in ((old, self.services.discard), (new, self.services.add)):
            for text in service.cluster_ips if service else ():
                address = addresses.parse(text)
                if address is not None and service is not None:
                    note(address, service)
                    self.touched.add(address)
        either = new or old
        if self._options.one_ptr and either is not None and _headless(old) != _headless(new):
            for one in self._service_names.slices_of(either.key):
                self.touched.update(reverse.addresses_in(one))

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
            if pod is not None:
                self.touched.update(pods.addresses_of(pod))
                for other in self._pod_names.calling_themselves(pod):
                    self.touched.update(pods.addresses_of(other))

    def namespace_changed(self, namespace: str) -> Iterator[None]:
        """Look again at the endpoints of a namespace that became, or ceased to be, exposed."""
        if self._options.namespaces:  # only then do their PTR records depend on it
            for one in list(self._service_names.slices.all()):
                if one.namespace == namespace:
                    self.touched.update(dict.fromkeys(reverse.addresses_in(one)))
                yield

    def flush(self) -> Iterator[None]:
        """Make the answers of all touched addresses, a step at a time."""
        touched, self.touched = iter(self.touched), {}
        while some := tuple(islice(touched, _ADDRESSES_PER_SLICE)):
            seen: dict[
                int, dict[bytes, set[bytes]]
            ] = {}  # addresses of one slice mostly stand together
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
        if self._options.one_ptr:
            self._assume(one)
            return
        options, several = self._options, []
        shown = self._exposure.has_reverse(one.namespace)
        targets = reverse.targets_in(one, options) if shown else {}
        has_all = targets and endpoints.plain_in(one, options) is not None
        for address in targets if has_all else dict.fromkeys(reverse.addresses_in(one)):
            if address in self.services:
                continue
            found = targets.get(address) if self.slices.only(address) is one else None
            if found is None:
                if self.slices.first(address) is one:
                    several.append(address)
                continue
            owner = reverse.reverse_owner(address, options)
            if owner is not None:
                self._changes.put_one(owner, reverse.ptr_answer(found, options))
        self.put(several)

    def _assume(self, one: EndpointSlice) -> None:
        """Make the answers of a slice's endpoints as if each were the pod that it names; `put_of_pod` confirms them.

        Pods come last when all names are built, and nearly all are what slices say of them.
        """
        options, zone = self._options, self._options.primary_zone
        parent = pods.pods_owner(one.namespace, zone)
        known = endpoints.plain_in(one, options) if self._exposure.has(one.namespace) else None
        for address, _, pod in known or ():
            owner = reverse.reverse_owner(address, options)
            fits = parent is not None and len(pod) + len(parent) <= NAME_OCTETS_MAX
            is_only = address not in self.services and self.slices.only(address) is one
            if parent and owner and fits and is_only:
                target = self._assumed[address] = pod + parent
                self._changes.put_one(owner, reverse.ptr_answer((target,), options))
            else:
                self.touched.add(address)
        if known is None:
            self.touched.update(reverse.addresses_in(one))

    def settle_assumed(self) -> None:
        """Look again at what no pod has confirmed."""
        self.touched.update(self._assumed)
        self._assumed = {}

    def put_of_pod(self, pod: Pod) -> None:
        """Make the answers of a pod's addresses that are no Service's and no endpoint's; once if several have one."""
        for address in pods.addresses_of(pod):
            assumed = self._assumed.get(address) if self._assumed else None
            if assumed is not None and self._is(pod, assumed, address):
                del self._assumed[address]
            elif (
                address not in self.slices
                and address not in self.services
                and self._pod_names.holders.first(address) is pod
            ):
                self.put((address,))

    def _is(self, pod: Pod, assumed: bytes, address: bytes) -> bool:
        """Return whether this pod alone has an address, and the name that was assumed of it."""
        plain = pods.plain(pod)
        parent = pods.pods_owner(pod.namespace, self._options.primary_zone)
        return (
            plain is not None
            and parent is not None
            and plain[0] + parent == assumed
            and self._pod_names.holders.only(address) is pod
        )

    def put(self, touched: Iterable[bytes]) -> None:
        """Make the PTR answers of these addresses."""
        seen: _Seen = {}
        for address in touched:
            owner = reverse.reverse_owner(address, self._options)
            if owner is not None:
                targets = self._targets(address, seen)
                if not targets and not self.knows_pods:
                    self.touched[address] = None
                    continue
                self._changes.put_one(owner, reverse.ptr_answer(targets, self._options))

    def _targets(self, address: bytes, seen: _Seen) -> Collection[bytes]:
        """Give the names of an address; `seen` keeps what slices were looked at."""
        zone = self._options.primary_zone
        if address in self.services:
            has_reverse = self._exposure.has_reverse
            shown = [s for s in self.services.get(address) if has_reverse(s.namespace)]
            names = reverse.service_targets(shown, zone)
            if names:
                return names
        found = self._of_endpoints(address, seen)
        if found and not self._options.one_ptr:
            return {one.target for one in found}
        found += self._of_pods(address)
        return [min(found).target] if found else []

    def _of_endpoints(self, address: bytes, seen: _Seen) -> list[Candidate]:
        found: list[Candidate] = []
        for one in self.slices.get(address):
            if self._exposure.has_reverse(one.namespace):
                key = id(one)  # the index keeps it alive
                if key not in seen:
                    headless = _headless(self._service_names.services.get(one.service_key))
                    seen[key] = reverse.candidates_in(one, self._options, headless=headless)
                found += seen[key].get(address, ())
        return found

    def _of_pods(self, address: bytes) -> list[Candidate]:
        holders = self._pod_names.holders.get(address) if self._options.pod_names else ()
        names = (
            self._pod_names.name_of(pod, self._options.primary_zone)
            for pod in holders
            if self._exposure.has(pod.namespace) and not pod.on_host
        )
        return [Candidate(Rank.POD, False, name) for name in names if name is not None]


def _headless(service: Service | None) -> bool:
    return service is not None and service.headless
