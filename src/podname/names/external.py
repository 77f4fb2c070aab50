"""The Services that are reached from outside the cluster, by name and by address; made when somebody asks.

1. `<svc>.<ns>`: the external addresses of a Service and of its load balancer, once for each of its ports.
2. `<port>.<proto>.<svc>.<ns>`, with or without underscores: the same for the ports of this name and protocol.
3. `<any label>.<svc>.<ns>`: as 1.

With `headless`, a Service without external addresses stands for its ready endpoints: a headless one by all these names,
any other one by the name of an endpoint; a label alone before it is then an endpoint's name.

Sources: CoreDNS 1.15.0 plugin/kubernetes external.go (`External`, `ExternalReverse`), ns.go (`nsAddrs`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from podname.dns import addresses
from podname.dns.names import BadName, from_text
from podname.kube.objects import EndpointSlice, Port, Service
from podname.kube.store import Change
from podname.names.apex import own_slices
from podname.names.compiler import Compiler
from podname.names.endpoints import NO_PORT, names_in
from podname.names.index import Index
from podname.names.labels import label


class Entry(NamedTuple):
    """One address and port from outside, or the host name of a load balancer. Equal ones count apart in SRV weights."""

    address: bytes | None
    alias: bytes | None  # when there is no address
    target: bytes  # labels below the zone: what SRV records point to
    port: int  # -1 is none


class ExternalNames:
    """What one cluster shows to the outside, from the moment it is made until `close`.

    `clock` gives the seconds since 1970; `serial` is when an external address last changed.
    """

    def __init__(self, compiler: Compiler, clock: Callable[[], float] = time.time) -> None:
        self._compiler, self._clock = compiler, clock
        self._services = compiler.sources.services
        self._by_address: Index[bytes, Service] = Index()
        self.serial = int(clock())
        self._services.add_event_handler(self._on_change)

    def close(self) -> None:
        """Follow the cluster no longer."""
        self._services.remove_event_handler(self._on_change)

    def _on_change(self, changes: Collection[Change[Service]], _: bool) -> None:
        for old, new in changes:
            if not ((old and old.external_ips) or (new and new.external_ips)):
                continue
            for address in _addresses_of(old):
                if old is not None:
                    self._by_address.discard(address, old)
            for address in _addresses_of(new):
                if new is not None:
                    self._by_address.add(address, new)
            self.serial = int(self._clock())

    def find(self, labels: Sequence[bytes], *, headless: bool) -> list[Entry] | None:
        """Return what folded labels (leftmost first, at least one) stand for; None where no name is."""
        *texts, namespace = [each.decode("latin-1") for each in labels]
        if not self._compiler.exposure.has(namespace):
            return None
        if not texts:
            return []
        *before, name = texts
        service = self._services.objects.get(f"{namespace}/{name}")
        if service is None or len(before) > 2:
            return None
        return self._entries(service, before, headless=headless) or None

    def of_address(self, address: bytes) -> list[bytes]:
        """Return the Services with an external address, as labels below a zone."""
        options = self._compiler.options
        found = [
            _target_of(service)
            for service in self._by_address.get(address)
            if not options.namespaces or self._compiler.exposure.has(service.namespace)
        ]
        return sorted(each for each in found if each)

    def own_addresses(self, *, headless: bool) -> list[bytes]:
        """Return the external addresses of the Services that this server is an endpoint of, or else its own."""
        compiler = self._compiler
        own = own_slices(compiler.options, compiler.reverse.slices)
        if not own:
            return list(compiler.options.local_addresses)
        found: list[bytes] = []
        for one in own:
            service = self._services.objects.get(one.service_key)
            if service is not None and headless and service.headless:
                found += [named.address for named in names_in(one, compiler.options)]
            else:
                found += _addresses_of(service)
        return list(dict.fromkeys(found))

    def _entries(self, service: Service, labels: Sequence[str], *, headless: bool) -> list[Entry]:
        endpoint = labels[0].removeprefix("_") if len(labels) == 1 else ""
        port, protocol = (
            [each.removeprefix("_") for each in labels] if len(labels) == 2 else ("", "")
        )

        def is_meant(each: Port) -> bool:
            return port in {"", each.name.lower()} and protocol in {"", each.protocol.lower()}

        if headless and not service.external_ips and (service.headless or endpoint):
            slices = self._compiler.services.slices_of(service.key)
            return list(self._of_endpoints(service, slices, endpoint, is_meant))
        ports = [each for each in service.ports or (NO_PORT,) if is_meant(each)]
        target = _target_of(service)
        reached = [(address, None) for address in _addresses_of(service)]
        aliases = [(None, alias) for alias in _aliases_of(service)]
        return [
            Entry(address, alias, target, each.number)
            for address, alias in (*reached, *aliases)
            for each in ports
            if target
        ]

    def _of_endpoints(
        self,
        service: Service,
        slices: Iterable[EndpointSlice],
        endpoint: str,
        is_meant: Callable[[Port], bool],
    ) -> Iterator[Entry]:
        below, wanted = _target_of(service), label(endpoint) if endpoint else None
        for one in slices if below else ():
            ports = [each for each in one.ports or (NO_PORT,) if is_meant(each)]
            for named in names_in(one, self._compiler.options):
                if named.primary and (not endpoint or named.primary == wanted):
                    for each in ports:
                        yield Entry(named.address, None, named.primary + below, each.number)


def _target_of(service: Service) -> bytes:
    """Return `<svc>.<ns>` as labels; nothing when that is no name."""
    name, namespace = label(service.name), label(service.namespace)
    return name + namespace if name and namespace else b""


def _addresses_of(service: Service | None) -> list[bytes]:
    parsed = map(addresses.parse, service.external_ips) if service else ()
    return [address for address in parsed if address is not None]


def _aliases_of(service: Service) -> Iterator[bytes]:
    for text in service.external_ips:
        if addresses.parse(text) is None:
            try:
                yield from_text(text)
            except BadName:
                continue
