"""The plugin `kubernetes`: its table for the engine, and in Python what a table cannot hold.

Most questions never come here: the engine answers them from the table. What does come is handed over by the table as
a miss (an alias to follow, an SRV answer that is made only when somebody asks), or was a miss of another plugin and
is answered from the table after all.

Source: CoreDNS plugin/kubernetes `ServeDNS`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from podname.dns import constants as c
from podname.dns import resolv_conf
from podname.dns.addresses import parse as parse_address
from podname.dns.message import Message
from podname.dns.names import from_text, longest_match
from podname.dns.patching import recase
from podname.dns.query import Query
from podname.dns.reply import respond
from podname.engine.base import Client, Outcome, TableOptions, Zone
from podname.errors import KubeError, ServeError
from podname.kube.informer import Source
from podname.kube.objects import Pod
from podname.names.discovery import LAZY_LABELS
from podname.names.options import ZoneOptions
from podname.names.schema import Kind
from podname.plugins.base import (
    Bound,
    CapsTtl,
    Context,
    Draft,
    Metadata,
    Next,
    Plugin,
    Reply,
    Request,
)
from podname.plugins.interfaces import own_addresses
from podname.plugins.kubernetes.metadata import of_client, of_name
from podname.plugins.kubernetes.names import ClusterNames
from podname.plugins.kubernetes.on_demand import is_lazy, srv_answer
from podname.plugins.kubernetes.options import Options
from podname.plugins.kubernetes.source import Watched, open_source

if TYPE_CHECKING:
    from prometheus_client.core import Metric

log = logging.getLogger(__name__)

_SOA_TTL_SECONDS_MAX = 300
_VERSION_TTL_SECONDS = 28800
_RESOLV_CONF = Path("/etc/resolv.conf")
_SERVICES = b"\x03svc"


class Kubernetes(Plugin):
    """One `kubernetes` directive."""

    name = "kubernetes"
    is_planned = True  # what comes from behind passes as it is

    def __init__(self, settings: Options, context: Context) -> None:
        self.settings = settings
        self._context = context
        self._zones = tuple(dict.fromkeys(from_text(zone) for zone in settings.zones))
        self._cap: Callable[..., int] | None = None
        self._hosts: list[str] = []
        self._source: Source | None = None
        self._names: ClusterNames | None = None
        self._host_search: tuple[str, ...] = ()  # what pods' search lists end with

    # ------------------------------------------------------------------ life

    def link(self, siblings: Mapping[str, Plugin]) -> None:
        """Learn which TTLs `cache` lets through."""
        cache = siblings.get("cache")
        self._cap = cache.cap_ttl_seconds if isinstance(cache, CapsTtl) else None
        with contextlib.suppress(OSError):
            text = _RESOLV_CONF.read_text("utf-8", "replace")
            self._host_search = resolv_conf.parse(text).search

    def bound(self, listeners: Sequence[Bound]) -> None:
        """Learn this server's own addresses, for the NS records, and begin to follow the cluster.

        The API server takes its time, in which the plugins before this one start.
        """
        self._hosts = [listener.host for listener in listeners]
        self._follow()

    async def start(self) -> None:
        """Wait for the first sync as long as `startup_timeout` says."""
        names = self.names
        try:
            async with asyncio.timeout(self.settings.startup_timeout_seconds):
                await names.synced.wait()
        except TimeoutError:
            self._not_synced()

    def _follow(self) -> None:
        options, resources = self.zone_options(), self._context.resources
        key, table_options = self._source_key(), self.table_options()
        source = self._source = resources.claim(key, lambda: open_source(self.settings))
        self._names = resources.claim(
            (key, self._watch_key(), options, table_options),
            lambda: ClusterNames(
                self._context.engine,
                table_options,
                options,
                Watched(source, self.settings, options),
            ),
        )

    def _not_synced(self) -> None:
        seconds = self.settings.startup_timeout_seconds
        if self._context.resources.previous():
            raise KubeError(f"kubernetes: the cluster could not be read within {seconds:g} seconds")
        log.warning("starting server with unsynced Kubernetes API")

    def plan(self, draft: Draft) -> None:
        """Let the engine answer from the table."""
        draft.layers.append(self.names.table)

    def provide(self, query: Query, client: Client) -> Metadata:
        """Return what is known of the pod that asks, and of the name."""
        found = of_client(next(iter(self._pods_at(client)), None))
        zone = longest_match(query.folded, frozenset(self._zones))
        return found if zone is None else found | of_name(query.folded, zone)

    def _pods_at(self, client: Client) -> tuple[Pod, ...]:
        """Return the pods that have the client's address, if pods are followed."""
        address = parse_address(client.address)
        if address is None or not (self.options.pods == "verified" or self.options.pod_names):
            return ()
        return self.names.compiler.pods.holders.get(address)

    def search_path(self, query: Query, client: Client) -> tuple[bytes, ...]:
        """Return the search list of the pod that has the client's address; none where several namespaces share it."""
        zone = longest_match(query.folded, frozenset(self._zones))
        pods = self._pods_at(client)
        namespaces = {pod.namespace for pod in pods}
        if zone is None or len(namespaces) != 1:
            return ()
        services, namespace = _SERVICES + zone, namespaces.pop().encode()
        host_search = tuple(from_text(name.lower()) for name in self._host_search)
        return bytes((len(namespace),)) + namespace + services, services, zone, *host_search

    def first_steps(self) -> Iterable[bytes]:
        """Return the zones below which Services are."""
        return [_SERVICES + zone for zone in self._zones]

    def ready(self) -> bool:
        """Return whether the first sync is done."""
        return self._names is not None and self._names.table.synced

    def collect(self) -> Iterable[Metric]:
        """Return the metrics of the table and of following the cluster."""
        if self._names is None or self._source is None:
            return ()
        # Imported here because start time counts.
        from podname.kube.metrics import source_metrics  # noqa: PLC0415
        from podname.plugins.kubernetes.metrics import names_metrics  # noqa: PLC0415

        return (*names_metrics(self._names), *source_metrics(self._source))

    @property
    def names(self) -> ClusterNames:
        """The names, once started."""
        if self._names is None:
            raise ServeError(c.SERVFAIL, "kubernetes has not been started")
        return self._names

    # --------------------------------------------------------------- options

    def zone_options(self) -> ZoneOptions:
        """Return what shapes the names."""
        settings, zone = self.settings, self._zones[0]
        return ZoneOptions(
            zones=self._zones,
            ttl_seconds=self._ttl_seconds(zone, settings.ttl_seconds),
            pod_ttl_seconds=self._ttl_seconds(zone, settings.pod_ttl_seconds),
            version_ttl_seconds=self._ttl_seconds(zone, _VERSION_TTL_SECONDS),
            namespaces=settings.namespaces,
            pods=settings.pods,
            endpoint_pod_names=settings.endpoint_pod_names,
            pod_names=settings.pod_names,
            coredns_ptr=settings.coredns_ptr,
            ignore_empty_service=settings.ignore_empty_service,
            endpoints=settings.endpoints,
            local_addresses=own_addresses(self._hosts),
        )

    def table_options(self) -> TableOptions:
        """Return how the table answers."""
        return TableOptions(
            plugin=self.name,
            zones=tuple(self._zone(zone) for zone in self._zones),
            fallthrough=tuple(from_text(zone) for zone in self.settings.fallthrough),
            optional_underscores=True,
            lazy_types=frozenset({c.SRV}),
            lone_types=frozenset({c.PTR, c.TXT}),
            lazy_labels=LAZY_LABELS if self.settings.pod_names else frozenset(),
            dashed_ttl_seconds=self._ttl_seconds(self._zones[0], self.settings.ttl_seconds),
        )

    def _zone(self, origin: bytes) -> Zone:
        ttl_seconds = self.settings.ttl_seconds
        shown = min(ttl_seconds, _SOA_TTL_SECONDS_MAX)
        return Zone(
            origin=origin,
            soa_ttl_seconds=self._ttl_seconds(origin, shown, denial=True),
            negative_ttl_seconds=ttl_seconds,
            mname=Kind.NAME_SERVER.build(origin) or origin,
            rname=b"\x0ahostmaster" + origin,
        )

    def _ttl_seconds(self, zone: bytes, ttl_seconds: int, *, denial: bool = False) -> int:
        return self._cap(zone, ttl_seconds, denial=denial) if self._cap else ttl_seconds

    def _source_key(self) -> tuple[object, ...]:
        """Return what makes two directives ask the same API server, or read the same files."""
        settings = self.settings
        where = (settings.endpoint, settings.tls, settings.kubeconfig, settings.manifests)
        return ("kubernetes", *where)

    def _watch_key(self) -> tuple[object, ...]:
        """Return what makes them watch the same objects there."""
        return (self.settings.labels, self.settings.namespace_labels)

    # --------------------------------------------------------------- answers

    async def serve(self, request: Request, next_: Next) -> Reply:
        """Answer from the table, or make what it does not hold."""
        query, table = request.query, self.names.table
        found = table.respond(query)
        if (
            found is Outcome.MISS
        ):  # made of what is known of the cluster, which may be ahead of the table
            await self.names.idle()
            found = table.respond(query)
        if found is Outcome.PASS:
            return await next_(request)
        request.plugin = self.name
        if isinstance(found, bytes):
            return found
        if query.qtype in {c.AXFR, c.IXFR}:
            raise ServeError(c.REFUSED, "zone transfers are not supported")
        if is_lazy(query, table):
            return self._listing(request) or await next_(request)
        if query.qtype == c.SRV:
            return self._srv(request)
        from podname.plugins.kubernetes.aliases import follow_alias  # noqa: PLC0415 - start time counts

        reply = await follow_alias(request, table, self.options)
        return reply or table.no_data(query)

    @property
    def options(self) -> ZoneOptions:
        """What shapes the names, once started."""
        return self.names.options

    def _srv(self, request: Request) -> bytes:
        query, names = request.query, self.names
        ready = srv_answer(query.folded, names.compiler)
        return names.table.no_data(query) if ready is None else self._respond(query, ready)

    def _listing(self, request: Request) -> bytes | None:
        """Answer at a name that the table leaves to code; None when another plugin may know it."""
        query, table = request.query, self.names.table
        found = self.names.compiler.workloads.find(query.folded)
        if found and query.qtype in found:
            return self._respond(query, found[query.qtype])
        falls_through = longest_match(query.folded, frozenset(table.options.fallthrough))
        if not found and falls_through is not None:
            return None
        denial = table.no_data(query)
        if found is None and not table.exists(query.folded):
            return Message(denial).with_flags(set_=c.NXDOMAIN)
        return denial

    def _respond(self, query: Query, ready: bytes) -> bytes:
        """Repeat an answer, with the zone of its targets as the question spells it."""
        zone = self.options.zone_of(query.folded)
        if query.qtype == c.SRV and zone is not None and query.name != query.folded:
            ready = recase(ready, zone, query.name[-len(zone) :])
        return respond(query, ready)
