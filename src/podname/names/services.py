"""The names of one Service: its own, its ports', and its endpoints'. Pure.

1. `<svc>.<ns>.svc.<zone>`: cluster IPs, or every ready endpoint of a headless Service, with SRV for every port;
   an ExternalName is a CNAME.
2. `_<port>._<proto>.<svc>.<ns>.svc.<zone>`: the same for one named port.
3. `<endpoint>.<svc>.<ns>.svc.<zone>`: one endpoint, for any Service but an ExternalName.

A headless Service without ready endpoints has no name at all (dns-spec 1.1.0 §2.4.1): NXDOMAIN.

Sources: dns-spec 1.1.0; CoreDNS plugin/kubernetes `findServices`.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Iterator
from functools import lru_cache

from msgspec.structs import replace

from podname.dns import addresses
from podname.dns import constants as c
from podname.dns.names import LABEL_OCTETS_MAX, NAME_OCTETS_MAX, ROOT, BadName, from_text
from podname.dns.patching import move
from podname.dns.records import EMPTY_ANSWER, ReadyAnswers, answer
from podname.engine.base import EMPTY_NON_TERMINAL
from podname.kube.objects import EndpointSlice, Port, Service
from podname.names import endpoints
from podname.names.endpoints import NO_PORT, Entry, Reached
from podname.names.labels import labels
from podname.names.options import ZoneOptions
from podname.names.schema import Kind, below

_TYPES = (c.A, c.AAAA, c.SRV)


@lru_cache(maxsize=1024)  # asked for at every endpoint of a Service
def service_owner(namespace: str, name: str, zone: bytes) -> bytes | None:
    """Return the name of a Service; None when there can be none."""
    return Kind.SERVICE.build(zone, service=name, namespace=namespace)


def service_names(
    service: Service, slices: Collection[EndpointSlice], zone: bytes, options: ZoneOptions
) -> Iterator[tuple[bytes, ReadyAnswers] | None]:
    """Return the answers at the Service's own name and at its named ports; None where others may have their turn."""
    owner = service_owner(service.namespace, service.name, zone)
    if owner is None:
        return
    if service.type == "ExternalName":
        yield from _external(service, owner, options).items()
        return
    if _is_empty(service, slices) and options.ignore_empty_service:
        return
    reached = yield from _reached(service, owner, slices, options)
    own = (yield from _answers(owner, owner, reached, options)) if reached.addresses else {}
    alias = _fqdn(slices) if service.headless else None
    if alias:
        own[c.CNAME] = answer(c.CNAME, options.ttl_seconds, [alias])
    if own:
        yield owner, own
    elif not service.headless:
        yield owner, {EMPTY_NON_TERMINAL: EMPTY_ANSWER}
    for prefix, port_owner in port_owners(service, slices, owner):
        names = (prefix, port_owner, owner)
        made = yield from _at_port(names, slices, options, (reached, own))
        if made:
            yield port_owner, made


def _is_empty(service: Service, slices: Iterable[EndpointSlice]) -> bool:
    return not (service.headless or any(one.packed for one in slices))


def _at_port(
    names: tuple[bytes, bytes, bytes],
    slices: Collection[EndpointSlice],
    options: ZoneOptions,
    whole: tuple[Reached, ReadyAnswers],
) -> Generator[None, None, ReadyAnswers]:
    """Return the answers at a named port, of prefix, port's and Service's name; `whole` is what the latter has."""
    (prefix, port_owner, owner), (reached, own) = names, whole
    if reached.is_cut and {port for one in slices for port in one.ports or (NO_PORT,)} != {
        entry.port for entry in reached.entries[:1]
    }:  # what was left out may have this port, too
        having = yield from endpoints.reached_by(owner, _having_port(slices, prefix), options)
        return (yield from _answers(port_owner, owner, having, options))
    prefix_of = {id(entry.port): _prefix(entry.port) for entry in reached.entries}
    chosen = [entry for entry in reached.entries if prefix_of[id(entry.port)] == prefix]
    if chosen and len(chosen) == len(reached.entries):
        return {t: move(own[t], len(prefix)) for t in _TYPES if t in own}
    return endpoints.answers(port_owner, owner, chosen, options.ttl_seconds) if chosen else {}


def port_owners(
    service: Service, slices: Collection[EndpointSlice], owner: bytes
) -> list[tuple[bytes, bytes]]:
    """List (prefix, owner name) of every named port of the Service, or of its slices when it is headless."""
    found = [(prefix, below(prefix, owner)) for prefix in prefixes(ports_of(service, slices))]
    return [(prefix, port_owner) for prefix, port_owner in found if port_owner]


def ports_of(service: Service, slices: Iterable[EndpointSlice]) -> Iterable[Port]:
    """Return the ports of a Service: those of its slices when it is headless."""
    if not service.headless:
        return service.ports
    return {port for ports in {one.ports for one in slices} for port in ports}


def prefixes(ports: Iterable[Port]) -> set[bytes]:
    """Return `_<port>._<proto>` of those that have a name."""
    return {prefix for port in ports if (prefix := _prefix(port))}


def names_of_ports(ports: Iterable[Port]) -> list[bytes]:
    """Return the labels that stand for ports when underscores are left out: no endpoint is found by them."""
    named = [port for port in ports if _prefix(port)]
    return [made for port in named if (made := labels(f"{port.name}.{port.protocol}"))]


def endpoint_names(
    service: Service,
    slices: Collection[EndpointSlice],
    zone: bytes,
    options: ZoneOptions,
    *,
    only: Collection[bytes] | None = None,
    naming: Collection[EndpointSlice] | None = None,
) -> dict[bytes, ReadyAnswers]:
    """Return the A and AAAA answers at endpoints' names; SRV there is made when somebody asks (`lazy_types`).

    With `only`, of the endpoints with these labels; `naming` are slices that hold all of these.
    """
    owner = service_owner(service.namespace, service.name, zone)
    if owner is None or service.type == "ExternalName":
        return {}
    port_names = set(names_of_ports(ports_of(service, slices)))
    if only is None and len(slices) == 1:
        (one,) = slices
        plain = _plain_names(one, owner, options)
        if plain is not None and port_names.isdisjoint(plain):
            return {name + owner: made for name, made in plain.items()}
    room, ttl_seconds = NAME_OCTETS_MAX - len(owner), options.ttl_seconds
    answers: dict[bytes, ReadyAnswers] = {}  # most endpoints have two names
    names: dict[bytes, ReadyAnswers] = {}
    looked_at = slices if naming is None else naming
    for name, found in endpoints.named_addresses(looked_at, options).items():
        # A pod called `http.tcp` yields to the port.
        if (only is not None and name not in only) or name in port_names or len(name) > room:
            continue
        if len(found) > 1:
            names[name + owner] = endpoints.address_answers(found, ttl_seconds)
            continue
        made = answers.get(found[0])
        if made is None:
            made = answers[found[0]] = endpoints.address_answers(found, ttl_seconds)
        names[name + owner] = made
    return names


def _plain_names(
    one: EndpointSlice, owner: bytes, options: ZoneOptions
) -> dict[bytes, ReadyAnswers] | None:
    """Return the answers of plain endpoints by their labels; None when two have the same one, or it takes more."""
    plain = endpoints.plain_in(one, options)
    if plain is None or len(owner) > NAME_OCTETS_MAX - LABEL_OCTETS_MAX - 1:
        return None
    names: dict[bytes, ReadyAnswers] = {}
    for each in plain:
        answers = endpoints.address_answers((each.address,), options.ttl_seconds)
        names[each.dashed] = names[each.pod] = answers
    return names if len(names) == 2 * len(plain) else None


def _external(service: Service, owner: bytes, options: ZoneOptions) -> dict[bytes, ReadyAnswers]:
    if addresses.parse(service.external_name) is not None:
        return {}
    try:
        target = from_text(service.external_name)
    except BadName:
        target = ROOT
    if target == ROOT:  # nothing, or what is no name
        return {owner: {EMPTY_NON_TERMINAL: EMPTY_ANSWER}}
    return {owner: {c.CNAME: answer(c.CNAME, options.ttl_seconds, [target])}}


def _answers(
    owner: bytes, service: bytes, reached: Reached, options: ZoneOptions
) -> Generator[None, None, ReadyAnswers]:
    made = endpoints.address_answers(reached.addresses, options.ttl_seconds)
    yield
    return made | endpoints.srv_answers(owner, service, reached.entries, options.ttl_seconds)


def _reached(
    service: Service, owner: bytes, slices: Collection[EndpointSlice], options: ZoneOptions
) -> Generator[None, None, Reached]:
    if service.headless:
        return (yield from endpoints.reached_by(owner, slices, options))
    parsed = [addresses.parse(text) for text in service.cluster_ips]
    known = dict.fromkeys([address for address in parsed if address is not None])
    ports = service.ports or (NO_PORT,)
    return Reached(known, [Entry(address, b"", port) for port in ports for address in known])


@lru_cache(maxsize=256)  # nearly all endpoints of a Service share one
def _prefix(port: Port) -> bytes | None:
    """Return `_<port>._<proto>` as labels; None for a port that has no name."""
    if not port.name or not port.protocol:
        return None
    return Kind.PORT.labels(port=port.name, protocol=port.protocol)


def _having_port(slices: Iterable[EndpointSlice], prefix: bytes) -> Iterator[EndpointSlice]:
    """Return the slices that have a port, with no other."""
    for one in slices:
        ports = tuple([port for port in one.ports if _prefix(port) == prefix])
        if ports:
            yield replace(one, ports=ports)


def _fqdn(slices: Collection[EndpointSlice]) -> bytes | None:
    for endpoint_slice in slices:
        if endpoint_slice.address_type == "FQDN":
            for endpoint in endpoint_slice.endpoints:
                for text in endpoint.addresses:
                    try:
                        return from_text(text)
                    except BadName:
                        continue
    return None
