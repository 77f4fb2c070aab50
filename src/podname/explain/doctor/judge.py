"""The checks, in the order in which a connection needs them."""

from __future__ import annotations

from collections.abc import Callable

from podname.explain.doctor import (
    about_access,
    about_names,
    about_pods,
    about_reaching,
    about_resolver,
    about_resolving,
)
from podname.explain.doctor.facts import Facts
from podname.explain.doctor.findings import Finding, Outcome

CHECKS: tuple[Callable[[Facts], Finding], ...] = (
    about_names.own_name,
    about_names.name_form,
    about_resolving.resolves_here,
    about_resolving.right_pod,
    about_resolving.other_side,
    about_names.labels,
    about_pods.subdomain,
    about_pods.readiness,
    about_resolver.resolv_conf,
    about_resolver.inetrc,
    about_resolver.ndots,
    about_resolving.negative_cache,
    about_reaching.port,
    about_reaching.handshake,
    about_reaching.tls,
    about_reaching.cookie,
    about_access.rbac,
)


def judge(facts: Facts) -> list[Finding]:
    """Give the findings, in order. Touches nothing but the facts."""
    return [check(facts) for check in CHECKS]


def all_holds(findings: list[Finding]) -> bool:
    """Whether nothing that could be seen fails."""
    return all(finding.outcome is not Outcome.FAILS for finding in findings)
