"""The three followers of the compiler: Services with their slices, pods, and the PTR records of both.

Each is told of one change at a time and says which owners now have which answers. They keep just what is needed to
undo what they said before: the objects themselves, and who has which address.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from podname.kube.objects import EndpointSlice, Pod, Service
from podname.wire import addresses
from podname.wire.records import ReadyAnswers
from podname.zone import endpoints, pods, reverse, services
from podname.zone.changes import Changes
from podname.zone.exposure import Exposure
from podname.zone.index import AddressIndex
from podname.zone.options import ZoneOptions


class Hidden:
    """Objects that have no names because their namespace is not exposed (yet)."""

    def __init__(self, options: ZoneOptions) -> None:
        self._options = options
        self._keys: dict[str, set[str]] = {}

    def add(self, namespace: str, key: str) -> None:
        """Remember an object; not in a namespace that can never be exposed."""
        if self._options.configured(namespace):
            self._keys.setdefault(namespace, set()).add(key)

    def discard(self, namespace: str, key: str) -> None:
        """Forget an object."""
        if namespace in self._keys:
            self._keys[namespace].discard(key)

    def take(self, namespace: str) -> set[str]:
        """Give all of a namespace's, and forget them."""
        return self._keys.pop(namespace, set())


class ServiceNames:
    """The names of Services, their ports and endpoints."""

    def __init__(self, options: ZoneOptions, exposure: Exposure, changes: Changes) -> None:
        self.services: dict[str, Service] = {}
        self.slices: dict[str, EndpointSlice] = {}
        self._options, self._exposure, self._changes = options, exposure, changes
        self._hidden = Hidden(options)
        self._slices_of: dict[str, dict[str, EndpointSlice]] = {}

    def service_changed(self, old: Service | None, new: Service | None) -> None:
        """Follow a Service: all of its names are made anew."""
        if old is not None:
            self.services.pop(old.key, None)
            self._hidden.discard(old.namespace, old.key)
            self._changes.drop(self._names(old))
        if new is not None:
            self.services[new.key] = new
            if self._exposure.has(new.namespace):
                self._changes.put(self._names(new))
            else:
                self._hidden.add(new.namespace, new.key)

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
        self._keep(old, new)
        if service is not None and shown:
            self._put_differences(service, old, new)

    def show(self, namespace: str) -> list[Service]:
        """Give the Services of a namespace their names; say which they are."""
        keys = self._hidden.take(namespace)
        shown = [self.services[key] for key in keys if key in self.services]
        for service in shown:
            self._changes.put(self._names(service))
        return shown

    def hide(self, namespace: str) -> list[Service]:
        """Take the names of a namespace's Services away; say which they are. O(Services)."""
        hidden = [service for service in self.services.values() if service.namespace == namespace]
        for service in hidden:
            self._changes.drop(self._names(service))
            self._hidden.add(namespace, service.key)
        return hidden

    def slices_of(self, service_key: str) -> Collection[EndpointSlice]:
        """Give the slices of one Service."""
        return self._slices_of.get(service_key, {}).values()

    def _keep(self, old: EndpointSlice | None, new: EndpointSlice | None) -> None:
        if old is not None:
            self.slices.pop(old.key, None)
            siblings = self._slices_of.get(old.service_key, {})
            siblings.pop(old.key, None)
            if not siblings:
                self._slices_of.pop(old.service_key, None)
        if new is not None:
            self.slices[new.key] = new
            self._slices_of.setdefault(new.service_key, {})[new.key] = new

    def _put_differences(
        self, service: Service, old: EndpointSlice | None, new: EndpointSlice | None
    ) -> None:
        slices = self.slices_of(service.key)
        labels = frozenset(endpoints.named_addresses((_difference(old, new),), self._options))
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


class PodNames:
    """The names of pods, and which pod has which address."""

    def __init__(self, options: ZoneOptions, exposure: Exposure, changes: Changes) -> None:
        self.pods: dict[str, Pod] = {}
        self.holders = AddressIndex()
        self._options, self._exposure, self._changes = options, exposure, changes
        self._hidden = Hidden(options)
        self._sharing: dict[bytes, set[str]] = {}

    def pod_changed(self, old: Pod | None, new: Pod | None) -> None:
        """Follow a pod."""
        if old is not None:
            self._forget(old)
        if new is not None:
            self.pods[new.key] = new
            for address in pods.addresses_of(new):
                self.holders.add(address, new.key)
            if self._exposure.has(new.namespace):
                self._put(new)
            else:
                self._hidden.add(new.namespace, new.key)

    def show(self, namespace: str) -> list[Pod]:
        """Give the pods of a namespace their names; say which they are."""
        keys = self._hidden.take(namespace)
        shown = [self.pods[key] for key in keys if key in self.pods]
        for pod in shown:
            self._put(pod)
        return shown

    def hide(self, namespace: str) -> list[Pod]:
        """Take the names of a namespace's pods away; say which they are. O(pods)."""
        hidden = [pod for pod in self.pods.values() if pod.namespace == namespace]
        for pod in hidden:
            self._forget(pod)
        for pod in hidden:
            self.pod_changed(None, pod)
        return hidden

    def _forget(self, pod: Pod) -> None:
        self.pods.pop(pod.key, None)
        self._hidden.discard(pod.namespace, pod.key)
        for address in pods.addresses_of(pod):
            self.holders.discard(address, pod.key)
        for zone in self._options.forward_zones:
            self._changes.drop(pods.own_owners(pod.namespace, pod.name, zone, self._options))
            shared = pods.shared_owner(pod, zone, self._options)
            if shared is not None:
                self._sharing.get(shared, set()).discard(pod.key)
                self._put_shared(shared)
            for owner, address in pods.dashed_owners(pod, zone, self._options):
                if not self._has_dashed(pod.namespace, owner, zone, address):
                    self._changes.drop((owner,))

    def _put(self, pod: Pod) -> None:
        answers = endpoints.address_answers(pods.addresses_of(pod), self._options.ttl_seconds)
        for zone in self._options.forward_zones:
            if answers:
                owners = pods.own_owners(pod.namespace, pod.name, zone, self._options)
                self._changes.put(dict.fromkeys(owners, answers))
            shared = pods.shared_owner(pod, zone, self._options)
            if shared is not None:
                self._sharing.setdefault(shared, set()).add(pod.key)
                self._put_shared(shared)
            for owner, address in pods.dashed_owners(pod, zone, self._options):
                made = endpoints.address_answers((address,), self._options.ttl_seconds)
                self._changes.put({owner: made})

    def _put_shared(self, owner: bytes) -> None:
        """Answer for a cut hostname with all pods that have it; a pod that is really called so comes first."""
        holders = [
            self.pods[key] for key in sorted(self._sharing.get(owner, ())) if key in self.pods
        ]
        if not holders:
            self._sharing.pop(owner, None)
        found = dict.fromkeys(a for pod in holders for a in pods.addresses_of(pod))
        self._changes.put({owner: endpoints.address_answers(found, self._options.ttl_seconds)})

    def _has_dashed(self, namespace: str, owner: bytes, zone: bytes, address: bytes) -> bool:
        candidates = [self.pods[key] for key in self.holders.keys(address) if key in self.pods]
        return any(
            (owner, address) in pods.dashed_owners(pod, zone, self._options)
            for pod in candidates
            if pod.namespace == namespace and self._exposure.has(namespace)
        )


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
        self.services, self.slices = AddressIndex(), AddressIndex()
        self.touched: set[bytes] = set()
        self._options, self._exposure, self._changes = options, exposure, changes
        self._service_names, self._pod_names = service_names, pod_names

    def service_changed(self, old: Service | None, new: Service | None) -> None:
        """Follow the cluster IPs of a Service."""
        for service, note in ((old, self.services.discard), (new, self.services.add)):
            for text in service.cluster_ips if service else ():
                address = addresses.parse(text)
                if address is not None and service is not None:
                    note(address, service.key)
                    self.touched.add(address)

    def slice_changed(self, old: EndpointSlice | None, new: EndpointSlice | None) -> None:
        """Follow the addresses of a slice; those of endpoints that stay as they are need nothing."""
        for one, note in ((old, self.slices.discard), (new, self.slices.add)):
            if one is not None:
                for address in reverse.addresses_in(one):
                    note(address, one.key)
        stays = old is not None and new is not None and old.service_key == new.service_key
        for one in (_difference(old, new, ports=False),) if stays else (old, new):
            if one is not None:
                self.touched.update(reverse.addresses_in(one))

    def pod_changed(self, old: Pod | None, new: Pod | None) -> None:
        """Follow the addresses of a pod."""
        for pod in (old, new):
            self.touched.update(pods.addresses_of(pod) if pod else ())

    def namespace_changed(self, namespace: str, services: list[Service], pods_: list[Pod]) -> None:
        """Look again at the addresses of objects whose namespace became, or ceased to be, exposed."""
        for service in services:
            self.service_changed(service, service)
        for pod in pods_:
            self.pod_changed(None, pod)
        if self._options.namespaces:  # only then do the PTR records of endpoints depend on it
            for one in self._service_names.slices.values():
                if one.namespace == namespace:
                    self.touched.update(reverse.addresses_in(one))

    def settle(self) -> None:
        """Make the answers of all touched addresses."""
        touched, self.touched = self.touched, set()
        self.put(touched)

    def put_of_slice(self, one: EndpointSlice) -> None:
        """Make those of the touched addresses that are in a slice: together they cost one look at it."""
        here = self.touched.intersection(reverse.addresses_in(one))
        self.touched -= here
        self.put(here)

    def put(self, touched: Iterable[bytes]) -> None:
        """Make the PTR answers of these addresses."""
        seen: dict[str, dict[bytes, set[bytes]]] = {}
        for address in touched:
            owner = reverse.reverse_owner(address, self._options)
            if owner is not None:
                targets = self._targets(address, seen)
                self._changes.put({owner: reverse.ptr_answer(targets, self._options)})

    def _targets(
        self, address: bytes, seen: dict[str, dict[bytes, set[bytes]]]
    ) -> Collection[bytes]:
        """Give the names of an address; `seen` keeps what slices were looked at."""
        zone = self._options.primary_zone
        keys = [k for k in self.services.keys(address) if self._exposure.has_reverse(_namespace(k))]
        names = reverse.service_targets(keys, zone)
        if names:
            return names
        found: set[bytes] = set()
        for key in self.slices.keys(address):
            one = self._service_names.slices.get(key)
            if one is not None and self._exposure.has_reverse(one.namespace):
                if key not in seen:
                    seen[key] = reverse.targets_in(one, self._options)
                found |= seen[key].get(address, set())
        return found or self._pod_targets(address)

    def _pod_targets(self, address: bytes) -> set[bytes]:
        zone, found = self._options.primary_zone, set[bytes]()
        for key in self._pod_names.holders.keys(address):
            namespace, _, name = key.partition("/")
            if self._exposure.has(namespace):
                found.update(pods.own_owners(namespace, name, zone, self._options))
        return found


def _difference(
    old: EndpointSlice | None, new: EndpointSlice | None, *, ports: bool = True
) -> EndpointSlice:
    """Make a slice of the endpoints that two states of a slice do not share (of all, if the ports differ)."""
    before, after = set(old.endpoints) if old else set(), set(new.endpoints) if new else set()
    same = old is not None and new is not None and (not ports or old.ports == new.ports)
    differ = before ^ after if same else before | after
    either = new or old
    namespace, service = (either.namespace, either.service) if either else ("", "")
    return EndpointSlice(namespace, "", service, "", tuple(differ), ())


def _namespace(key: str) -> str:
    return key.partition("/")[0]
