"""Where the objects come from, and which of them a directive needs.

Only what the names depend on is listed and watched. With one namespace in `namespaces` all requests are for that
namespace, so that a Role in it is all the permission that is needed.

Source: docs/permissions.md.
"""

from __future__ import annotations

from typing import Any

from podname.kube.config import ClusterConfig, from_endpoint, from_kubeconfig, in_cluster
from podname.kube.informer import Cluster, Informer, Source
from podname.kube.kinds import ENDPOINT_SLICES, NAMESPACES, PODS, SERVICES, Watch
from podname.names.compiler import Sources
from podname.names.options import ZoneOptions
from podname.plugins.kubernetes.options import Options


def open_source(settings: Options) -> Source:
    """Open what the directive names. Raises KubeError when it cannot be read; asks nothing yet."""
    if settings.manifests:
        from podname.kube.manifests import Manifests  # noqa: PLC0415 - start time counts

        return Manifests(settings.manifests)
    return Cluster(_config(settings))


def _config(settings: Options) -> ClusterConfig:
    if settings.kubeconfig:
        return from_kubeconfig(*settings.kubeconfig)
    if settings.endpoint:
        return from_endpoint(settings.endpoint, *map(str, settings.tls))
    return in_cluster()


class Watched:
    """The informers that one set of names follows, given back by `release`."""

    def __init__(self, source: Source, settings: Options, options: ZoneOptions) -> None:
        self._source = source
        only = settings.namespaces
        namespace = next(iter(only)) if len(only) == 1 else None
        labels = settings.labels
        self._informers: list[Informer[Any]] = []
        services = self._watch(Watch(SERVICES, namespace, labels))
        slices = (
            self._watch(Watch(ENDPOINT_SLICES, namespace, labels)) if options.endpoints else None
        )
        namespaces = self._watch(Watch(NAMESPACES, namespace, settings.namespace_labels))
        pods = self._watch(Watch(PODS, namespace, labels)) if options.watches_pods else None
        self.sources = Sources(
            services.store,
            slices.store if slices else None,
            namespaces.store,
            pods.store if pods else None,
        )

    def _watch(self, watch: Watch[Any]) -> Informer[Any]:
        informer = self._source.watch(watch)
        self._informers.append(informer)
        return informer

    @property
    def last_event_age_seconds(self) -> float:
        """How long ago the most silent of the informers was last heard of."""
        return max(informer.last_event_age_seconds for informer in self._informers)

    def release(self) -> None:
        """Give the informers back."""
        for informer in self._informers:
            self._source.release(informer)
        self._informers = []
