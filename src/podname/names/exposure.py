"""Which namespaces have names: those that the directive lets through and that exist.

Source: CoreDNS plugin/kubernetes `namespaceExposed`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, TypeVar

from podname.dns.records import EMPTY_ANSWER, ReadyAnswers
from podname.engine.base import EMPTY_NON_TERMINAL
from podname.kube.objects import Pod, Service
from podname.names.options import ZoneOptions
from podname.names.pods import pods_owner
from podname.names.schema import Kind

T = TypeVar("T", bound=Pod | Service)


class Exposure:
    """The namespaces that exist, as far as events have told."""

    def __init__(self, options: ZoneOptions, *, watched: bool) -> None:
        self._options = options
        self._existing = set() if watched else set(options.namespaces)

    def appear(self, namespace: str) -> bool:
        """A namespace exists; say whether that exposes it."""
        self._existing.add(namespace)
        return self.has(namespace)

    def vanish(self, namespace: str) -> None:
        """A namespace is gone."""
        self._existing.discard(namespace)

    def has(self, namespace: str) -> bool:
        """Return whether names in this namespace are answered."""
        return namespace in self._existing and self._options.configured(namespace)

    def has_reverse(self, namespace: str) -> bool:
        """Return whether a Service's addresses there have PTR records: CoreDNS asks only if `namespaces` is set."""
        return not self._options.namespaces or self.has(namespace)

    def exposed(self) -> list[str]:
        """List the exposed namespaces."""
        return [namespace for namespace in self._existing if self.has(namespace)]


class Hidden(Generic[T]):
    """Objects that have no names because their namespace is not exposed (yet)."""

    def __init__(self, options: ZoneOptions) -> None:
        self._options = options
        self._objects: dict[str, dict[str, T]] = {}

    def add(self, obj: T) -> None:
        """Remember an object; not in a namespace that can never be exposed."""
        if self._options.configured(obj.namespace):
            self._objects.setdefault(obj.namespace, {})[obj.key] = obj

    def discard(self, obj: T) -> None:
        """Forget an object."""
        if obj.namespace in self._objects:
            self._objects[obj.namespace].pop(obj.key, None)

    def take(self, namespace: str) -> list[T]:
        """Return all of a namespace's, and forget them."""
        return list(self._objects.pop(namespace, {}).values())


def namespace_names(namespace: str, options: ZoneOptions) -> Mapping[bytes, ReadyAnswers]:
    """Return the names that an exposed namespace has by itself: `<ns>.svc.<zone>` and `<ns>.pod.<zone>`."""
    held: ReadyAnswers = {EMPTY_NON_TERMINAL: EMPTY_ANSWER}
    build = Kind.SERVICES_OF_NAMESPACE.build
    owners = [build(zone, namespace=namespace) for zone in options.forward_zones]
    owners += pod_parents(namespace, options)
    return {owner: held for owner in owners if owner}


def pod_parents(namespace: str, options: ZoneOptions) -> list[bytes]:
    """List `<ns>.pod.<zone>` of each zone, if pods have names at all."""
    if options.pods == "disabled" and not options.pod_names:
        return []
    return [owner for zone in options.forward_zones if (owner := pods_owner(namespace, zone))]
