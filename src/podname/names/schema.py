"""Every kind of name that there is, each spelled once: the same line builds a name and reads it.

A kind is spelled in two parts: what is put before which name above it, within the zone. A word in braces is one label;
`endpoint`, `pod` and `workload` may be several, for names of objects may have dots.

A name may be of several kinds: `web.deploy.default.pod` is that of the pods of Deployment `web`, or of the pod
`web.deploy`. `read` returns all that it may be; what the cluster has decides.

Most names are made of labels that are known and a name above them that is kept (`below`): a cluster of 100,000 pods has
millions. What they are made of is spelled here all the same.

Sources: dns-spec 1.1.0; docs/names.md; CoreDNS plugin/kubernetes `parseRequest`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from enum import Enum
from typing import NamedTuple

from podname.dns import addresses
from podname.dns.names import NAME_OCTETS_MAX, ROOT, labels_of, parent_of
from podname.names.labels import labels
from podname.names.options import is_reverse

CONTROLLERS = ("deploy", "sts", "ds", "job", "rs")
_MAY_HAVE_DOTS = frozenset({"endpoint", "pod", "workload"})
_LABEL = r"[^._][^.]*"  # no name of an object begins with an underscore (RFC 1123)
_PATTERNS = {"controller": "|".join(CONTROLLERS), "protocol": "tcp|udp|sctp", "port": r"[^.]+"}


class Kind(Enum):
    """What a name is, and how it is spelled: what stands before the name above it. Who comes first wins."""

    APEX = "", ""
    DNS_VERSION = "dns-version", ""
    NAME_SERVER = "ns.dns", ""
    SERVICES = "svc", ""
    PODS = "pod", ""
    PTR = "{address}", "in-addr.arpa or ip6.arpa"  # which are zones

    SERVICES_OF_NAMESPACE = "{namespace}", "svc"
    SERVICE = "{service}", "{namespace}.svc"
    PORT = "_{port}._{protocol}", "{service}.{namespace}.svc"
    PORTS = "_{protocol}", "{service}.{namespace}.svc"  # nothing but the names below it
    SHORT_ENDPOINTS = "_short", "{service}.{namespace}.svc"
    ENDPOINT = "{endpoint}", "{service}.{namespace}.svc"

    PODS_OF_NAMESPACE = "{namespace}", "pod"
    ADDRESS = "{address}", "{namespace}.pod"  # with dashes
    POD = "{pod}", "{namespace}.pod"
    PORT_OF_POD = "_{port}._{protocol}", "{pod}.{namespace}.pod"
    PORTS_OF_POD = "_{protocol}", "{pod}.{namespace}.pod"
    EVERY_POD = "_all", "{namespace}.pod"
    SHORT_EVERY_POD = "_short", "_all.{namespace}.pod"
    PORT_OF_EVERY_POD = "_{port}._{protocol}", "_all.{namespace}.pod"
    PORTS_OF_EVERY_POD = "_{protocol}", "_all.{namespace}.pod"
    WORKLOADS = "{controller}", "{namespace}.pod"
    WORKLOAD = "{workload}", "{controller}.{namespace}.pod"
    SHORT_WORKLOAD = "_short", "{workload}.{controller}.{namespace}.pod"
    PORT_OF_WORKLOAD = "_{port}._{protocol}", "{workload}.{controller}.{namespace}.pod"
    PORTS_OF_WORKLOAD = "_{protocol}", "{workload}.{controller}.{namespace}.pod"

    def __init__(self, before: str, above: str) -> None:
        self.before = before
        self.spelling = f"{before}.{above}" if above else before  # the whole name within its zone

    def labels(self, **parts: str) -> bytes | None:
        """Return the labels that stand before the name above; None when a part cannot be a label."""
        return _labels(self.before, parts)

    def build(self, zone: bytes, **parts: str) -> bytes | None:
        """Return the folded name; None when a part cannot be a label, or the name would be too long."""
        if self is Kind.PTR:
            address = addresses.parse(parts["address"])
            owner = addresses.reverse_of(address) if address is not None else b""
            return owner if owner.endswith(zone) else None
        return below(_labels(self.spelling, parts), zone) if self.spelling else zone


class Name(NamedTuple):
    """A name that was read. Parts that its kind does not have are empty; the others are as the name spells them."""

    kind: Kind
    namespace: str = ""
    service: str = ""
    endpoint: str = ""
    port: str = ""
    protocol: str = ""  # tcp, udp, sctp
    pod: str = ""
    controller: str = ""  # deploy, sts, …
    workload: str = ""
    address: str = ""

    @property
    def parts(self) -> dict[str, str]:
        """The parts that it has, as `Kind.build` takes them."""
        return {key: text for key, text in self._asdict().items() if text and key != "kind"}

    @property
    def is_short(self) -> bool:
        """Whether it stands for bare hostnames."""
        return self.kind.before == Kind.SHORT_WORKLOAD.before


def below(before: bytes | None, above: bytes | None) -> bytes | None:
    """Put labels before a name; None when there is not both, or it would be too long."""
    if not before or not above or len(before) + len(above) > NAME_OCTETS_MAX:
        return None
    return before + above


def read(owner: bytes, zone: bytes) -> list[Name]:
    """Return what a folded name in a zone may be; nothing when there are no such names. Who comes first wins.

    The underscores of a Service's port may be missing, and labels before an address count for nothing: so the engine
    answers.
    """
    relative = labels_of(owner[: len(owner) - len(zone)] + ROOT)
    if any(b"." in label for label in relative):
        return []
    text = b".".join(relative).decode("utf-8", "surrogateescape")
    if is_reverse(zone) and text not in _FIXED:
        address = addresses.from_reverse(owner)
        return [Name(Kind.PTR, address=addresses.to_text(address))] if address else []
    return [
        Name(kind, **found.groupdict())
        for kind, match in _READERS.get((text.startswith("_"), text.rpartition(".")[2]), ())
        if (found := match(text))
        and (kind is not Kind.ADDRESS or _spells_address(found["address"]))
    ]


def without_prefix(owner: bytes, name: Name) -> bytes:
    """Return the name that `_short` or a port stands before; itself where nothing does."""
    for _ in range(name.is_short + bool(name.protocol) + bool(name.port)):
        owner = parent_of(owner)
    return owner


def _labels(spelling: str, parts: dict[str, str]) -> bytes | None:
    for part, text in parts.items():
        if "." in text and part not in _MAY_HAVE_DOTS:
            return None
    return labels(spelling.format_map(parts))


def _spells_address(label: str) -> bool:
    return addresses.from_dashed(label.encode("utf-8", "surrogateescape")) is not None


def _reader(kind: Kind) -> Callable[[str], re.Match[str] | None]:
    return re.compile("".join(_patterns(kind)), re.DOTALL).fullmatch


def _patterns(kind: Kind) -> Iterator[str]:
    if kind is Kind.ADDRESS:
        yield r"(?:[^.]+\.){0,2}"
    for number, text in enumerate(re.split(r"\{(\w+)\}", kind.spelling)):
        if number % 2:
            default = rf"{_LABEL}(?:\.{_LABEL})*" if text in _MAY_HAVE_DOTS else _LABEL
            yield f"(?P<{text}>{_PATTERNS.get(text, default)})"
        else:
            yield re.escape(text).replace("_", "_?" if kind is Kind.PORT else "_")


_FIXED = frozenset(kind.spelling for kind in Kind if "{" not in kind.spelling)
#: By whether a name begins with an underscore, and its last label before the zone.
_READERS: dict[tuple[bool, str], list[tuple[Kind, Callable[[str], re.Match[str] | None]]]] = {}
for _kind in Kind:
    if _kind is not Kind.PTR:
        _begins = {_kind.before.startswith("_")}
        if _kind in {Kind.PORT, Kind.ADDRESS}:  # with or without
            _begins = {True, False}
        for _begin in _begins:
            _key = (_begin, _kind.spelling.rpartition(".")[2])
            _READERS.setdefault(_key, []).append((_kind, _reader(_kind)))
