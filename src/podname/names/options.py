"""What shapes the names of a cluster, as the `kubernetes` directive says it.

Source: CoreDNS plugin/kubernetes README; docs/names.md for what podname adds.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from podname.dns.names import is_subdomain, longest_match

_REVERSE = (b"\x07in-addr\x04arpa\x00", b"\x03ip6\x04arpa\x00")


@dataclass(frozen=True)
class ZoneOptions:
    """The options of one `kubernetes` directive that decide which names there are.

    `zones` are folded origins in the order of the file; at least one is no reverse zone. `ttl_seconds` is what records
    leave with, after any cap that `cache` puts on them; `version_ttl_seconds` is that of `dns-version.<zone>`, and
    `pod_ttl_seconds` that of names that `pod_names` adds for pods and for lists of pods.
    """

    zones: tuple[bytes, ...]
    ttl_seconds: int = 5
    version_ttl_seconds: int = 28800
    pod_ttl_seconds: int = 5
    namespaces: frozenset[str] = frozenset()
    pods: str = "disabled"  # disabled, insecure, verified
    endpoint_pod_names: bool = False
    pod_names: bool = False
    coredns_ptr: bool = False  # an address has a PTR record for each of its endpoints
    ignore_empty_service: bool = False
    endpoints: bool = True
    local_addresses: tuple[bytes, ...] = ()  # of this server, for the NS records

    @cached_property
    def forward_zones(self) -> tuple[bytes, ...]:
        """The zones that hold Services and pods."""
        return tuple(z for z in self.zones if not is_reverse(z))

    @cached_property
    def reverse_zones(self) -> tuple[bytes, ...]:
        """The zones that hold PTR records. Their labels are numbers, so a name's octets end in one only below it."""
        return tuple(z for z in self.zones if is_reverse(z))

    @property
    def primary_zone(self) -> bytes:
        """The zone that PTR records point into: the first forward one."""
        return self.forward_zones[0]

    @cached_property
    def _zone_set(self) -> frozenset[bytes]:
        return frozenset(self.zones)

    def zone_of(self, owner: bytes) -> bytes | None:
        """Return the longest zone that `owner` is in."""
        return longest_match(owner, self._zone_set)

    @property
    def one_ptr(self) -> bool:
        """Whether an address has one PTR record, its best name."""
        return self.pod_names and not self.coredns_ptr

    @property
    def watches_pods(self) -> bool:
        """Whether any name depends on pods themselves."""
        return self.pod_names or self.pods == "verified"

    def configured(self, namespace: str) -> bool:
        """Return whether `namespaces` lets this one through."""
        return not self.namespaces or namespace in self.namespaces


def is_reverse(zone: bytes) -> bool:
    """Return whether a zone is in-addr.arpa, ip6.arpa or below one of them."""
    return any(is_subdomain(zone, reverse) for reverse in _REVERSE)
