"""Follows pods: which names they have, and which pod has which address."""

from __future__ import annotations

from podname.kube.objects import Pod
from podname.zone import endpoints, pods
from podname.zone.changes import Changes
from podname.zone.exposure import Exposure, Hidden
from podname.zone.index import AddressIndex
from podname.zone.options import ZoneOptions


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
