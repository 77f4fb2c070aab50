"""Follows which pods are of which workload, and makes the answers of names that list pods when somebody asks.

These names stand in no table until then: most are never asked for, and one that lists ten thousand pods would be made
anew whenever one of them changes. An answer that was made is left in the table, where the engine repeats it, until a
pod of the workload changes. So a change costs the same whatever is listed, and a question that is repeated nothing.

A pod whose name has dots may be called as a workload is (`web.deploy`): the pod's name wins.

Sources: docs/names.md; the design of podname (the path of a change).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from podname.dns import constants as c
from podname.dns.names import NAME_OCTETS_MAX, ROOT, labels_of
from podname.dns.records import ReadyAnswers, rdatas_of
from podname.engine.base import Table
from podname.kube.objects import EndpointSlice, Pod, Service
from podname.names import discovery, pods
from podname.names.changes import Changes
from podname.names.discovery import ALL, MEMBERS_MAX, Asked, replica_set_of, workload_of
from podname.names.exposure import Exposure
from podname.names.options import ZoneOptions
from podname.names.pod_names import PodNames
from podname.names.service_names import ServiceNames
from podname.names.services import service_owner

_SHORT_LABEL = b"\x06_short"

#: Namespace, kind and name: of a workload (`deploy`, `web`), a namespace (`_all`, empty) or a Service (`svc`, `web`).
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
        self._made: dict[_Listed, set[bytes]] = {}

    # ---------------------------------------------------------------- events

    def pod_changed(self, old: Pod | None, new: Pod | None) -> None:
        """Follow a pod, before its own names are."""
        if not self._options.pod_names:
            return
        for pod in (old, new) if self._made else ():
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
        if self._made:
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
        for listed in [listed for listed in self._made if listed[0] == namespace]:
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
        self._unmake((space, ALL, ""))
        self._unmake((space, *workload_of(pod)))
        if pod.owner.startswith("deploy/"):
            self._unmake((space, "rs", replica_set_of(pod)))
        if "." in pod.name:  # its own name may come in the place of a workload's
            for zone in self._options.forward_zones:
                shared = pods.shared_owner(pod, zone, self._options)
                own = pods.own_owners(space, pod.name, zone, self._options)
                for owner in (*own, *((shared,) if shared else ())):
                    asked = _asked(owner, zone)
                    if asked is not None:
                        self._unmake((space, asked.kind, asked.name))

    def _unmake(self, listed: _Listed) -> None:
        self._changes.drop(self._made.pop(listed, ()))

    # --------------------------------------------------------------- answers

    def find(self, owner: bytes) -> ReadyAnswers | None:
        """Return the answers at a name that has none in the table; None when there is no such name."""
        zone = self._options.zone_of(owner)
        if zone is None or zone not in self._options.forward_zones:
            return None
        asked = _asked(owner, zone)
        if asked is None or not self._exposure.has(asked.namespace):
            return None
        if asked.kind == "svc":
            return self._of_service(owner, zone, asked)
        holders = self._holders(discovery.stem(owner, asked), zone, asked)
        if holders or not asked.kind:
            return discovery.ports(owner, holders, asked, self._options)
        return self._of_workload(owner, zone, asked)

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

    def _of_service(self, owner: bytes, zone: bytes, asked: Asked) -> ReadyAnswers | None:
        name = service_owner(asked.namespace, asked.name, zone)
        service = self._services.services.get(f"{asked.namespace}/{asked.name}")
        if service is None or name is None or service.type == "ExternalName":
            return None
        if not self._table.exists(name):  # headless, and no endpoint is ready
            return None
        slices = self._services.slices_of(service.key)
        hostname_of = self._pods.hostname_of
        found = {owner: discovery.short_endpoints(slices, hostname_of, self._options)}
        return self._keep((asked.namespace, "svc", asked.name), found)[owner]

    def _of_workload(self, owner: bytes, zone: bytes, asked: Asked) -> ReadyAnswers | None:
        options = self._options
        members = list(islice(self._members_of(asked), MEMBERS_MAX + 1))
        if not members:
            return {} if self._has_below(asked) else None
        if asked.protocol:
            return discovery.ports(owner, self._named(members, zone), asked, options)
        plain = discovery.stem(owner, asked)
        if asked.kind == ALL and asked.is_short:  # a table would find it without underscores, too
            return discovery.short_listing(members, options)
        found = {plain: discovery.listing(plain, self._named(members, zone), options)}
        if asked.kind != ALL and len(_SHORT_LABEL) + len(plain) <= NAME_OCTETS_MAX:
            found[_SHORT_LABEL + plain] = discovery.short_listing(members, options)
        return self._keep((asked.namespace, asked.kind, asked.name), found)[owner]

    def _named(self, members: Iterable[Pod], zone: bytes) -> list[tuple[Pod, bytes]]:
        """Return pods with the names that nodes there have. A name that was cut would not tell pods apart."""
        return [
            (pod, self._pods.name_of(pod, zone) if pod.hostname else self._own_name(pod, zone))
            for pod in members
        ]

    def _own_name(self, pod: Pod, zone: bytes) -> bytes:
        own = pods.own_owners(pod.namespace, pod.name, zone, self._options)
        return own[0] if own else b""

    def _keep(self, listed: _Listed, found: dict[bytes, ReadyAnswers]) -> dict[bytes, ReadyAnswers]:
        """Leave answers in the table until what they list changes."""
        self._made.setdefault(listed, set()).update(found)
        self._table.update(
            [(owner, rtype, made) for owner, has in found.items() for rtype, made in has.items()]
        )
        return found

    def _members_of(self, asked: Asked) -> Iterator[Pod]:
        """List the pods of a workload or a namespace, in an order that is the same on every replica."""
        kinds = self._members.get(asked.namespace, {})
        if asked.kind == ALL:
            for _, workloads in sorted(kinds.items()):
                for name in sorted(workloads):
                    yield from _in_order(workloads[name])
            return
        yield from _in_order(kinds.get(asked.kind, {}).get(asked.name, {}))
        if asked.kind == "rs":
            deployments = kinds.get("deploy", {})
            for at in (at for at, octet in enumerate(asked.name) if octet == "-"):
                for pod in _in_order(deployments.get(asked.name[:at], {})):
                    if replica_set_of(pod) == asked.name:
                        yield pod

    def _has_below(self, asked: Asked) -> bool:
        """Return whether a name that lists nothing has names below it: a kind's, or a part of a dotted name."""
        if asked.kind == ALL or not asked.is_plain:
            return asked.kind == ALL and not asked.protocol
        kinds = self._members.get(asked.namespace, {})
        if not asked.name:
            return asked.kind in kinds or (asked.kind == "rs" and "deploy" in kinds)
        return any(
            found.endswith(f".{asked.name}")
            for space, kind, name in self._dotted
            if space == asked.namespace
            for found in self._spelled(space, kind, name, asked.kind)
        )

    def _spelled(self, namespace: str, kind: str, name: str, asked_kind: str) -> Iterator[str]:
        """Return a dotted workload's name, or its revisions' if these are asked for."""
        if kind == asked_kind:
            yield name
        elif (kind, asked_kind) == ("deploy", "rs"):
            yield from map(replica_set_of, self._members[namespace][kind][name].values())

    def _holders(self, stem: bytes, zone: bytes, asked: Asked) -> list[tuple[Pod, bytes]]:
        """Return the pods whose own name this is, with it: one, or those that share a cut hostname."""
        listed = self._made.get((asked.namespace, asked.kind, asked.name), ())
        if asked.kind == ALL or stem in listed:
            return []
        answers = [made for rtype in (c.A, c.AAAA) if (made := self._table.get(stem, rtype))]
        found = [
            pod
            for made in answers
            for address in rdatas_of(made)
            for pod in self._pods.holders.get(address)
        ]
        holders = {pod.key: pod for pod in found}.values()
        return [(pod, stem) for pod in holders if self._is_called(pod, stem, zone, asked)]

    def _is_called(self, pod: Pod, stem: bytes, zone: bytes, asked: Asked) -> bool:
        if pod.namespace != asked.namespace:
            return False
        own = pods.own_owners(pod.namespace, pod.name, zone, self._options)
        return stem in own or stem == pods.shared_owner(pod, zone, self._options)


def _asked(owner: bytes, zone: bytes) -> Asked | None:
    return discovery.take_apart(labels_of(owner[: len(owner) - len(zone)] + ROOT))


def _in_order(members: _Members) -> list[Pod]:
    return [members[key] for key in sorted(members)]
