"""What a Service's endpoints contribute: their names under the Service, and entries for its records.

An endpoint has one *primary* name, which SRV and PTR records point to: its hostname, else (with
`endpoint_pod_names`) its pod's name if that is below 64 octets, else its address with dashes. With `pod_names` it is
found by all three. A primary name always wins over another endpoint's alias.

An *entry* is an address and a port that somebody can reach: what CoreDNS calls a `msg.Service`. SRV weights depend on
how many there are, before equal targets are merged.

Sources: dns-spec 1.1.0 §2.4; CoreDNS plugin/kubernetes `findServices`, `endpointHostname`; plugin/backend_lookup.go.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

from msgspec import Struct

from podname.dns import addresses
from podname.dns import constants as c
from podname.dns.records import ReadyAnswers, answer, answer_with_additional, srv_rdata
from podname.kube.objects import ALL_PORTS, Endpoint, EndpointSlice, Port, unpack
from podname.names.labels import labels, octets_of_label, pod_labels, shared_label
from podname.names.options import ZoneOptions

#: What a slice or Service without ports has: addresses, yes; SRV records, no.
NO_PORT = Port("", "", ALL_PORTS)
_POD_LABEL_OCTETS = 64
_ADDRESS_OCTETS_MIN = 16  # a record of an IPv4 address
_RDATA_AT = 12  # in a record whose owner is a pointer
_SRV_OCTETS = _RDATA_AT + 6  # without the target


class Entry(NamedTuple):
    """An address and port, and the labels under the Service that name it (empty for the Service itself)."""

    address: bytes
    target: bytes
    port: Port


class Named(Struct, frozen=True, gc=False):
    """An endpoint's address, its primary name, and what else it is found by; names are labels in octets."""

    address: bytes
    primary: bytes | None  # None when nothing makes a label
    aliases: tuple[bytes, ...]


class Plain(Struct, frozen=True, gc=False):
    """An endpoint as nearly all are: one IPv4 address, its dashed label, which is its primary name, and its pod's."""

    address: bytes
    dashed: bytes
    pod: bytes


def plain_in(one: EndpointSlice, options: ZoneOptions) -> tuple[Plain, ...] | None:
    """Return the endpoints of a slice of which all are plain, as nearly all slices are; None when it takes more."""
    may_be = options.pod_names and not options.endpoint_pod_names
    return _plain_in(one.packed) if may_be else None


@lru_cache(maxsize=128)  # asked for by the names of a Service, its entries and its PTR records
def _plain_in(packed: str) -> tuple[Plain, ...] | None:
    found = []
    for line in packed.split("\n") if packed and packed.isascii() else ():
        text, hostname, pod = line.split("|")
        address = None if hostname or ":" in text else addresses.parse(text)
        if address is None or "." in pod or not 0 < len(pod) < _POD_LABEL_OCTETS:
            return None
        dashed = octets_of_label(text.replace(".", "-"))
        found.append(Plain(address, dashed, octets_of_label(pod)))
    return tuple(found) or None


def names_in(one: EndpointSlice, options: ZoneOptions) -> tuple[Named, ...]:
    """Return the names of a slice's endpoints, for each of their addresses that is one."""
    return _names_in(one.packed, options.endpoint_pod_names, options.pod_names)


def named(endpoint: Endpoint, options: ZoneOptions) -> list[Named]:
    """Return the names of an endpoint, for each of its addresses that is one."""
    return _named(endpoint, options.endpoint_pod_names, options.pod_names)


class Hostnames(Struct, frozen=True, gc=False):
    """What an endpoint's address may be called under its Service, apart; as labels in octets, None for what is none."""

    address: bytes
    hostname: bytes | None
    pod: bytes | None
    dashed: bytes


def hostnames_in(one: EndpointSlice) -> list[Hostnames]:
    """Return what the addresses in a slice may be called."""
    found = []
    for endpoint in unpack(one.packed):
        hostname = labels(endpoint.hostname) if endpoint.hostname else None
        pod = next(iter(pod_labels(endpoint.pod)), None) if endpoint.pod else None
        for text in endpoint.addresses:
            address = addresses.parse(text)
            if address is not None:
                dashed = octets_of_label(addresses.to_dashed(text))
                found.append(Hostnames(address, hostname, pod, dashed))
    return found


@lru_cache(maxsize=256)  # a change asks several times about the few slices of one Service
def _names_in(packed: str, endpoint_pod_names: bool, pod_names: bool) -> tuple[Named, ...]:
    return tuple(
        [
            name
            for endpoint in unpack(packed)
            for name in _named(endpoint, endpoint_pod_names, pod_names)
        ]
    )


def _named(endpoint: Endpoint, endpoint_pod_names: bool, pod_names: bool) -> list[Named]:
    pod = endpoint.pod
    own = labels(endpoint.hostname) if endpoint.hostname else None
    if own is None and endpoint_pod_names and 0 < len(pod) < _POD_LABEL_OCTETS:
        own = labels(pod)
    others: tuple[bytes, ...] = ()
    if pod_names and pod:
        others = pod_labels(pod)
        shared = shared_label(pod) if len(pod) >= _POD_LABEL_OCTETS else None
        if shared:
            others += (shared,)
    found = []
    for text in endpoint.addresses:
        address = addresses.parse(text)
        if address is None:
            continue
        dashed = octets_of_label(addresses.to_dashed(text))  # at most 45 characters
        primary = own or dashed
        aliases: tuple[bytes, ...] = ()
        if pod_names:
            aliases = others if primary is dashed else (*others, dashed)
            if primary in aliases:
                aliases = tuple([name for name in aliases if name != primary])
        found.append(Named(address, primary, aliases))
    return found


def named_addresses(
    slices: Iterable[EndpointSlice], options: ZoneOptions
) -> dict[bytes, tuple[bytes, ...]]:
    """Map the labels of endpoints to their addresses, over all slices of one Service."""
    primary: dict[bytes, tuple[bytes, ...]] = {}
    other: dict[bytes, tuple[bytes, ...]] = {}
    for endpoint_slice in slices:
        for one in names_in(endpoint_slice, options):
            only = (one.address,)  # nearly all names have one
            if one.primary and primary.setdefault(one.primary, only) is not only:
                _add(primary, one.primary, one.address)
            for alias in one.aliases:
                if other.setdefault(alias, only) is not only:
                    _add(other, alias, one.address)
    return other | primary if other else primary


def difference(old: EndpointSlice | None, new: EndpointSlice | None) -> EndpointSlice:
    """Make a slice of the endpoints that two states of a slice do not share."""
    before, after = (
        set(one.packed.split("\n") if one and one.packed else ()) for one in (old, new)
    )
    either = new or old
    namespace, service = (either.namespace, either.service) if either else ("", "")
    return EndpointSlice(namespace, "", service, "", "\n".join(before ^ after), ())


def entries(
    slices: Iterable[EndpointSlice], options: ZoneOptions, only: bytes | None = None
) -> list[Entry]:
    """List addresses x ports of the slices; with `only`, of the endpoints that these labels find."""
    own, by_alias = [], []
    for endpoint_slice in slices:
        ports = endpoint_slice.ports or (NO_PORT,)
        plain = plain_in(endpoint_slice, options) if only is None else None
        if plain:
            own += [Entry(one.address, one.dashed, port) for one in plain for port in ports]
            continue
        for each in names_in(endpoint_slice, options):
            name = each.primary
            if name and (only is None or only == name):
                own += [Entry(each.address, name, port) for port in ports]
            elif name and only in each.aliases:
                by_alias += [Entry(each.address, name, port) for port in ports]
    return own or by_alias


class Reached(NamedTuple):
    """What a Service stands for: as much as an answer could hold, and some more, so that it is seen to be cut."""

    addresses: dict[bytes, None]
    entries: list[Entry]
    is_cut: bool = False


def reached_by(
    owner: bytes, slices: Iterable[EndpointSlice], options: ZoneOptions
) -> Generator[None, None, Reached]:
    """Collect the addresses and entries of slices, a step for each.

    Of addresses no more than a message has room for of their family.
    """
    found, is_cut, octets = list[Entry](), False, 0
    families: dict[str, dict[bytes, None]] = {}
    targets: set[tuple[bytes, int]] = set()
    for one in slices:
        yield
        known = families.setdefault(one.address_type, {})
        if len(known) * _ADDRESS_OCTETS_MIN > c.MESSAGE_OCTETS_MAX:
            is_cut = True
            continue
        if octets > c.MESSAGE_OCTETS_MAX:
            is_cut = True
            known.update(dict.fromkeys(_addresses_in(one, options)))
            continue
        some = entries((one,), options)
        found += some
        known.update(dict.fromkeys([entry.address for entry in some]))
        new = {(e.target, e.port.number) for e in some if e.port.number != ALL_PORTS} - targets
        targets |= new
        octets += sum([_SRV_OCTETS + len(target) + len(owner) for target, _ in new])
    return Reached(dict.fromkeys(chain.from_iterable(families.values())), found, is_cut)


def _addresses_in(one: EndpointSlice, options: ZoneOptions) -> list[bytes]:
    return [each.address for each in plain_in(one, options) or names_in(one, options)]


def address_answers(found: Collection[bytes], ttl_seconds: int) -> ReadyAnswers:
    """Make the A and AAAA answers of distinct addresses."""
    if len(found) == 1:
        (address,) = found
        rtype = c.A if len(address) == 4 else c.AAAA
        return {rtype: _head_of_one(rtype, ttl_seconds) + address}
    by_rtype = {
        rtype: [address for address in found if len(address) == octets]
        for rtype, octets in ((c.A, 4), (c.AAAA, 16))
    }
    return {
        rtype: answer(rtype, ttl_seconds, rdatas) for rtype, rdatas in by_rtype.items() if rdatas
    }


@lru_cache(maxsize=16)
def _head_of_one(rtype: int, ttl_seconds: int) -> bytes:
    """Return what stands before the address in the answer of one address: nearly every answer is one."""
    octets = bytes(4 if rtype == c.A else 16)
    return answer(rtype, ttl_seconds, [octets])[: -len(octets)]


def answers(owner: bytes, service: bytes, reached: list[Entry], ttl_seconds: int) -> ReadyAnswers:
    """Make the A, AAAA and SRV answers at `owner` from entries; `service` is what targets are relative to."""
    found = dict.fromkeys([entry.address for entry in reached])
    return address_answers(found, ttl_seconds) | srv_answers(owner, service, reached, ttl_seconds)


def srv_answers(
    owner: bytes, service: bytes, reached: list[Entry], ttl_seconds: int
) -> ReadyAnswers:
    """Make the SRV answer at `owner` from entries; `service` is what targets are relative to."""
    srv = _srv(owner, service, reached, ttl_seconds)
    return {c.SRV: srv} if srv else {}


def srv_weight(count: int) -> int:
    """Share 100 among `count` entries in CoreDNS's floating-point way; never zero."""
    return int(100.0 / (100 * count) * 100) or 1


def _srv(owner: bytes, service: bytes, reached: list[Entry], ttl_seconds: int) -> bytes | None:
    weight = srv_weight(len(reached)) if reached else 0
    records: dict[tuple[bytes, int], tuple[bytes, int]] = {}
    first: dict[bytes, int] = {}
    extra: dict[tuple[bytes, bytes], None] = {}
    octets = 0
    for address, target, port in reached:
        number = port.number
        if number == ALL_PORTS:
            continue
        if (target, number) not in records:
            first.setdefault(target, len(records))
            rdata = _srv_fixed(weight, number) + target + service
            records[target, number] = (rdata, 6)
            octets += _RDATA_AT + len(rdata)
            if octets > c.MESSAGE_OCTETS_MAX:
                break
        extra[target, address] = None
    if not records:
        return None
    if octets + _ADDRESS_OCTETS_MIN * len(extra) > c.MESSAGE_OCTETS_MAX:
        extra = {}  # records beside an answer are only sent where all of them fit
    additional = [
        (first[target], addresses.rtype_of(address), address) for target, address in extra
    ]
    return answer_with_additional(
        len(owner), c.SRV, ttl_seconds, list(records.values()), additional
    )


@lru_cache(maxsize=64)
def _srv_fixed(weight: int, number: int) -> bytes:
    return srv_rdata(0, weight, number, b"")


def _add(names: dict[bytes, tuple[bytes, ...]], name: bytes, address: bytes) -> None:
    known = names[name]
    if address not in known:
        names[name] = (*known, address)
