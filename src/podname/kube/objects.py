"""The objects that names are made of, stripped to what names need.

A cluster has a hundred thousand of these: a field more costs megabytes. Do not add one without measuring.
`gc=False`: they hold only strings, numbers and tuples, so the cyclic collector need not visit them.

`key` is client-go's `namespace/name`. Hostile or half-filled objects are made harmless when they are read
(`podname.kube.decode`), so every field here has its type, whatever the API server or a file said.

Sources: Kubernetes API v1 (Service, Pod, Namespace), discovery.k8s.io/v1 (EndpointSlice).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Protocol

from msgspec import Struct

#: The number of a port of an EndpointSlice that has none, "all ports": a name, but nothing for an SRV record to say.
ALL_PORTS = -1


class Keyed(Protocol):
    """Whatever a store can hold."""

    @property
    def key(self) -> str:
        """`namespace/name`."""


class Port(Struct, frozen=True, gc=False):
    """A port of a Service or an EndpointSlice. `name` may be empty; `protocol` is TCP, UDP or SCTP."""

    name: str
    protocol: str
    number: int


class Namespace(Struct, frozen=True, gc=False):
    """A namespace that exists."""

    name: str

    @property
    def key(self) -> str:
        """The name alone: namespaces stand in no namespace."""
        return self.name


class Service(Struct, frozen=True, gc=False):
    """A Service. `cluster_ips` is `("None",)` when it is headless and empty when none are assigned."""

    namespace: str
    name: str
    type: str  # ClusterIP, NodePort, LoadBalancer, ExternalName
    cluster_ips: tuple[str, ...]
    external_name: str
    ports: tuple[Port, ...]
    external_ips: tuple[str, ...] = ()  # then its load balancer's, which may be host names

    @property
    def key(self) -> str:
        """`namespace/name`."""
        return f"{self.namespace}/{self.name}"

    @property
    def headless(self) -> bool:
        """Whether its name stands for its endpoints."""
        return self.cluster_ips[:1] == ("None",)


class Endpoint(Struct, frozen=True, gc=False):
    """One ready endpoint of a slice. `pod` is targetRef.name, of whatever kind, `hostname` may be empty."""

    addresses: tuple[str, ...]
    hostname: str
    pod: str


class EndpointSlice(Struct, frozen=True, gc=False):
    """An EndpointSlice, with its ready endpoints only (no condition means ready)."""

    namespace: str
    name: str
    service: str  # the label kubernetes.io/service-name
    address_type: str  # IPv4, IPv6, FQDN
    packed: str  # the endpoints: as objects each would take 250 octets, in this text it takes 40
    ports: tuple[Port, ...]
    changed_at: float = (
        0.0  # when the change happened that it tells of, in seconds since 1970; 0 is unknown
    )

    @staticmethod
    def of(  # noqa: PLR0917  # the fields, in their order
        namespace: str,
        name: str,
        service: str,
        address_type: str,
        endpoints: Iterable[Endpoint],
        ports: tuple[Port, ...],
        changed_at: float = 0.0,
    ) -> EndpointSlice:
        """Make a slice of its endpoints. No text of theirs has a comma, a bar or the end of a line."""
        packed = "\n".join(
            [f"{','.join(each.addresses)}|{each.hostname}|{each.pod}" for each in endpoints]
        )
        return EndpointSlice(namespace, name, service, address_type, packed, ports, changed_at)

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """The endpoints."""
        return unpack(self.packed)

    @property
    def addresses(self) -> list[str]:
        """The addresses of the endpoints, without making these."""
        lines = self.packed.split("\n") if self.packed else ()
        return [text for line in lines for text in line[: line.index("|")].split(",") if text]

    @property
    def key(self) -> str:
        """`namespace/name`."""
        return f"{self.namespace}/{self.name}"

    @property
    def service_key(self) -> str:
        """The key of the Service that it belongs to."""
        return f"{self.namespace}/{self.service}"


class Pod(Struct, frozen=True, gc=False):
    """A pod that is not finished. `addresses` are its `podIPs` as the API server writes them; may be empty.

    `owner` is the workload that made it, as its names spell it: `deploy/web/7bd795854f` (with the revision), `rs/web`
    (of no Deployment), `sts/db`, `ds/log`, `job/import`; empty for a pod of nobody else's. `ports` are those of its
    containers that have a name. `hostname` is what its spec has it call itself, one label; empty where it is its name.
    """

    key: str  # `namespace/name`: stores have it too, so the name alone is what would cost memory
    namespace: str
    packed: str  # the addresses with commas between them: nearly always there is one
    phase: str
    owner: str
    ports: tuple[Port, ...]
    hostname: str = ""
    on_host: bool = False  # its addresses are those of its node

    @staticmethod
    def of(  # noqa: PLR0917  # the fields, in their order
        namespace: str,
        name: str,
        addresses: Iterable[str],
        phase: str,
        owner: str = "",
        ports: tuple[Port, ...] = (),
        hostname: str = "",
        *,
        on_host: bool = False,
    ) -> Pod:
        """Make a pod."""
        key, packed = f"{namespace}/{name}", ",".join(addresses)
        return Pod(key, namespace, packed, phase, owner, ports, hostname, on_host)

    @property
    def name(self) -> str:
        """The name alone."""
        return self.key[len(self.namespace) + 1 :]

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses."""
        return tuple(self.packed.split(",")) if self.packed else ()


Object = Namespace | Service | EndpointSlice | Pod


@lru_cache(maxsize=256)  # a change looks several times at the same few slices
def unpack(packed: str) -> tuple[Endpoint, ...]:
    """Return the endpoints of a slice that are packed in a text."""
    parts = [line.split("|") for line in packed.split("\n")] if packed else []
    return tuple(
        [
            Endpoint(tuple(texts.split(",")) if texts else (), hostname, pod)
            for texts, hostname, pod in parts
        ]
    )
