"""Judgement about what the API server allows.

Source: Kubernetes RBAC.
"""

from __future__ import annotations

from podname.doctor.facts import Facts
from podname.doctor.findings import Check, Finding


def rbac(facts: Facts) -> Finding:
    """Judge whether what we looked for may be seen.

    What is forbidden matters when it leaves open why a node is not reached, and to libcluster's `Kubernetes` strategy,
    which lists through the API. A node that answers by its name needs none of it: then this only warns.
    """
    check = Check("rbac")
    api = facts.api
    if api.forbidden:
        seen = f"forbidden: {', '.join(api.forbidden)}"
        why = "what these would have shown is missing above; discovery through the API server sees no more"
        fix = (
            f"in namespace {api.namespace}: kubectl create role podname-doctor --verb=list"
            " --resource=pods,services,endpointslices.discovery.k8s.io, and bind it to this service account or user"
        )
        return check.warns(seen, why, fix) if is_reached(facts) else check.fails(seen, why, fix)
    if api.problem:
        return check.unknown(f"the API server was not asked: {api.problem}")
    return check.holds("nothing was forbidden")


def is_reached(facts: Facts) -> bool:
    """Tell whether the node answered by its name."""
    shaken = facts.reach.handshake if facts.reach else None
    return shaken is not None and shaken.node == str(facts.node)
