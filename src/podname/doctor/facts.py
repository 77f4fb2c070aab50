"""What was seen: plain data. A field that says None was not looked at, or could not be.

No cookie is in here, only the beginnings of their hashes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from podname.doctor.nodename import NodeName

NATIVE = "the C library"


class Where(StrEnum):
    """From where the doctor looks."""

    POD = "pod"  # in a pod: its resolver, its network, its service account
    OUTSIDE = "outside"  # with a kubeconfig: the API server alone
    ALONE = "alone"  # neither: a machine with Erlang nodes, no cluster


@dataclass(frozen=True)
class Nameserver:
    """A nameserver, by address and port."""

    address: str
    port: int = 53

    def __str__(self) -> str:
        return self.address if self.port == 53 else f"{self.address}:{self.port}"


@dataclass(frozen=True)
class ResolvConf:
    """What a resolv.conf says; `problem` when there is none."""

    nameservers: tuple[Nameserver, ...] = ()
    search: tuple[str, ...] = ()
    domain: str = ""
    ndots: int = 1
    problem: str = ""


@dataclass(frozen=True)
class Cookie:
    """Where a cookie comes from, and the beginning of its SHA-256."""

    source: str
    digest: str


@dataclass(frozen=True)
class Erlang:
    """How nodes here are started, by the environment: a release's variables and the emulator's flags."""

    form: str = ""  # "long", "short" or unknown
    node: str = ""  # as given: `name` or `name@host`
    fixed_port: int = 0  # -erl_epmd_port
    epmd_port: int = 4369
    family: str = "inet"  # or inet6
    is_tls: bool = False
    inetrc: str = ""  # the file's path
    epmd_module: str = ""


@dataclass(frozen=True)
class Machine:
    """Where the doctor runs, when that is a place for nodes."""

    hostname: str
    fqdn: str  # what `hostname -f` prints; empty when it fails
    resolv_conf: ResolvConf
    erlang: Erlang
    cookie: Cookie | None


@dataclass(frozen=True)
class Asked:
    """A question to a nameserver and what came back; `error` when nothing did."""

    server: Nameserver
    name: str
    rcode: str = ""
    addresses: tuple[str, ...] = ()
    negative_ttl_seconds: int | None = None  # of the SOA in a negative answer
    error: str = ""


@dataclass(frozen=True)
class Lookup:
    """A host resolved as a node here does it, and the questions that this takes, one by one.

    `past_caches` are the negative ones, asked again in a way for which CoreDNS's cache keeps another entry.
    """

    host: str
    addresses: tuple[str, ...]
    error: str = ""
    by: str = NATIVE
    asked: tuple[Asked, ...] = ()
    past_caches: tuple[Asked, ...] = ()
    port: int = 0  # which whoever told the address told, too

    @property
    def is_native(self) -> bool:
        """Whether the C library decides, with resolv.conf."""
        return self.by == NATIVE

    @property
    def found(self) -> Asked | None:
        """The first question that was answered with an address."""
        return next((each for each in self.asked if each.addresses), None)


@dataclass(frozen=True)
class Pointers:
    """The PTR records of an address, as a nameserver gives them; `error` when it did not answer."""

    server: Nameserver
    address: str
    names: tuple[str, ...] = ()
    error: str = ""


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
class Epmd:
    """What the port mapper at an address said."""

    port: int
    names: tuple[str, ...] = ()
    node_port: int = 0
    error: str = ""


@dataclass(frozen=True)
class Handshake:
    """The beginning of a distribution handshake."""

    port: int
    is_tls: bool = False
    error: str = ""  # no connection, or no node
    status: str = ""
    node: str = ""  # what it calls itself
    cookie_accepted: bool | None = None


@dataclass(frozen=True)
class Certificate:
    """The names in a node's certificate; `error` when it could not be read."""

    names: tuple[str, ...] = ()
    error: str = ""


@dataclass(frozen=True)
class Reach:
    """What answered at the address that the node's host resolves to."""

    address: str
    epmd: Epmd | None = None  # None: the port is known without
    handshake: Handshake | None = None
    certificate: Certificate | None = None


@dataclass(frozen=True)
class Inetrc:
    """The Erlang resolver's own configuration: what was found in it, and what is in effect after all."""

    path: str
    problem: str = ""
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    domain: str = ""
    methods: tuple[str, ...] = ("native",)  # how hosts are resolved, in order
    nameservers: tuple[Nameserver, ...] = ()
    alternatives: tuple[Nameserver, ...] = ()
    search: tuple[str, ...] = ()


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
