"""The four ways to attach a workload: how it is asked for, whose pods they are, and which names come of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from podname.dns.nameserver import Nameserver
from podname.erlang.domains import pods_domain

Way = Literal["search", "inetrc", "epmd", "subdomain"]
WAYS: tuple[Way, ...] = ("search", "inetrc", "epmd", "subdomain")

MARK = "podname.dev/inject"
"""The annotation or label of a pod, or of a namespace, that says whether and how."""

FILES = "/etc/podname"
"""Where the workload's own ConfigMap is mounted: inetrc, remote.vm.args, ssl_dist.conf."""

BEAMS = "/etc/podname-epmd"
CERTIFICATES = "/etc/podname-tls"
INETRC = "/etc/podname-inetrc"
INETRC_ANNOTATION = "podname.dev/inetrc"
OVER_TCP = "{usevc, true}. {timeout, 300}."
"""The inetrc of `dns_over_tcp`. The VM looks names up as before; only how it asks DNS changes. Over TCP it waits five
times as long as `timeout` says: with 300 a nameserver that is silent costs what it cost before, 9 s."""
BEAMS_NAME = "podname-epmd"
CERTIFICATE_NAME = "podname-tls"


@dataclass(frozen=True, slots=True)
class Options:
    """How workloads are attached. `node` is what stands before the @, a container's name if it is empty."""

    via: Way
    nameserver: Nameserver | None = None
    zone: str = "cluster.local"
    node: str = ""
    containers: tuple[str, ...] = ()
    port: int | None = None
    service: str = ""
    tls: bool = False
    publish: bool = False
    dns_over_tcp: bool = False

    @property
    def is_long(self) -> bool:
        """Whether nodes have long names."""
        return self.via != "search"


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose pods they are. `namespace` is empty when nobody says; the pods of an Indexed Job are `is_indexed`."""

    kind: str
    name: str
    namespace: str = ""
    service: str = ""
    is_indexed: bool = False

    @property
    def files(self) -> str:
        """Return the name of its ConfigMap."""
        return f"{self.name}-podname"


def needs_files(options: Options) -> bool:
    """Tell whether a workload's ConfigMap is needed."""
    fixed = options.port is not None and options.via != "epmd"
    return options.via == "inetrc" or options.tls or fixed


def service_of(options: Options, owner: Owner, spec: dict[str, Any]) -> str:
    """Return the headless Service of the way `subdomain`: the one that is there, or a new one's name."""
    there = owner.service or spec.get("subdomain") or ""
    return str(there) or options.service or f"{owner.name}-nodes"


def domain_of(options: Options, owner: Owner, spec: dict[str, Any], namespace: str) -> str:
    """Return the domain that completes a pod's name."""
    service = service_of(options, owner, spec) if options.via == "subdomain" else ""
    return pods_domain(namespace, options.zone, service)
