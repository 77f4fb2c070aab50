"""The names that a cluster's objects make one think of, and questions about them.

`of_objects` lists every name that an object gives, whether or not it has one for a given Corefile;
`about` asks for each of them by the types that matter; `mutated` asks for neighbours: labels
dropped, added, swapped, taken from elsewhere, in other cases, with and without underscores.
"""

import hashlib
import ipaddress
import random
from collections.abc import Iterable, Iterator, Sequence

from tests.cluster.harness.api import Object
from tests.cluster.oracle.messages import TYPES, Reply
from tests.cluster.oracle.questions import AD, CD, DO, RD, Opt, Question, fits, option
from tests.cluster.oracle.variants import Variant

COMMON = ("A", "AAAA", "SRV", "PTR", "CNAME", "TXT")
RARE = (
    *("NS", "SOA", "MX", "ANY", "HTTPS", "SVCB", "DS", "DNSKEY", "CAA", "HINFO", "NAPTR"),
    *("TYPE65280", "NULL", "URI", "RRSIG", "NSEC", "DNAME", "TYPE0", "OPT", "TSIG", "MAILB"),
)
OPTS = (
    Opt(512), Opt(), Opt(4096), Opt(65535), Opt(0), Opt(100), Opt(1232, DO), Opt(4096, DO),
    Opt(options=option(10, b"12345678")), Opt(options=option(3)), Opt(options=option(12, b"\0" * 9)),
    Opt(options=option(8, bytes([0, 1, 24, 0, 10, 0, 0]))), Opt(options=option(65001, b"x")),
)  # fmt: skip
WORDS = (
    *("svc", "pod", "dns", "ns", "dns-version", "_tcp", "_udp", "tcp", "_http", "http", "_", "-"),
    *("10-0-0-1", "10-0-0-2", "fd00--1", "--1", "1-2-3-4-5", "www", "any", "in-addr", "_zone"),
)


def of_objects(objects: Iterable[Object]) -> list[str]:
    """List the names, without zone, that the objects give."""
    names: dict[str, None] = dict.fromkeys(
        ["", "svc", "pod", "dns", "ns.dns", "dns-version", "x", "x.svc", "x.y.svc", "x.ns.dns"]
    )
    services: dict[str, list[str]] = {}
    for item in objects:
        names.update(dict.fromkeys(_of_object(item, services)))
    return list(names)


def _of_object(item: Object, services: dict[str, list[str]]) -> Iterator[str]:
    metadata = item["metadata"]
    space, name = metadata.get("namespace", ""), metadata["name"]
    if item["kind"] == "Namespace":
        yield from (f"{name}.svc", f"{name}.pod", f"10-0-0-1.{name}.pod", f"fd00--1.{name}.pod")
    elif item["kind"] == "Service":
        owner = f"{name}.{space}.svc"
        yield from (owner, f"no.{owner}", f"{name}.{space}.pod", f"_short.{owner}")
        for port in item["spec"].get("ports") or ():
            yield from _of_port(port, owner)
    elif item["kind"] == "EndpointSlice":
        yield from _of_slice(item, space)
    elif item["kind"] == "Pod":
        yield f"{name}.{space}.pod"
        yield from listing_names(item)
        for address in item["status"].get("podIPs", ()):
            dashed = dashes(address["ip"])
            yield from (f"{dashed}.{space}.pod", f"x.{dashed}.{space}.pod")


def _of_slice(item: Object, space: str) -> Iterator[str]:
    service = item["metadata"]["labels"].get("kubernetes.io/service-name", "none")
    owner = f"{service}.{space}.svc"
    yield owner
    for endpoint in item.get("endpoints") or ():
        for address in endpoint.get("addresses") or ():
            yield f"{dashes(address)}.{owner}"
        for name in (endpoint.get("hostname"), (endpoint.get("targetRef") or {}).get("name")):
            if name:
                yield f"{name}.{owner}"
    for port in item.get("ports") or ():
        yield from _of_port(port, owner)


def _of_port(port: Object, owner: str) -> Iterator[str]:
    name, protocol = port.get("name") or "", (port.get("protocol") or "TCP").lower()
    yield from (f"_{name}._{protocol}.{owner}", f"_{protocol}.{owner}")
    if name:
        yield from (f"{name}.{protocol}.{owner}", f"{name}.{owner}")


def addresses_of(objects: Iterable[Object]) -> list[str]:
    """List every address that stands in the objects."""
    found: dict[str, None] = {}
    for item in objects:
        if item["kind"] == "Service":
            found.update(dict.fromkeys(item["spec"].get("clusterIPs", ())))
        elif item["kind"] == "EndpointSlice":
            for endpoint in item.get("endpoints") or ():
                found.update(dict.fromkeys(endpoint.get("addresses") or ()))
        elif item["kind"] == "Pod":
            found.update((one["ip"], None) for one in item["status"].get("podIPs", ()))
    return list(found)


KINDS = {"ReplicaSet": "rs", "StatefulSet": "sts", "DaemonSet": "ds", "Job": "job"}


def listing_names(pod: Object) -> Iterator[str]:
    """List the names that list a pod, or say where it listens, without the zone."""
    metadata = pod["metadata"]
    space = metadata["namespace"]
    stems = [f"_all.{space}.pod"]
    for owner in metadata.get("ownerReferences") or ():
        stems.append(f"{owner['name']}.{KINDS[owner['kind']]}.{space}.pod")
        digits = metadata["labels"].get("pod-template-hash")
        if digits:
            stems.append(f"{owner['name'].removesuffix(f'-{digits}')}.deploy.{space}.pod")
    yield from (f"{before}{stem}" for stem in stems for before in ("", "_short."))
    for container in pod["spec"]["containers"]:
        for port in container.get("ports") or ():
            own = f"{metadata['name']}.{space}.pod"
            yield from (f"_{port['name']}._tcp.{stem}" for stem in (own, *stems))


def octets_of(address: str) -> str:
    """Return an address as the data of a record shows it, or nothing."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return ""
    return (getattr(parsed, "ipv4_mapped", None) or parsed).packed.hex(".")


def added(objects: Iterable[Object], zone: str) -> Iterator[str]:
    """List the names that `pod_names` adds: of pods, of endpoints by every spelling, of addresses."""
    for item in objects:
        space = item["metadata"].get("namespace", item["metadata"]["name"])
        if item["kind"] == "Namespace":
            yield f"{space}.pod.{zone}"
            yield from (f"{before}_all.{space}.pod.{zone}" for before in ("", "_short."))
        elif item["kind"] == "Service":
            yield f"_short.{item['metadata']['name']}.{space}.svc.{zone}"
        elif item["kind"] == "Pod":
            yield from (f"{name}.{zone}" for name in listing_names(item))
            yield from (
                f"{name}.{space}.pod.{zone}" for name in _pod_names(item["metadata"]["name"])
            )
            if hostname := item.get("spec", {}).get("hostname"):
                yield f"{hostname}.{space}.pod.{zone}"
            yield from (reverse_of(one["ip"]) for one in item["status"].get("podIPs", ()))
        elif item["kind"] == "EndpointSlice":
            owner = (
                f"{item['metadata']['labels'].get('kubernetes.io/service-name')}.{space}.svc.{zone}"
            )
            for endpoint in item.get("endpoints") or ():
                pod = (endpoint.get("targetRef") or {}).get("name") or ""
                yield from (f"{name}.{owner}" for name in _pod_names(pod) if name)
                yield from (f"{dashes(text)}.{owner}" for text in endpoint.get("addresses") or ())


def pods_with(objects: Iterable[Object], reverse: str) -> Iterator[str]:
    """List the names below the zone of the pods whose address has this reverse name."""
    for item in objects:
        if item["kind"] != "Pod":
            continue
        if reverse in {reverse_of(one["ip"]) for one in item["status"].get("podIPs", ())}:
            hostname = item.get("spec", {}).get("hostname")
            for name in [*_pod_names(item["metadata"]["name"]), *([hostname] if hostname else [])]:
                yield f"{name}.{item['metadata']['namespace']}.pod"


def endpoints_with(objects: Iterable[Object], reverse: str) -> Iterator[str]:
    """List the names below the zone, by pod under Service, of the endpoints whose address has this reverse name."""
    for item in objects:
        if item["kind"] != "EndpointSlice":
            continue
        metadata = item["metadata"]
        service = metadata.get("labels", {}).get("kubernetes.io/service-name", "")
        for endpoint in item.get("endpoints") or ():
            pod = endpoint.get("targetRef", {}).get("name", "")
            if pod and reverse in map(reverse_of, endpoint.get("addresses") or ()):
                for name in _pod_names(pod):
                    yield f"{name}.{service}.{metadata['namespace']}.svc"


def _pod_names(pod: str) -> list[str]:
    """Spell a pod's name: whole, cut as the kubelet does, with long labels made short (names.md)."""
    digits = hashlib.sha256(pod.encode()).hexdigest()[:8]
    short = [part if len(part) < 64 else f"{part[:54]}-{digits}" for part in pod.split(".")]
    return [pod, pod[:63].rstrip("-."), ".".join(short)]


def reverse_of(address: str) -> str:
    """Return the name for PTR questions, or nothing."""
    try:
        return ipaddress.ip_address(address).reverse_pointer
    except ValueError:
        return ""


def dashes(address: str) -> str:
    """Spell an address as a label."""
    return address.replace(".", "-").replace(":", "-")


def all_names(objects: Sequence[Object], variant: Variant) -> list[str]:
    """List the full names of the objects in every zone of a variant."""
    relative = of_objects(objects)
    zones = variant.forward_zones or list(variant.zones)
    found = dict.fromkeys(_join(name, zone) for zone in zones for name in relative)
    for zone in variant.zones:
        found.update(dict.fromkeys(_join(n, zone) for n in ("", "svc", "dns", "ns.dns", "x")))
        found[_join("dns-version", zone)] = None
    for address in addresses_of(objects):
        pointer = reverse_of(address)
        found[pointer] = None
        for part in (1, 2):
            found[".".join(pointer.split(".")[part:])] = None
        found[f"x.{pointer}"] = None
    return [name for name in found if fits(name)]


def _join(name: str, zone: str) -> str:
    return f"{name}.{zone}" if name else zone


def about(names: Iterable[str], chance: random.Random, rare: float = 0.1) -> Iterator[Question]:
    """Ask for each name by every common type, and by some of the others."""
    for name in names:
        for kind in COMMON:
            yield _dressed(name, kind, chance)
        for kind in RARE:
            if chance.random() < rare:
                yield _dressed(name, kind, chance)


def some(names: Sequence[str], chance: random.Random, count: int) -> Iterator[Question]:
    """Ask so many questions: two of three for the names, by any type, the others for neighbours."""
    for _ in range(count - count // 3):
        kinds = COMMON if chance.random() < 0.8 else RARE
        yield _dressed(chance.choice(names), chance.choice(kinds), chance)
    yield from mutated(names, chance, count // 3)


def mutated(names: Sequence[str], chance: random.Random, count: int) -> Iterator[Question]:
    """Ask for neighbours of the names."""
    for _ in range(count):
        labels = chance.choice(names).split(".")
        for _ in range(chance.choice((1, 1, 1, 2, 3))):
            labels = _mutation(labels, names, chance)
        name = ".".join(label for label in labels if label)
        if fits(name):
            yield _dressed(name, chance.choice(COMMON if chance.random() < 0.8 else RARE), chance)


def _mutation(labels: list[str], names: Sequence[str], chance: random.Random) -> list[str]:
    place = chance.randrange(len(labels))
    way = chance.randrange(9)
    if way == 0:
        return labels[:place] + labels[place + 1 :] or labels
    if way == 1:
        return [*labels[:place], chance.choice(WORDS), *labels[place:]]
    if way == 2:
        other = chance.randrange(len(labels))
        changed = list(labels)
        changed[place], changed[other] = labels[other], labels[place]
        return changed
    if way == 3:
        return [
            *labels[:place],
            chance.choice(chance.choice(names).split(".")),
            *labels[place + 1 :],
        ]
    if way == 4:
        return [_mixed(label, chance) for label in labels]
    if way == 5:
        label = labels[place]
        toggled = label.removeprefix("_") if label.startswith("_") else f"_{label}"
        return [*labels[:place], toggled, *labels[place + 1 :]]
    if way == 6:
        return [chance.choice(WORDS), *labels]
    if way == 7:
        return labels[place:]
    return [*labels[:place], chance.choice(WORDS), *labels[place + 1 :]]


def _mixed(text: str, chance: random.Random) -> str:
    return "".join(chance.choice((letter.lower(), letter.upper())) for letter in text)


def _dressed(name: str, kind: str, chance: random.Random) -> Question:
    """Ask in one of the ways that clients have."""
    flags = RD if chance.random() < 0.9 else chance.choice((0, RD | AD, RD | CD, CD, RD | AD | CD))
    opt = chance.choice(OPTS) if chance.random() < 0.3 else None
    if chance.random() < 0.1:
        name = _mixed(name, chance)
    return Question(name, TYPES[kind], flags=flags, opt=opt, tcp=chance.random() < 0.1)


def once(questions: Iterable[Question]) -> list[Question]:
    """Leave out what asks for the same as one before, which a cache would answer."""
    first: dict[tuple[str, int], Question] = {}
    for question in questions:
        first.setdefault((question.name.lower(), question.rtype), question)
    return list(first.values())


def names_below(name: str, objects: Sequence[Object], variant: Variant, zone: str) -> list[str]:
    """List the names of the objects, and of the zone, that stand below a name."""
    known = [*(_join(relative, zone) for relative in of_objects(objects))]
    known += [reverse_of(address) for address in addresses_of(objects)]
    return [one for one in dict.fromkeys(known) if one.lower().endswith(f".{name}") and fits(one)]


def spelled(reply: Reply) -> tuple[object, ...]:
    """Return what a reply says, in lower case."""
    return (
        reply.rcode,
        sorted(str(record).lower() for record in reply.answer),
        sorted(str(record).lower() for record in reply.authority),
        sorted(str(record).lower() for record in reply.additional),
    )
