"""Answer with the addresses that Services have outside the cluster.

The names are made when somebody asks, of what `kubernetes` in the same server block knows. The zone's own records
(SOA, NS, the name server's addresses) stand at its apex and below a name of its own, `dns` by default.

Sources: CoreDNS 1.15.0 plugin/k8s_external external.go and apex.go; RFC 2308.
"""

from __future__ import annotations

from collections.abc import Mapping

from podname.corefile import Directive
from podname.dns import constants as c
from podname.dns.addresses import from_reverse
from podname.dns.names import is_subdomain, labels_of, longest_match
from podname.engine.base import Code
from podname.errors import ServeError
from podname.names.external import ExternalNames
from podname.plugins.base import Draft, Next, Plugin, Reply, Request
from podname.plugins.k8s_external.answers import Answers
from podname.plugins.k8s_external.options import Options
from podname.plugins.kubernetes.handler import Kubernetes


class External(Plugin):
    """One `k8s_external` directive."""

    name = "k8s_external"
    is_planned = True  # what comes from behind passes as it is

    def __init__(self, options: Options, directive: Directive) -> None:
        self._options, self._directive = options, directive
        self._zones, self._fallthrough = frozenset(options.zones), frozenset(options.fallthrough)
        self._kubernetes: Kubernetes | None = None
        self._names: ExternalNames | None = None

    # ------------------------------------------------------------------ life

    def link(self, siblings: Mapping[str, Plugin]) -> None:
        """Find the `kubernetes` that knows the Services. Raises CorefileError when there is none."""
        kubernetes = siblings.get("kubernetes")
        if not isinstance(kubernetes, Kubernetes):
            raise self._directive.error("k8s_external needs 'kubernetes' in its server block")
        self._kubernetes = kubernetes

    async def start(self) -> None:
        """Begin to follow the external addresses."""
        if self._kubernetes is not None:
            self._names = ExternalNames(self._kubernetes.names.compiler)

    async def stop(self) -> None:
        """Follow them no longer."""
        if self._names is not None:
            self._names.close()

    def plan(self, draft: Draft) -> None:
        """Ask the engine for the questions in these zones."""
        draft.layers.append(Code(self._options.zones))

    # --------------------------------------------------------------- answers

    async def serve(self, request: Request, next_: Next) -> Reply:
        """Answer in the zones; hand on what is in none, and what is not there and falls through."""
        name = request.query.folded
        zone = longest_match(name, self._zones)
        kubernetes, names = self._kubernetes, self._names
        if zone is None:
            return await next_(request)
        if kubernetes is None or names is None or not kubernetes.names.synced.is_set():
            raise ServeError(c.SERVFAIL, "k8s_external: the cluster has not been read yet")
        await kubernetes.names.idle()
        ttl_seconds = kubernetes.settings.ttl_seconds
        answers = Answers(request, zone, names.serial, self._options, ttl_seconds)
        if name in self._zones:
            return answers.at_apex(self._own_addresses(names))
        if any(is_subdomain(name, self._options.apex + each) for each in self._zones):
            return self._below_apex(answers, names)
        address = from_reverse(name)
        services = names.of_address(address) if address else []
        if services and request.query.qtype == c.PTR:
            return answers.of_services(services)
        entries = names.find(_below(answers), headless=self._options.headless)
        if entries is not None:
            return await answers.of_entries(entries)
        if longest_match(name, self._fallthrough) is not None:
            return await next_(request)
        return answers.denial(c.NOERROR if services else c.NXDOMAIN)

    def _own_addresses(self, names: ExternalNames) -> list[bytes]:
        return names.own_addresses(headless=self._options.headless)

    def _below_apex(self, answers: Answers, names: ExternalNames) -> bytes:
        """Answer at the name that the zone's own records stand below: it has `ns1` there, and nothing else."""
        match _below(answers):
            case [_]:
                return answers.denial()
            case [b"ns1", _]:
                return answers.of_addresses(self._own_addresses(names))
        return answers.denial(c.NXDOMAIN)


def _below(answers: Answers) -> list[bytes]:
    """Return the labels of the question's name below the zone."""
    name = answers.request.query.folded
    return labels_of(name[: len(name) - len(answers.zone)] + b"\x00")
