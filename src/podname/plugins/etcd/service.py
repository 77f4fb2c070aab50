"""A service as SkyDNS writes it into etcd: JSON under a key that is its name backwards.

`/skydns/test/example/www` is `www.example.test`.

Source: CoreDNS 1.15.0 plugin/etcd/msg.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from podname.dns import addresses
from podname.dns.names import from_text

_ANY = frozenset({"*", "any"})


class Value(msgspec.Struct, frozen=True):
    """What stands under a key."""

    host: str = ""
    port: int = 0
    priority: int = 0
    weight: int = 0
    text: str = ""
    mail: bool = False
    ttl: int = 0
    targetstrip: int = 0
    group: str = ""


@dataclass(frozen=True, slots=True)
class Service:
    """A value, its key, and the TTL that its records have."""

    key: str
    value: Value
    ttl_seconds: int

    @property
    def address(self) -> bytes | None:
        """The address that its host is, None for a name."""
        return addresses.parse(self.value.host)

    @property
    def is_alias(self) -> bool:
        """Whether it leads to another name."""
        return self.address is None and not self.value.text

    @property
    def host(self) -> bytes:
        """The name that it leads to. Raises BadName."""
        return from_text(self.value.host)

    def target(self, text: str) -> bytes:
        """Return a name without as many labels as `targetstrip` says; of a shorter one the whole. Raises BadName."""
        name = stripped = from_text(text)
        for _ in range(self.value.targetstrip):
            if len(stripped) == 1:
                return name
            stripped = stripped[1 + stripped[0] :]
        return stripped if len(stripped) > 1 else name

    @property
    def target_of_key(self) -> bytes:
        """The whole name that its key spells. Raises BadName."""
        return from_text(self.domain)

    @property
    def domain(self) -> str:
        """The name that its key spells."""
        parts = self.key.rstrip("/").split("/")
        return ".".join(reversed(parts[2:]))


def path_of(name: str, prefix: str) -> tuple[str, list[str]]:
    """Return the key of a name, up to the first wildcard, and all parts of the key if there is one."""
    labels = [label for label in reversed(name.rstrip(".").split(".")) if label]
    before = next((at for at, label in enumerate(labels) if label in _ANY), len(labels))
    parts = [part for part in prefix.split("/") if part]
    whole = ["", *parts, *labels] if before < len(labels) else []
    return "/" + "/".join([*parts, *labels[:before]]), whole


def fits(key: str, parts: Sequence[str]) -> bool:
    """Return whether a key has these parts, as far as they are not wildcards."""
    found = key.split("/")
    return len(found) >= len(parts) and all(
        part in _ANY or part == other for part, other in zip(parts, found, strict=False)
    )


def grouped(services: Sequence[Service]) -> list[Service]:
    """Return those of one group: the one that the shortest keys with a group name. If these disagree, all."""
    if not services:
        return []
    depths = [service.key.count("/") for service in services]
    group, least = services[0].value.group, depths[0]
    for service, depth in zip(services, depths, strict=True):
        if depth < least:
            if not service.value.group:
                break
            group, least = service.value.group, depth
    if not group:
        return list(services)
    found = []
    for service, depth in zip(services, depths, strict=True):
        if service.value.group and depth == least and service.value.group != group:
            return list(services)
        if service.value.group in {"", group}:
            found.append(service)
    return found


def with_priority(value: Value, least: int) -> Value:
    """Return a value whose priority is the default where it says none."""
    return msgspec.structs.replace(value, priority=value.priority or least)
