"""The checks, in the order in which a connection needs them."""

from __future__ import annotations

from collections.abc import Callable

from podname.doctor import (
    about_access,
    about_names,
    about_pods,
    about_reaching,
    about_resolver,
    about_resolving,
    about_reverse,
)
from podname.doctor.facts import Facts, Where
from podname.doctor.findings import Finding, Outcome

CHECKS: tuple[Callable[[Facts], Finding], ...] = (
    about_names.own_name,
    about_names.name_form,
    about_resolving.resolves_here,
    about_resolving.right_pod,
    about_reverse.ptr,
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
    """Return the findings, in order. Touches nothing but the facts."""
    return [check(facts) for check in CHECKS]


def blindness(facts: Facts) -> str:
    """Return why the cluster could not be asked, if that leaves the question open; else nothing.

    From outside, all that is known comes from the API server. Inside, a node that answers by its name needs none.
    """
    is_open = facts.where is Where.OUTSIDE or not about_access.is_reached(facts)
    return facts.api.problem if is_open else ""


def exit_code(facts: Facts, findings: list[Finding]) -> int:
    """Return 0 when nothing fails, 1 when something does, 2 when the cluster could not be asked: nothing is known."""
    if facts.where is Where.OUTSIDE and facts.api.problem:
        return 2
    if any(finding.outcome is Outcome.FAILS for finding in findings):
        return 1
    return 2 if blindness(facts) else 0
