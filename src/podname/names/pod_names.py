"""Follows pods: which names they have, and which pod has which address."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from podname.dns.names import NAME_OCTETS_MAX, ROOT
from podname.kube.objects import Pod
from podname.names import endpoints, pods
from podname.names.changes import Changes
from podname.names.exposure import Exposure, Hidden
from podname.names.index import Index
from podname.names.labels import kubelet_hostname
from podname.names.options import ZoneOptions


class PodNames:
    """The names of pods, and which pod has which address.

    `find` gives the pod with a key. `renamed` gathers pods that may have another name than before: what a pod calls
    itself is its name, unless it is another pod's own.
    """

    def __init__(
        self,
        options: ZoneOptions,
        exposure: Exposure,
        changes: Changes,
        find: Callable[[str], Pod | None] = lambda _: None,
    ) -> None:
        self.holders: Index[bytes, Pod] = Index()
        self.renamed: dict[str, Pod] = {}
        self._options, self._exposure, self._changes = options, exposure, changes
        self._find = find
        self._hidden: Hidden[Pod] = Hidden(options)
        self._sharing: dict[bytes, dict[str, Pod]] = {}
        self._taken: set[bytes] = set()  # what pods call themselves, and is another pod's own name
        self._dirty: dict[str, Pod] = {}  # by key
        self._dirty_shared: set[bytes] = set()

    def pod_changed(self, old: Pod | None, new: Pod | None) -> None:
        """Follow a pod; `flush` makes its names."""
        if old is not None:
            self._forget(old)
        if new is not None:
            self.note(new)
            self._dirty[new.key] = new
        for pod in (old, new) if self._sharing else ():
            if pod is not None:
                self._dirty_shared.update(
                    owner for owner in self._own_owners(pod) if owner in self._sharing
                )

    def note(self, pod: Pod) -> None:
        """Remember who has a pod's addresses, and who shares a name."""
        for address in pods.addresses_of(pod):
            self.holders.add(address, pod)
        for shared in self._shared_owners(pod):
            self._sharing.setdefault(shared, {})[pod.key] = pod
            self._dirty_shared.add(shared)

    def flush(self) -> Iterator[None]:
        """Make the names that may have changed, a step at a time."""
        dirty, self._dirty = self._dirty, {}
        for pod in dirty.values():
            self.put(pod)
            yield
        shared, self._dirty_shared = self._dirty_shared, set()
        for owner in shared:
            self._put_shared(owner)
            yield

    def name_of(self, pod: Pod, zone: bytes) -> bytes:
        """Return the name of a pod: what it calls itself, unless another pod is named so; nothing where it has none."""
        shared = pods.shared_owner(pod, zone, self._options)
        if shared is not None and shared not in self._taken:
            return shared
        own = pods.own_owners(pod.namespace, pod.name, zone, self._options)
        return own[0] if own else b""

    def hostname_of(self, key: str) -> str:
        """Return what the pod with a key calls itself, of which nothing more may be known."""
        pod = self._find(key)
        return pods.own_hostname(pod) if pod else kubelet_hostname(key.partition("/")[2])

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
        for pod in self.holders.all():
            if pod.namespace != namespace or pod.key in self._dirty:
                yield None
                continue
            self.pod_changed(pod, pod)
            yield pod

    def _shared_owners(self, pod: Pod) -> list[bytes]:
        zones, options = self._options.forward_zones, self._options
        owners = (pods.shared_owner(pod, zone, options) for zone in zones)
        return [owner for owner in owners if owner is not None]

    def _own_owners(self, pod: Pod) -> list[bytes]:
        return [
            owner
            for zone in self._options.forward_zones
            for owner in pods.own_owners(pod.namespace, pod.name, zone, self._options)
        ]

    def _forget(self, pod: Pod) -> None:
        self._hidden.discard(pod)
        self._dirty.pop(pod.key, None)
        for shared in self._shared_owners(pod):
            self._sharing.get(shared, {}).pop(pod.key, None)
            self._dirty_shared.add(shared)
        for address in pods.addresses_of(pod):
            self.holders.discard(address, pod)
        for zone in self._options.forward_zones:
            self._changes.drop(pods.own_owners(pod.namespace, pod.name, zone, self._options))
            for owner, address in pods.dashed_owners(pod, zone, self._options):
                if not self._has_dashed(pod.namespace, owner, zone, address):
                    self._changes.drop((owner,))

    def _put(self, pod: Pod) -> None:
        plain = pods.plain(pod)
        if plain is None:
            self._put_any(pod)
            return
        options, (own, address) = self._options, plain
        for zone in options.forward_zones:
            parent = pods.pods_owner(pod.namespace, zone)
            if parent is None:
                continue
            if options.pod_names and len(own) + len(parent) <= NAME_OCTETS_MAX:
                answers = endpoints.address_answers((address,), options.pod_ttl_seconds)
                self._changes.put_one(own + parent, answers)
            if pods.has_dashed(pod, options):
                answers = endpoints.address_answers((address,), options.ttl_seconds)
                self._changes.put_one(pods.dashed(pod) + parent, answers)

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
        """Answer for what pods call themselves with all that do, or with the pod whose own name it is."""
        sharing = self._sharing.get(owner, {})
        if not sharing:
            self._sharing.pop(owner, None)
        namesake = self._namesake(owner)
        if (namesake is not None) != (owner in self._taken):
            self._taken ^= {owner}
            self.renamed.update(sharing)
        holders = [namesake] if namesake else [sharing[key] for key in sorted(sharing)]
        shown = [pod for pod in holders if self._exposure.has(pod.namespace)]
        found = dict.fromkeys(address for pod in shown for address in pods.addresses_of(pod))
        answers = endpoints.address_answers(found, self._options.pod_ttl_seconds)
        self._changes.put_one(owner, answers)

    def _namesake(self, owner: bytes) -> Pod | None:
        """Return the pod whose own name an owner is, if it has an address."""
        zone = self._options.zone_of(owner) or ROOT
        pod = self._find(pods.key_spelled(owner, zone))
        if pod is None or owner not in self._own_owners(pod) or not pods.addresses_of(pod):
            return None
        return pod

    def _has_dashed(self, namespace: str, owner: bytes, zone: bytes, address: bytes) -> bool:
        return any(
            (owner, address) in pods.dashed_owners(pod, zone, self._options)
            for pod in self.holders.get(address)
            if pod.namespace == namespace and self._exposure.has(namespace)
        )
