"""A cluster in a few lines, compiled into a table that shows its content as zone-file text."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import dns.message
import dns.rdatatype

from podname.dns import constants as c
from podname.dns import names
from podname.dns.records import EMPTY_ANSWER, walk
from podname.engine.base import EMPTY_NON_TERMINAL, Change, TableOptions, Zone
from podname.kube.objects import Endpoint, EndpointSlice, Namespace, Pod, Port, Service
from podname.kube.store import Store
from podname.names.compiler import Compiler, Sources
from podname.names.options import ZoneOptions
from tests.support.engines import KINDS

ZONE = names.from_text("cluster.local.")
REVERSE = (names.from_text("in-addr.arpa."), names.from_text("ip6.arpa."))


class WatchedTable:
    """A table that also remembers what it was told, to be looked at whole, and says when it was written to."""

    def __init__(self, engine: str = "python") -> None:
        self.options = TableOptions("kubernetes", tuple(map(zone_of, (ZONE, *REVERSE))))
        self.inner = KINDS[engine].table(self.options)
        self.content: dict[tuple[bytes, int], bytes] = {}
        self.dashed: dict[bytes, bool] = {}
        self.writes = 0
        self.after_write: Callable[[], None] = lambda: None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def __len__(self) -> int:
        return len(self.inner)

    def update(self, changes: Iterable[Change]) -> None:
        told = list(changes)
        self.inner.update(told)
        self.writes += len(told)
        for owner, rtype, ready in told:
            if ready is None:
                self.content.pop((owner, rtype), None)
            else:
                self.content[owner, rtype] = ready
        self.after_write()

    def set_dashed(self, parent: bytes, *, open_: bool | None) -> None:
        self.inner.set_dashed(parent, open_=open_)
        if open_ is None:
            self.dashed.pop(parent, None)
        else:
            self.dashed[parent] = open_
        self.after_write()


def zone_of(origin: bytes) -> Zone:
    return Zone(origin, 5, 5, origin, origin)


@dataclass
class Cluster:
    """Stores, a compiler over them, and what the table then says."""

    options: ZoneOptions
    engine: str = "python"
    services: Store[Service] = field(default_factory=Store)
    slices: Store[EndpointSlice] = field(default_factory=Store)
    namespaces: Store[Namespace] = field(default_factory=Store)
    pods: Store[Pod] = field(default_factory=Store)

    def __post_init__(self) -> None:
        self.table = WatchedTable(self.engine)
        options = self.options
        sources = Sources(
            self.services,
            self.slices if options.endpoints else None,
            self.namespaces,
            self.pods if options.watches_pods else None,
        )
        self.compiler = Compiler(options, sources, self.table, on_synced=self.build)
        self.compiler.follow()

    def load(self, *objects: Any) -> Cluster:
        """Let the first lists come in."""
        for store, kind in self._kinds():
            store.replace([obj for obj in objects if isinstance(obj, kind)])
        return self

    def build(self) -> None:
        for _ in self.compiler.build():
            pass

    def put(self, obj: Any) -> None:
        self._store(obj).update(obj)

    def remove(self, obj: Any) -> None:
        self._store(obj).delete(obj.key)

    def records(self, owner: str) -> list[str]:
        """Show what an owner has, sorted: `A 10.0.0.1`, `SRV 0 100 80 a.b.` and additionals as `+owner A …`."""
        wire = names.from_text(owner)
        out = []
        for (known, rtype), ready in self.table.content.items():
            if known == wire and rtype != EMPTY_NON_TERMINAL:
                out += show(wire, ready)
        return sorted(out)

    def held(self, owner: str) -> bool:
        return (names.from_text(owner), EMPTY_NON_TERMINAL) in self.table.content

    def everything(self) -> dict[tuple[bytes, int], Any]:
        """Return the whole content in a form where order inside an answer does not matter."""
        return {
            key: sorted(show(key[0], ready)) if ready != EMPTY_ANSWER else []
            for key, ready in self.table.content.items()
        }

    def _store(self, obj: Any) -> Store[Any]:
        return self._store_of(type(obj))

    def _store_of(self, wanted: type) -> Store[Any]:
        return next(store for store, kind in self._kinds() if kind is wanted)

    def _kinds(self) -> list[tuple[Store[Any], type]]:
        return [
            (self.namespaces, Namespace),
            (self.slices, EndpointSlice),
            (self.services, Service),
            (self.pods, Pod),
        ]


def show(owner: bytes, ready: bytes) -> list[str]:
    """Show a ready answer as text; dnspython reads the message that it would become."""
    counts = ready[:6]
    question = owner + b"\x00\x01\x00\x01"
    octets = b"\x00\x00\x84\x00\x00\x01" + counts + question + ready[6:]
    assert sum(1 for _ in walk(octets, 12 + len(question), sum(counts[1::2]))) >= 0
    message = dns.message.from_wire(octets)
    out = []
    for prefix, section in (("", message.answer), ("+", message.additional)):
        for rrset in section:
            shown = "" if not prefix else prefix + rrset.name.to_text() + " "
            rtype = dns.rdatatype.to_text(rrset.rdtype)
            out += [f"{shown}{rtype} {rdata.to_text()}" for rdata in rrset]
    return out


def options(**changes: Any) -> ZoneOptions:
    return ZoneOptions(zones=(ZONE, *REVERSE), **changes)


def service(
    name: str, *ips: str, ports: str = "http/TCP/80", ns: str = "default", **more: Any
) -> Service:
    kind = more.pop("type", "ClusterIP")
    return Service(ns, name, kind, ips or ("None",), more.pop("external", ""), _ports(ports))


def endpoint_slice(
    name: str,
    svc: str,
    *endpoints: str,
    ports: str = "http/TCP/80",
    ns: str = "default",
    kind: str = "IPv4",
) -> EndpointSlice:
    """Endpoints are written `address[,address] [hostname=x] [pod=y]`."""
    return EndpointSlice.of(ns, name, svc, kind, tuple(map(_endpoint, endpoints)), _ports(ports))


def pod(
    name: str,
    *ips: str,
    ns: str = "default",
    phase: str = "Running",
    hostname: str = "",
    on_host: bool = False,
) -> Pod:
    return Pod.of(ns, name, ips, phase, hostname=hostname, on_host=on_host)


def _endpoint(text: str) -> Endpoint:
    addresses, *words = text.split()
    has = dict(word.split("=") for word in words)
    return Endpoint(tuple(addresses.split(",")), has.get("hostname", ""), has.get("pod", ""))


def _ports(text: str) -> tuple[Port, ...]:
    ports = []
    for word in text.split():
        name, protocol, number = word.split("/")
        ports.append(Port(name, protocol, int(number)))
    return tuple(ports)


__all__ = ["Cluster", "Namespace", "c", "endpoint_slice", "options", "pod", "service"]
