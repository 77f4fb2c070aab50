"""What a pod needs so that it uses pod names: one pure function, for files and for admission alike.

Four ways, from `docs/attach.md`:

* *search*: the namespace's pod domain is a search domain; podname the nameserver if it is given. Short names.
* *inetrc*: only the Erlang VM asks podname, by an inetrc in a ConfigMap. Long names.
* *epmd*: `podname_epmd` finds nodes, by its beams in a ConfigMap. Long names.
* *subdomain*: a headless Service and `subdomain` give each pod a long name that cluster DNS knows.

Nothing that is there is taken away. Where it stands in the way, that is a problem, told with its path. What is done
twice is done once. Pods with the annotation or label `podname.dev/inject: "false"` are left alone. What was chosen
because nobody said it (a container, a node's name) is a note.

With `dns_over_tcp` the VM asks DNS over TCP, by an inetrc that needs no object beside the pod: it is an annotation, and
a volume of the downward API makes a file of it.

Source: Kubernetes, DNS for Services and Pods, Downward API; mix help release; Erlang/OTP erl(1); erlang/otp#11114.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from podname.attach import dns_config
from podname.attach.containers import Container, chosen
from podname.attach.hostname import fqdn_problem, hostname_problems
from podname.attach.naming import Called, Naming
from podname.attach.patch import Path, copied
from podname.attach.ways import (
    BEAMS,
    BEAMS_NAME,
    CERTIFICATE_NAME,
    CERTIFICATES,
    FILES,
    INETRC,
    INETRC_ANNOTATION,
    MARK,
    OVER_TCP,
    Options,
    Owner,
    needs_files,
    service_of,
)
from podname.erlang.domains import pods_domain
from podname.erlang.release_env import distribution_flags


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in the way, at a path of the pod template."""

    path: Path
    message: str


@dataclass(slots=True)
class Injected:
    """A pod template as it must be, or what is in the way; and what somebody may want otherwise."""

    template: dict[str, Any]
    problems: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)


_ADDED = {"Deployment": 17, "StatefulSet": 2}
"""Characters behind a workload's name in the names of its pods, such as -7bd795854f-298qd; other kinds add -298qd."""


def is_refused(template: dict[str, Any]) -> bool:
    """Tell a pod that does not want it."""
    metadata = template.get("metadata")
    marks = (
        [metadata.get(key) for key in ("annotations", "labels")]
        if isinstance(metadata, dict)
        else []
    )
    return any(isinstance(mark, dict) and mark.get(MARK) in {"false", False} for mark in marks)


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
            dns_config.search(self._spec, self._owner, self._options, self._problem)
        if self._options.via == "subdomain":
            self._subdomain()
        if self._options.dns_over_tcp and self._options.via != "inetrc":
            self._annotation()
        naming = Naming(self._spec, self._owner, self._options)
        for container in chosen(self._injected.template, self._options.containers, self._problem):
            called = naming.name(container)
            self._environment(container)
            self._mounts(container)
            self._note(container, called)

    def _problem(self, path: Sequence[str | int], message: str) -> None:
        self._injected.problems.append(Problem(tuple(path), message))

    def _check_names(self) -> None:
        owner = self._owner
        for key, message in hostname_problems(
            self._spec, owner.kind, is_indexed=owner.is_indexed, is_short=not self._options.is_long
        ):
            self._problem(("spec", key), message)
        if self._spec.get("hostNetwork") is True:
            message = "a pod on its node's network is called as the node: remove hostNetwork"
            self._problem(("spec", "hostNetwork"), message)
        if self._spec.get("dnsPolicy") == "Default" and self._options.via in {
            "search",
            "subdomain",
        }:
            message = "dnsPolicy Default asks the node's nameservers, which know no pod: remove it"
            self._problem(("spec", "dnsPolicy"), message)

    def _subdomain(self) -> None:
        service = service_of(self._options, self._owner, self._spec)
        if self._options.service not in {"", service}:
            message = f"the pods are in the Service {service!r} already: give --service {service}"
            self._problem(("spec", "subdomain"), message)
        elif not self._owner.service:
            self._check_fqdn(service)
            self._spec["subdomain"] = service

    def _check_fqdn(self, service: str) -> None:
        owner = self._owner
        single = str(self._spec.get("hostname") or owner.name)
        longest = (
            len(single) if owner.kind == "Pod" else len(owner.name) + _ADDED.get(owner.kind, 6)
        )
        domain = pods_domain(owner.namespace, self._options.zone, service)
        message = fqdn_problem(self._spec, longest, domain)
        if message:
            self._problem(("spec", "setHostnameAsFQDN"), message)

    def _annotation(self) -> None:
        """Write the inetrc that the downward API makes a file of."""
        metadata = self._injected.template.setdefault("metadata", {})
        annotations = metadata.setdefault("annotations", {}) if isinstance(metadata, dict) else None
        if not isinstance(annotations, dict):
            self._problem(("metadata",), "metadata and its annotations must be mappings")
        elif annotations.setdefault(INETRC_ANNOTATION, OVER_TCP) != OVER_TCP:
            message = f"the annotation {INETRC_ANNOTATION} must be {OVER_TCP!r}: remove it"
            self._problem(("metadata", "annotations", INETRC_ANNOTATION), message)

    def _environment(self, container: Container) -> None:
        options = self._options
        if options.via == "inetrc":
            container.set("ERL_INETRC", f"{FILES}/inetrc")
        elif options.dns_over_tcp:
            self._over_tcp(container)
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

    def _over_tcp(self, container: Container) -> None:
        own = container.meanings().get("ERL_INETRC")
        if own in {None, f"{INETRC}/inetrc"}:
            container.set("ERL_INETRC", f"{INETRC}/inetrc")
        else:
            message = f"is a file of your own: write {OVER_TCP} into it, and give --no-dns-over-tcp"
            container.refuse("ERL_INETRC", message)

    def _epmd(self, container: Container) -> None:
        options = self._options
        # else the VM loads no module that is not in the release
        container.set("RELEASE_MODE", "interactive")
        if options.nameserver is not None:
            container.set("PODNAME_DNS", str(options.nameserver))
        if options.port is not None:
            container.set("PODNAME_DIST_PORT", str(options.port))
        if self._owner.namespace:
            container.set("PODNAME_DOMAIN", pods_domain(self._owner.namespace, options.zone))

    def _note(self, container: Container, called: Called) -> None:
        """Tell what nobody had said: which container was taken, and how its node is called."""
        several = bool(container.others) and not self._options.containers
        taken = f"{container.name} is taken, not {container.others}: --container takes another"
        if several or called.is_guess:
            told = "; ".join([taken] * several + [called.text])
            self._injected.notes.append(Problem(container.path, told))

    def _mounts(self, container: Container) -> None:
        options = self._options
        if options.dns_over_tcp and options.via != "inetrc":
            source = {
                "path": "inetrc",
                "fieldRef": {"fieldPath": f"metadata.annotations[{INETRC_ANNOTATION!r}]"},
            }
            container.mount("podname-inetrc", INETRC, {"downwardAPI": {"items": [source]}})
        if needs_files(options):
            container.mount("podname", FILES, {"configMap": {"name": self._owner.files}})
        if options.via == "epmd":
            container.mount("podname-epmd", BEAMS, {"configMap": {"name": BEAMS_NAME}})
        if options.tls:
            container.mount(
                "podname-tls", CERTIFICATES, {"secret": {"secretName": CERTIFICATE_NAME}}
            )
