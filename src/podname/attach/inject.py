"""What a pod needs so that it uses pod names: one pure function, for files and for admission alike.

Four ways, from `docs/attach.md`:

* *search*: the namespace's pod domain is a search domain; podname the nameserver if it is given. Short names.
* *inetrc*: only the Erlang VM asks podname, by an inetrc in a ConfigMap. Long names.
* *epmd*: `podname_epmd` finds nodes, by its beams in a ConfigMap. Long names.
* *subdomain*: a headless Service and `subdomain` give each pod a long name that cluster DNS knows.

Nothing that is there is taken away. Where it stands in the way, that is a problem, told with its path. What is done
twice is done once. Pods with the annotation or label `podname.dev/inject: "false"` are left alone.

Source: Kubernetes, DNS for Services and Pods; mix help release; Erlang/OTP erl(1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from podname.attach.containers import Container, chosen
from podname.attach.patch import Path, copied
from podname.attach.place import Nameserver, cluster_searches, pods_domain, service_domain
from podname.attach.release_env import distribution_flags

Way = Literal["search", "inetrc", "epmd", "subdomain"]
WAYS: tuple[Way, ...] = ("search", "inetrc", "epmd", "subdomain")

MARK = "podname.dev/inject"
"""The annotation or label of a pod, or of a namespace, that says whether and how."""

FILES = "/etc/podname"
"""Where the workload's own ConfigMap is mounted: inetrc, remote.vm.args, ssl_dist.conf."""

BEAMS = "/etc/podname-epmd"
CERTIFICATES = "/etc/podname-tls"
BEAMS_NAME = "podname-epmd"
CERTIFICATE_NAME = "podname-tls"

_MOST_SEARCHES = 32
_MOST_SEARCH_CHARACTERS = 2048


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


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose pods they are. `namespace` is empty when nobody says."""

    kind: str
    name: str
    namespace: str = ""
    service: str = ""

    @property
    def files(self) -> str:
        """Give the name of its ConfigMap."""
        return f"{self.name}-podname"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in the way, at a path of the pod template."""

    path: Path
    message: str


@dataclass(slots=True)
class Injected:
    """A pod template as it must be, or what is in the way."""

    template: dict[str, Any]
    problems: list[Problem] = field(default_factory=list)


def is_refused(template: dict[str, Any]) -> bool:
    """Tell a pod that does not want it."""
    metadata = template.get("metadata")
    marks = (
        [metadata.get(key) for key in ("annotations", "labels")]
        if isinstance(metadata, dict)
        else []
    )
    return any(isinstance(mark, dict) and mark.get(MARK) in {"false", False} for mark in marks)


def needs_files(options: Options) -> bool:
    """Tell whether a workload's ConfigMap is needed."""
    fixed = options.port is not None and options.via != "epmd"
    return options.via == "inetrc" or options.tls or fixed


def service_of(options: Options, owner: Owner, spec: dict[str, Any]) -> str:
    """Give the headless Service of the way `subdomain`: the one that is there, or a new one's name."""
    there = owner.service or spec.get("subdomain") or ""
    return str(there) or options.service or f"{owner.name}-nodes"


def domain_of(options: Options, owner: Owner, spec: dict[str, Any], namespace: str) -> str:
    """Give the domain that completes a pod's name."""
    if options.via == "subdomain":
        return service_domain(service_of(options, owner, spec), namespace, options.zone)
    return pods_domain(namespace, options.zone)


def inject(template: dict[str, Any], owner: Owner, options: Options) -> Injected:
    """Give a pod template what it needs for a way."""
    injected = Injected(copied(template))
    spec = injected.template.get("spec")
    if not isinstance(spec, dict):
        injected.problems.append(Problem((), "the pod template has no spec"))
        return injected
    _Injection(injected, spec, owner, options).run()
    return injected


class _Injection:
    def __init__(
        self, injected: Injected, spec: dict[str, Any], owner: Owner, options: Options
    ) -> None:
        self._injected = injected
        self._spec = spec
        self._owner = owner
        self._options = options

    def run(self) -> None:
        self._check_names()
        if not self._owner.namespace and (self._options.via == "search" or self._options.tls):
            self._problem(
                (), "the namespace is needed: write metadata.namespace, or give --namespace"
            )
            return
        if self._options.via == "search":
            self._search()
        if self._options.via == "subdomain":
            self._subdomain()
        for container in chosen(self._injected.template, self._options.containers, self._problem):
            self._environment(container)
            self._mounts(container)

    def _problem(self, path: Sequence[str | int], message: str) -> None:
        self._injected.problems.append(Problem(tuple(path), message))

    def _check_names(self) -> None:
        hostname = self._spec.get("hostname")
        if hostname and not (self._owner.kind == "Pod" and hostname == self._owner.name):
            message = f"hostname is {hostname!r}, and each pod would call itself so: remove it"
            self._problem(("spec", "hostname"), message)
        if self._spec.get("hostNetwork") is True:
            message = "a pod on its node's network is called as the node: remove hostNetwork"
            self._problem(("spec", "hostNetwork"), message)
        if self._spec.get("dnsPolicy") == "Default" and self._options.via in {
            "search",
            "subdomain",
        }:
            message = "dnsPolicy Default asks the node's nameservers, which know no pod: remove it"
            self._problem(("spec", "dnsPolicy"), message)

    def _search(self) -> None:
        if not self._owner.namespace:
            self._problem(
                (),
                "the search domain needs the namespace: write metadata.namespace, or give --namespace",
            )
            return
        config = self._spec.setdefault("dnsConfig", {})
        if not isinstance(config, dict):
            if config is not None:
                self._problem(("spec", "dnsConfig"), "dnsConfig must be a mapping")
                return
            config = self._spec["dnsConfig"] = {}
        wanted = [pods_domain(self._owner.namespace, self._options.zone)]
        if self._options.nameserver is not None:
            wanted += cluster_searches(self._owner.namespace, self._options.zone)
            self._nameserver(config, str(self._options.nameserver.address))
        searches = self._list(config, "searches")
        searches += [domain for domain in wanted if domain not in searches]
        total = len(" ".join(map(str, searches)))
        if len(searches) > _MOST_SEARCHES or total > _MOST_SEARCH_CHARACTERS:
            self._problem(
                ("spec", "dnsConfig", "searches"),
                "Kubernetes takes 32 search domains of 2048 characters together",
            )

    def _nameserver(self, config: dict[str, Any], address: str) -> None:
        servers = self._list(config, "nameservers")
        if address not in servers:
            if servers:
                message = f"{servers[0]} is asked first, and its NXDOMAIN is final: remove it, or give no --nameserver"
                self._problem(("spec", "dnsConfig", "nameservers"), message)
                return
            servers.append(address)
        if self._spec.get("dnsPolicy", "ClusterFirst") != "Default":
            self._spec["dnsPolicy"] = "None"
        settings = self._list(config, "options")
        if not any(
            isinstance(setting, dict) and setting.get("name") == "ndots" for setting in settings
        ):
            settings.append({"name": "ndots", "value": "5"})

    def _list(self, mapping: dict[str, Any], key: str) -> list[Any]:
        value = mapping.get(key)
        if value is None:
            value = mapping[key] = []
        if not isinstance(value, list):
            self._problem(("spec", "dnsConfig", key), f"{key} must be a list")
            return []
        return value

    def _subdomain(self) -> None:
        service = service_of(self._options, self._owner, self._spec)
        if self._options.service not in {"", service}:
            message = f"the pods are in the Service {service!r} already: give --service {service}"
            self._problem(("spec", "subdomain"), message)
        elif not self._owner.service:
            self._spec["subdomain"] = service

    def _environment(self, container: Container) -> None:
        options = self._options
        if options.via == "search":
            container.set("RELEASE_DISTRIBUTION", "sname")
            if options.node:
                container.set("RELEASE_NODE", options.node)
        else:
            container.field("POD_NAME", "metadata.name")
            container.field("POD_NAMESPACE", "metadata.namespace")
            domain = domain_of(options, self._owner, self._spec, "$(POD_NAMESPACE)")
            container.set("RELEASE_DISTRIBUTION", "name")
            container.set("RELEASE_NODE", f"{options.node or container.name}@$(POD_NAME).{domain}")
        if options.via == "inetrc":
            container.set("ERL_INETRC", f"{FILES}/inetrc")
        if options.via == "epmd":
            self._epmd(container)
        elif options.port is not None:
            container.set("RELEASE_REMOTE_VM_ARGS", f"{FILES}/remote.vm.args")
        flags = distribution_flags(None if options.via == "epmd" else options.port)
        tls = distribution_flags(None, f"{FILES}/ssl_dist.conf" if options.tls else "")
        beams = (
            f"-pa {BEAMS} -epmd_module podname_epmd -start_epmd false"
            if options.via == "epmd"
            else ""
        )
        container.flags([part for part in (beams, flags, tls) if part])

    def _epmd(self, container: Container) -> None:
        options = self._options
        container.set(
            "RELEASE_MODE", "interactive"
        )  # else the VM loads no module that is not in the release
        if options.nameserver is not None:
            container.set("PODNAME_DNS", str(options.nameserver))
        if options.port is not None:
            container.set("PODNAME_DIST_PORT", str(options.port))
        if self._owner.namespace:
            container.set("PODNAME_DOMAIN", pods_domain(self._owner.namespace, options.zone))

    def _mounts(self, container: Container) -> None:
        options = self._options
        if needs_files(options):
            container.mount("podname", FILES, {"configMap": {"name": self._owner.files}})
        if options.via == "epmd":
            container.mount("podname-epmd", BEAMS, {"configMap": {"name": BEAMS_NAME}})
        if options.tls:
            container.mount(
                "podname-tls", CERTIFICATES, {"secret": {"secretName": CERTIFICATE_NAME}}
            )
