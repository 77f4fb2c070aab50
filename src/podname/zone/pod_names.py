"""Follows pods: which names they have, and which pod has which address."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from podname.kube.objects import Pod
from podname.wire.names import NAME_OCTETS_MAX
from podname.zone import endpoints, pods
from podname.zone.changes import Changes
from podname.zone.exposure import Exposure, Hidden
from podname.zone.index import Index
from podname.zone.options import ZoneOptions


class PodNames:
    """The names of pods, and which pod has which address."""

    def __init__(
        self,
        options: ZoneOptions,
        exposure: Exposure,
        changes: Changes,
        find: Callable[[str], Pod | None],  # a pod by its key
    ) -> None:
        self.holders: Index[bytes, Pod] = Index()
        self._options, self._exposure, self._changes = options, exposure, changes
        self.find = find
        self._hidden: Hidden[Pod] = Hidden(options)
        self._sharing: dict[bytes, dict[str, Pod]] = {}
        self._dirty: dict[str, Pod] = {}  # by key
        self._dirty_shared: set[bytes] = set()

    def pod_changed(self, old: Pod | None, new: Pod | None) -> None:
        """Follow a pod; `flush` makes its names."""
        if old is not None:
            self._forget(old)
        if new is not None:
            self.note(new)
            self._dirty[new.key] = new

    def note(self, pod: Pod) -> None:
        """Remember who has a pod's addresses, and who shares a name."""
        for address in pods.addresses_of(pod):
            self.holders.add(address, pod)
        for shared in self._shared_owners(pod):
            self._sharing.setdefault(shared, {})[pod.key] = pod
            self._dirty_shared.add(shared)

    def flush(self) -> Iterator[None]:
        """Make the names that may have changed, a step at a time: those that are one pod's last, for they win."""
        shared, self._dirty_shared = self._dirty_shared, set()
        for owner in shared:
            self._put_shared(owner)
            yield
        dirty, self._dirty = self._dirty, {}
        for pod in dirty.values():
            self.put(pod)
            yield

    def put(self, pod: Pod) -> None:
        """Give a pod its names, or remember it until its namespace has any."""
        if self._exposure.has(pod.namespace):
            self._put(pod)
        else:
            self._hidden.add(pod)

    def show(self, namespace: str) -> Iterator[Pod]:
        """Let the pods of a namespace have their names; say which they are."""
        for pod in self._hidden.take(namespace):
            self._dirty[pod.key] = pod
            self._dirty_shared.update(self._shared_owners(pod))
            yield pod

    def hide(self, namespace: str) -> Iterator[Pod | None]:
        """Take the names of a namespace's pods away; say which they are, and None for others. O(pods).

        A pod without an address has no name, and comes again when it gets one.
        """
        for pod in list(self.holders.all()):
            if pod.namespace != namespace or pod.key in self._dirty:
                yield None
                continue
            self.pod_changed(pod, pod)
            yield pod

    def _shared_owners(self, pod: Pod) -> list[bytes]:
        zones, options = self._options.forward_zones, self._options
        owners = (pods.shared_owner(pod, zone, options) for zone in zones)
        return [owner for owner in owners if owner is not None]

    def _forget(self, pod: Pod) -> None:
        self._hidden.discard(pod)
        self._dirty.pop(pod.key, None)
        for shared in self._shared_owners(pod):
            self._sharing.get(shared, {}).pop(pod.key, None)
            self._dirty_shared.add(shared)
        for address in pods.addresses_of(pod):
            self.holders.discard(address, pod)
        for zone in self._options.forward_zones:
            own = pods.own_owners(pod.namespace, pod.name, zone, self._options)
            self._changes.drop(own)
            for owner in own:
                if owner in self._sharing:
                    self._put_shared(owner)
            shared = pods.shared_owner(pod, zone, self._options)
            if shared is not None:
                self._sharing.get(shared, {}).pop(pod.key, None)
                self._put_shared(shared)
            for owner, address in pods.dashed_owners(pod, zone, self._options):
                if not self._has_dashed(pod.namespace, owner, zone, address):
                    self._changes.drop((owner,))

    def _put(self, pod: Pod) -> None:
        plain = pods.plain(pod)
        if plain is None:
            self._put_any(pod)
            return
        options, (own, address) = self._options, plain
        answers = endpoints.address_answers((address,), options.pod_ttl_seconds)
        for zone in options.forward_zones:
            parent = pods.pods_owner(pod.namespace, zone)
            if parent is None:
                continue
            if options.pod_names and len(own) + len(parent) <= NAME_OCTETS_MAX:
                self._changes.put_one(own + parent, answers)
            if pods.has_dashed(pod, options):
                made = endpoints.address_answers((address,), options.ttl_seconds)
                self._changes.put_one(pods.dashed(pod) + parent, made)

    def _put_any(self, pod: Pod) -> None:
        answers = endpoints.address_answers(pods.addresses_of(pod), self._options.pod_ttl_seconds)
        for zone in self._options.forward_zones:
            if answers:
                owners = pods.own_owners(pod.namespace, pod.name, zone, self._options)
                self._changes.put(dict.fromkeys(owners, answers))
            for owner, address in pods.dashed_owners(pod, zone, self._options):
                made = endpoints.address_answers((address,), self._options.ttl_seconds)
                self._changes.put({owner: made})

    def _put_shared(self, owner: bytes) -> None:
        """Answer for a hostname with the pod that is named so, else with all pods that call themselves so."""
        sharing = self._sharing.get(owner, {})
        holders = [sharing[key] for key in sorted(sharing)]
        if not holders:
            self._sharing.pop(owner, None)
        named = self._named_as(holders[0]) if holders else None
        found = dict.fromkeys(
            a for pod in ([named] if named else holders) for a in pods.addresses_of(pod)
        )
        self._changes.put({owner: endpoints.address_answers(found, self._options.pod_ttl_seconds)})

    def _named_as(self, pod: Pod) -> Pod | None:
        """Return the pod whose own name is what another one calls itself."""
        named = self.find(f"{pod.namespace}/{pods.own_hostname(pod).lower()}")
        return named if named is not None and pods.addresses_of(named) else None

    def calling_themselves(self, pod: Pod) -> Iterable[Pod]:
        """List the pods that call themselves by the name of this one."""
        if not self._sharing:
            return []
        zone, options = self._options.primary_zone, self._options
        owners = pods.own_owners(pod.namespace, pod.name, zone, options)
        return [one for owner in owners for one in self._sharing.get(owner, {}).values()]

    def name_of(self, pod: Pod, zone: bytes) -> bytes | None:
        """Return what a pod calls itself if it is found by that, else its own name; None when it has neither."""
        shared = pods.shared_owner(pod, zone, self._options)
        if shared is not None and self._named_as(pod) is None:
            return shared
        own = pods.own_owners(pod.namespace, pod.name, zone, self._options)
        return own[0] if own else None

    def _has_dashed(self, namespace: str, owner: bytes, zone: bytes, address: bytes) -> bool:
        return any(
            (owner, address) in pods.dashed_owners(pod, zone, self._options)
            for pod in self.holders.get(address)
            if pod.namespace == namespace and self._exposure.has(namespace)
        )
