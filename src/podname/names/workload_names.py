"""Follows which pods are of which workload, and makes the answers of names that list pods when somebody asks.

These names stand in no table until then: most are never asked for, and one that lists ten thousand pods would be made
anew whenever one of them changes. An answer that was made is left in the table, where the engine repeats it, until a
pod of the workload changes. So a change costs the same whatever is listed, and a question that is repeated nothing.

A pod whose name has dots may be called as a workload is (`web.deploy`): the pod's name wins.

Sources: docs/names.md; the design of podname (the path of a change).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice

from podname.dns import constants as c
from podname.dns.records import ReadyAnswers, rdatas_of
from podname.engine.base import Table
from podname.kube.objects import EndpointSlice, Pod, Service
from podname.names import discovery, pods, schema
from podname.names.changes import Changes
from podname.names.discovery import MEMBERS_MAX, replica_set_of, workload_of
from podname.names.exposure import Exposure
from podname.names.options import ZoneOptions
from podname.names.pod_names import PodNames
from podname.names.schema import Kind, Name
from podname.names.service_names import ServiceNames
from podname.names.services import service_owner

_SHORT_LABEL = Kind.SHORT_WORKLOAD.labels()
_LISTS = frozenset(
    kind for kind in Kind if "_all" in kind.spelling or "{controller}" in kind.spelling
)

#: Namespace, kind and name: of a workload (`deploy`, `web`), a namespace (both empty) or a Service (`svc`, `web`).
_Listed = tuple[str, str, str]
_Members = dict[str, Pod]  # by key


class WorkloadNames:
    """The pods of workloads, and the answers that list them."""

    def __init__(
        self,
        options: ZoneOptions,
        exposure: Exposure,
        changes: Changes,
        made_of: tuple[ServiceNames, PodNames],
        table: Table,
    ) -> None:
        self._options, self._exposure = options, exposure
        self._changes, self._table = changes, table
        self._services, self._pods = made_of
        #: By namespace, kind and name; the revisions of a Deployment are together, pods of nobody under "" and "".
        self._members: dict[str, dict[str, dict[str, _Members]]] = {}
        self._dotted: set[_Listed] = set()
        #: What was made: owners in the table, and answers that no table would keep apart.
        self._made: dict[_Listed, set[bytes]] = {}
        self._remembered: dict[_Listed, dict[bytes, ReadyAnswers]] = {}
        #: What listed pods listen on: protocols and names of ports.
        self._ports: dict[_Listed, frozenset[tuple[str, str]]] = {}

    # ---------------------------------------------------------------- events

    def pod_changed(self, old: Pod | None, new: Pod | None) -> None:
        """Follow a pod, before its own names are."""
        if not self._options.pod_names:
            return
        for pod in (old, new) if self._has_made() else ():
            if pod is not None:
                self._unmake_lists_with(pod)
        if old is not None and (new is None or old.owner != new.owner):
            self._leave(old)
        if new is not None:
            kind, name = workload_of(new)
            try:
                self._members[new.namespace][kind][name][new.key] = new  # not its first pod
            except KeyError:
                kinds = self._members.setdefault(new.namespace, {})
                kinds.setdefault(kind, {}).setdefault(name, {})[new.key] = new
            if "." in name:
                self._dotted.add((new.namespace, kind, name))

    def pod_renamed(self, pod: Pod) -> None:
        """Follow a pod whose own name may be another one."""
        if self._has_made():
            self._unmake_lists_with(pod)

    def service_changed(self, old: Service | None, new: Service | None) -> None:
        """Follow a Service."""
        for one in (old, new) if self._made else ():
            if one is not None:
                self._unmake((one.namespace, "svc", one.name))

    def slice_changed(self, old: EndpointSlice | None, new: EndpointSlice | None) -> None:
        """Follow the endpoints of a Service."""
        for one in (old, new) if self._made else ():
            if one is not None:
                self._unmake((one.namespace, "svc", one.service))

    def hide(self, namespace: str) -> None:
        """Take away what was made in a namespace. O(answers that were made)."""
        for listed in {*self._made, *self._remembered, *self._ports}:
            if listed[0] == namespace:
                self._unmake(listed)

    def _leave(self, pod: Pod) -> None:
        kind, name = workload_of(pod)
        kinds = self._members.get(pod.namespace, {})
        workloads = kinds.get(kind, {})
        members = workloads.get(name, {})
        members.pop(pod.key, None)
        if not members:
            workloads.pop(name, None)
            self._dotted.discard((pod.namespace, kind, name))
        if not workloads:
            kinds.pop(kind, None)
        if not kinds:
            self._members.pop(pod.namespace, None)

    def _unmake_lists_with(self, pod: Pod) -> None:
        space = pod.namespace
        self._unmake((space, "", ""))
        self._unmake((space, *workload_of(pod)))
        if pod.owner.startswith("deploy/"):
            self._unmake((space, "rs", replica_set_of(pod)))
        if "." in pod.name:  # its own name may come in the place of a workload's
            for zone in self._options.forward_zones:
                shared = pods.shared_owner(pod, zone, self._options)
                own = pods.own_owners(space, pod.name, zone, self._options)
                for owner in (*own, *((shared,) if shared else ())):
                    for name in schema.read(owner, zone):
                        self._unmake(_listed(name))

    def _has_made(self) -> bool:
        return bool(self._made or self._remembered or self._ports)

    def _unmake(self, listed: _Listed) -> None:
        self._changes.drop(self._made.pop(listed, ()))
        self._remembered.pop(listed, None)
        self._ports.pop(listed, None)

    # --------------------------------------------------------------- answers

    def find(self, owner: bytes) -> ReadyAnswers | None:
        """Return the answers at a name that has none in the table; None when there is no such name."""
        zone = self._options.zone_of(owner)
        if zone is None or zone not in self._options.forward_zones:
            return None
        names = [name for name in schema.read(owner, zone) if self._exposure.has(name.namespace)]
        for name in names:
            if name.kind is Kind.SHORT_ENDPOINTS:
                return self._of_service(owner, zone, name)
            if holders := self._holders(owner, zone, name, names):
                named = partial(_named, schema.without_prefix(owner, name))
                return discovery.ports(owner, holders, named, name, self._options)
            found = self._of_workload(owner, zone, name) if name.kind in _LISTS else None
            if found is not None:
                return found
        return None

    def portless(self, owner: bytes, namespace: str, name: str, zone: bytes) -> bytes | None:
        """Return the SRV answer at the name of a headless Service without ports; None when there is none either way."""
        service = self._services.services.get(f"{namespace}/{name}")
        if not self._options.pod_names or service is None or not service.headless:
            return None
        slices = self._services.slices_of(service.key)
        made = discovery.portless(owner, namespace, slices, zone, self._options)
        if made is not None:  # the next change of the Service or its slices takes it away
            self._table.update([(owner, c.SRV, made)])
        return made

    def _of_service(self, owner: bytes, zone: bytes, name: Name) -> ReadyAnswers | None:
        plain = service_owner(name.namespace, name.service, zone)
        service = self._services.services.get(f"{name.namespace}/{name.service}")
        if service is None or plain is None or service.type == "ExternalName":
            return None
        if not self._table.exists(plain):  # headless, and no endpoint is ready
            return None
        slices = self._services.slices_of(service.key)
        hostname_of = self._pods.hostname_of
        found = {owner: discovery.short_endpoints(slices, hostname_of, self._options)}
        return self._keep(_listed(name), found)[owner]

    def _of_workload(self, owner: bytes, zone: bytes, name: Name) -> ReadyAnswers | None:
        options, listed = self._options, _listed(name)
        remembered = self._remembered.get(listed, {}).get(owner)
        if remembered is not None:
            return remembered
        members = list(islice(self._members_of(name), MEMBERS_MAX + 1))
        if not members:
            return {} if self._has_below(name) else None
        name_of = partial(self._name_of, zone)
        if name.protocol:
            if listed not in self._ports:
                self._ports[listed] = discovery.port_names(members)
            if not discovery.listens(self._ports[listed], name):
                return None
            made = discovery.ports(owner, members, name_of, name, options) or {}
            return self._remember(listed, owner, made)
        if name.kind is Kind.SHORT_EVERY_POD:  # a table would find it without underscores, too
            return self._remember(listed, owner, discovery.short_listing(members, options))
        plain = schema.without_prefix(owner, name)
        found = {plain: discovery.listing(plain, members, name_of, options)}
        short = schema.below(_SHORT_LABEL, plain) if name.controller else None
        if short:
            found[short] = discovery.short_listing(members, options)
        return self._keep(listed, found)[owner]

    def _name_of(self, zone: bytes, pod: Pod) -> bytes:
        """Return the name that a node in a pod has. A name that was cut would not tell pods apart."""
        if pod.hostname:
            return self._pods.name_of(pod, zone)
        own = pods.own_owners(pod.namespace, pod.name, zone, self._options)
        return own[0] if own else b""

    def _remember(self, listed: _Listed, owner: bytes, made: ReadyAnswers) -> ReadyAnswers:
        """Keep an answer that no table would keep apart, until what it lists changes."""
        self._remembered.setdefault(listed, {})[owner] = made
        return made

    def _keep(self, listed: _Listed, found: dict[bytes, ReadyAnswers]) -> dict[bytes, ReadyAnswers]:
        """Leave answers in the table until what they list changes."""
        self._made.setdefault(listed, set()).update(found)
        self._table.update(
            [(owner, rtype, made) for owner, has in found.items() for rtype, made in has.items()]
        )
        return found

    def _members_of(self, listing: Name) -> Iterator[Pod]:
        """List the pods of a workload or a namespace, in an order that is the same on every replica."""
        kinds = self._members.get(listing.namespace, {})
        if not listing.controller:
            for _, workloads in sorted(kinds.items()):
                for name in sorted(workloads):
                    yield from _in_order(workloads[name])
            return
        controller, name = listing.controller, listing.workload
        yield from _in_order(kinds.get(controller, {}).get(name, {}))
        if controller == "rs":
            deployments = kinds.get("deploy", {})
            for at in (at for at, octet in enumerate(name) if octet == "-"):
                for pod in _in_order(deployments.get(name[:at], {})):
                    if replica_set_of(pod) == name:
                        yield pod

    def _has_below(self, name: Name) -> bool:
        """Return whether a name that lists nothing exists: a namespace's, or one that has names below it."""
        if name.kind is Kind.WORKLOADS:
            kinds = self._members.get(name.namespace, {})
            return name.controller in kinds or (name.controller == "rs" and "deploy" in kinds)
        if name.kind is not Kind.WORKLOAD:
            return name.kind in {Kind.EVERY_POD, Kind.SHORT_EVERY_POD}
        return any(
            found.endswith(f".{name.workload}")
            for space, kind, dotted in self._dotted
            if space == name.namespace
            for found in self._spelled(space, kind, dotted, name.controller)
        )

    def _spelled(self, namespace: str, kind: str, name: str, asked_kind: str) -> Iterator[str]:
        """Return a dotted workload's name, or its revisions' if these are asked for."""
        if kind == asked_kind:
            yield name
        elif (kind, asked_kind) == ("deploy", "rs"):
            yield from map(replica_set_of, self._members[namespace][kind][name].values())

    def _holders(self, owner: bytes, zone: bytes, name: Name, names: Iterable[Name]) -> list[Pod]:
        """Return the pods that are called so: one, or those that share a hostname.

        What was made for a list, as which the name was also read, is no pod's.
        """
        stem = schema.without_prefix(owner, name)
        is_made = any(stem in self._made.get(_listed(other), ()) for other in names)
        if is_made or not (name.pod or name.controller):
            return []
        answers = [made for rtype in (c.A, c.AAAA) if (made := self._table.get(stem, rtype))]
        found = [
            pod
            for made in answers
            for address in rdatas_of(made)
            for pod in self._pods.holders.get(address)
        ]
        holders = {pod.key: pod for pod in found}.values()
        return [pod for pod in holders if self._is_called(pod, stem, zone)]

    def _is_called(self, pod: Pod, stem: bytes, zone: bytes) -> bool:
        own = pods.own_owners(pod.namespace, pod.name, zone, self._options)
        return stem in own or stem == pods.shared_owner(pod, zone, self._options)


def _named(name: bytes, _: Pod) -> bytes:
    return name


def _listed(name: Name) -> _Listed:
    if name.service:
        return name.namespace, "svc", name.service
    return name.namespace, name.controller, name.workload


def _in_order(members: _Members) -> list[Pod]:
    return [members[key] for key in sorted(members)]
