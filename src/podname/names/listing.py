"""Every name that there is, with the objects that it comes from. Pure: it asks the stores, not a table.

Listed is what a table holds, and what code makes when somebody asks: names that list pods or say where they listen. Not
listed are names without end (any address, with `pods insecure`), other spellings of a listed name, and names that exist
only because of others below them.

A name that several objects have is listed with each. The PTR records of an address are listed with whoever gives the
address a name, of which `reverse` chooses.

Source: docs/names.md.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from podname.dns import addresses
from podname.kube.objects import EndpointSlice, Namespace, Pod, Service
from podname.names import apex, pods, reverse, schema, services
from podname.names.compiler import Sources
from podname.names.discovery import replica_set_of, workload_of
from podname.names.endpoints import names_in
from podname.names.exposure import Exposure, namespace_names
from podname.names.options import ZoneOptions
from podname.names.schema import Kind, below
from podname.names.services import service_owner


class Listed(NamedTuple):
    """A name, and an object that it comes from; None where that is the zone."""

    kind: Kind
    owner: bytes
    source: Namespace | Service | EndpointSlice | Pod | None


def every_name(sources: Sources, options: ZoneOptions) -> Iterator[Listed]:
    """List every name of a cluster. O(cluster): let others have their turns in between."""
    return _Listing(sources, options).names()


class _Listing:
    def __init__(self, sources: Sources, options: ZoneOptions) -> None:
        self._options = options
        self._exposure = Exposure(options, watched=sources.namespaces is not None)
        for name in sources.namespaces.objects if sources.namespaces else ():
            self._exposure.appear(name)
        self._services = sources.services.objects
        self._pods = sources.pods.objects if sources.pods else {}
        self._slices: dict[str, list[EndpointSlice]] = {}
        for one in sources.slices.objects.values() if sources.slices else ():
            self._slices.setdefault(one.service_key, []).append(one)

    def names(self) -> Iterator[Listed]:
        for zone in self._options.zones:
            yield from self._of_zone(zone)
        for namespace in self._exposure.exposed():
            yield from self._of_namespace(namespace)
        for service in self._services.values():
            for zone in self._zones_with(service.namespace):
                yield from self._of_service(service, zone)
                yield from self._of_endpoints(service, zone)
            yield from self._pointers(service, self._addresses_of_service(service))
        for slices in self._slices.values():
            for one in slices:
                yield from self._pointers(one, self._addresses_of_slice(one))
        hiding = self._dotted_pods()
        for pod in self._pods.values():
            for zone in self._zones_with(pod.namespace):
                yield from self._of_pod(pod, zone)
                yield from self._of_workload(pod, zone, hiding)
            yield from self._pointers(pod, self._addresses_of_pod(pod))

    def _zones_with(self, namespace: str) -> tuple[bytes, ...]:
        return self._options.forward_zones if self._exposure.has(namespace) else ()

    # ----------------------------------------------------- zones, namespaces

    def _of_zone(self, zone: bytes) -> Iterator[Listed]:
        local = set(self._options.local_addresses)
        slices = [one for several in self._slices.values() for one in several if local]
        own = [one for one in slices if not local.isdisjoint(reverse.addresses_in(one))]
        servers = apex.name_servers(zone, self._options, own, self._services)
        for owner in apex.fixed_names(zone, self._options) | servers:
            yield Listed(schema.read(owner, zone)[0].kind, owner, None)

    def _of_namespace(self, name: str) -> Iterator[Listed]:
        namespace, options = Namespace(name), self._options
        for owner in namespace_names(name, options):
            yield Listed(
                schema.read(owner, options.zone_of(owner) or owner)[0].kind, owner, namespace
            )
        for zone in options.forward_zones if options.pod_names else ():
            for kind in (Kind.EVERY_POD, Kind.SHORT_EVERY_POD):
                yield from _listed(kind, kind.build(zone, namespace=name), namespace)

    # -------------------------------------------------------------- Services

    def _of_service(self, service: Service, zone: bytes) -> Iterator[Listed]:
        options, slices = self._options, self._slices.get(service.key, [])
        own = service_owner(service.namespace, service.name, zone)
        for made in services.service_names(service, slices, zone, options):
            if made is None:
                continue
            owner, _ = made
            yield Listed(Kind.SERVICE if owner == own else Kind.PORT, owner, service)
            if owner == own and options.pod_names and service.type != "ExternalName":
                kind = Kind.SHORT_ENDPOINTS
                yield from _listed(kind, below(kind.labels(), own), service)

    def _of_endpoints(self, service: Service, zone: bytes) -> Iterator[Listed]:
        slices = self._slices.get(service.key, [])
        above = service_owner(service.namespace, service.name, zone)
        names = services.endpoint_names(service, slices, zone, self._options)
        primaries = {each.primary for one in slices for each in names_in(one, self._options)}
        for one in slices:
            labels = dict[bytes | None, None]()
            for named in names_in(one, self._options):
                labels.update(dict.fromkeys(a for a in named.aliases if a not in primaries))
                labels[named.primary] = None
            owners = (below(each, above) for each in labels)
            yield from (Listed(Kind.ENDPOINT, owner, one) for owner in owners if owner in names)

    # ------------------------------------------------------------------ pods

    def _own_owners(self, pod: Pod, zone: bytes) -> list[bytes]:
        """Return what finds a pod and nobody else, if it has an address."""
        has_address = pods.addresses_of(pod)
        return pods.own_owners(pod.namespace, pod.name, zone, self._options) if has_address else []

    def _called(self, pod: Pod, zone: bytes) -> list[bytes]:
        """Return what finds a pod: names of its own, and what it calls itself unless another pod is named so."""
        own = self._own_owners(pod, zone)
        shared = pods.shared_owner(pod, zone, self._options) if pods.addresses_of(pod) else None
        if shared is None or shared in own:
            return own
        namesake = self._pods.get(pods.key_spelled(shared, zone))
        is_taken = namesake is not None and shared in self._own_owners(namesake, zone)
        return own if is_taken else [*own, shared]

    def _dotted_pods(self) -> set[bytes]:
        """Return the names of pods that workloads may be called like."""
        dotted = [pod for pod in self._pods.values() if "." in pod.name]
        return {
            owner
            for pod in dotted
            for zone in self._zones_with(pod.namespace)
            for owner in self._called(pod, zone)
        }

    def _of_pod(self, pod: Pod, zone: bytes) -> Iterator[Listed]:
        called = self._called(pod, zone)
        yield from (Listed(Kind.POD, owner, pod) for owner in called)
        for owner, _ in pods.dashed_owners(pod, zone, self._options):
            yield Listed(Kind.ADDRESS, owner, pod)
        for owner in called:
            yield from _ports(Kind.PORT_OF_POD, owner, pod)

    def _of_workload(self, pod: Pod, zone: bytes, hiding: Collection[bytes]) -> Iterator[Listed]:
        if not self._options.pod_names:
            return
        everybody = Kind.EVERY_POD.build(zone, namespace=pod.namespace)
        yield from _ports(Kind.PORT_OF_EVERY_POD, everybody, pod)
        for controller, workload in _workloads_of(pod):
            parts = {"workload": workload, "controller": controller, "namespace": pod.namespace}
            owner = Kind.WORKLOAD.build(zone, **parts)
            if owner is None or owner in hiding:
                continue
            yield Listed(Kind.WORKLOAD, owner, pod)
            kind = Kind.SHORT_WORKLOAD
            yield from _listed(kind, below(kind.labels(), owner), pod)
            yield from _ports(Kind.PORT_OF_WORKLOAD, owner, pod)

    # ------------------------------------------------------------- addresses

    def _addresses_of_service(self, service: Service) -> Iterable[bytes]:
        if not self._exposure.has_reverse(service.namespace):
            return ()
        if not reverse.service_targets([service], self._options.primary_zone):
            return ()
        parsed = map(addresses.parse, service.cluster_ips)
        return [address for address in parsed if address is not None]

    def _addresses_of_slice(self, one: EndpointSlice) -> Iterable[bytes]:
        if not self._exposure.has_reverse(one.namespace):
            return ()
        if not self._options.one_ptr:
            return reverse.targets_in(one, self._options)
        service = self._services.get(one.service_key)
        return reverse.ranked_in(one, service, self._options)

    def _addresses_of_pod(self, pod: Pod) -> Iterable[bytes]:
        options = self._options
        if pod.on_host or not options.one_ptr or not self._exposure.has(pod.namespace):
            return ()
        return pods.addresses_of(pod) if self._called(pod, options.primary_zone) else ()

    def _pointers(
        self, source: Service | EndpointSlice | Pod, found: Iterable[bytes]
    ) -> Iterator[Listed]:
        for address in dict.fromkeys(found):
            yield from _listed(Kind.PTR, reverse.reverse_owner(address, self._options), source)


def _listed(
    kind: Kind, owner: bytes | None, source: Namespace | Service | EndpointSlice | Pod
) -> Iterator[Listed]:
    if owner is not None:
        yield Listed(kind, owner, source)


def _ports(kind: Kind, above: bytes | None, pod: Pod) -> Iterator[Listed]:
    """List where a pod listens, below a name that finds it."""
    for port in dict.fromkeys(pod.ports):
        yield from _listed(
            kind, below(kind.labels(port=port.name, protocol=port.protocol), above), pod
        )


def _workloads_of(pod: Pod) -> Iterator[tuple[str, str]]:
    controller, workload = workload_of(pod)
    if controller:
        yield controller, workload
    if controller == "deploy":
        yield "rs", replica_set_of(pod)
