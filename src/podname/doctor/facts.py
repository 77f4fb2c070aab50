"""What was seen: plain data. A field that says None was not looked at, or could not be.

No cookie is in here, only the beginnings of their hashes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from podname.dns.resolv_conf import ResolvConf
from podname.erlang.asking import Pointers
from podname.erlang.environment import Cookie, Erlang
from podname.erlang.epmd import Epmd
from podname.erlang.handshake import Certificate, Handshake
from podname.erlang.inetrc_effect import Inetrc
from podname.erlang.lookup import Lookup
from podname.erlang.nodename import NodeName


class Where(StrEnum):
    """From where the doctor looks."""

    POD = "pod"  # in a pod: its resolver, its network, its service account
    OUTSIDE = "outside"  # with a kubeconfig: the API server alone
    ALONE = "alone"  # neither: a machine with Erlang nodes, no cluster


@dataclass(frozen=True)
class Machine:
    """Where the doctor runs, when that is a place for nodes."""

    hostname: str
    fqdn: str  # what `hostname -f` prints; empty when it fails
    resolv_conf: ResolvConf
    erlang: Erlang
    cookie: Cookie | None


@dataclass(frozen=True)
class PodView:
    """A pod as the API server shows it."""

    namespace: str
    name: str
    hostname: str = ""  # spec.hostnameOverride, else spec.hostname
    subdomain: str = ""
    addresses: tuple[str, ...] = ()
    phase: str = ""
    is_ready: bool = True
    is_leaving: bool = False
    dns_policy: str = "ClusterFirst"
    searches: tuple[str, ...] = ()  # of its dnsConfig
    environment: tuple[tuple[str, str], ...] = ()  # what names a node, when written out
    cookie: Cookie | None = None
    ports: tuple[tuple[str, int], ...] = ()  # of its containers, by name

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def own_hostname(self) -> str:
        """What `hostname` prints in it: at most 63 characters."""
        return self.hostname or self.name[:63].rstrip("-.")


@dataclass(frozen=True)
class EndpointView:
    """A pod among a Service's endpoints."""

    hostname: str
    is_ready: bool


@dataclass(frozen=True)
class ServiceView:
    """A Service that a name goes through, and how it sees the pod."""

    namespace: str
    name: str
    exists: bool
    is_headless: bool = False
    publishes_not_ready: bool = False
    endpoint: EndpointView | None = None  # None: the pod is not among its endpoints

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True)
class Side:
    """One of the two nodes, as the API server knows it. `pod` is None when there is none, or it may not be seen."""

    pod: PodView | None = None
    service: ServiceView | None = None
    was_searched: bool = False  # the API server was asked, and answered
    namespace: str = ""  # where


@dataclass(frozen=True)
class Api:
    """How the API server treated us."""

    was_reached: bool = False
    problem: str = ""
    forbidden: tuple[str, ...] = ()  # `list pods in default`
    namespace: str = ""


@dataclass(frozen=True)
class Reach:
    """What answered at the address that the node's host resolves to."""

    address: str
    epmd: Epmd | None = None  # None: the port is known without
    handshake: Handshake | None = None
    certificate: Certificate | None = None


@dataclass(frozen=True)
class Facts:
    """All that was seen."""

    where: Where
    node: NodeName
    own: NodeName | None = None
    own_source: str = ""  # what told the own name
    machine: Machine | None = None
    inetrc: Inetrc | None = None
    lookup: Lookup | None = None
    pointers: Pointers | None = None  # of the first address
    there: Side = field(default_factory=Side)
    here: Side = field(default_factory=Side)
    holders: tuple[tuple[str, str], ...] = ()  # an address, and the pod that has it
    reach: Reach | None = None
    api: Api = field(default_factory=Api)
