"""Judgements about pods and Services, by what the API server says of them.

Sources: Kubernetes "DNS for Services and Pods" (hostname, subdomain); EndpointSlice controller.
"""

from __future__ import annotations

from collections.abc import Iterator

from podname.doctor import pod_host
from podname.doctor.facts import Facts, Side
from podname.doctor.findings import Check, Finding
from podname.doctor.pod_host import Kind, PodHost


def subdomain(facts: Facts) -> Finding:
    """Judge whether there is a Service behind a name that goes through one, with the pod in it."""
    check = Check("subdomain")
    held = []
    for meant, side in _sides(facts):
        finding = _subdomain(check, facts, meant, side)
        if isinstance(finding, Finding):
            return finding
        held.append(finding)
    return _together(check, facts, held)


def _subdomain(check: Check, facts: Facts, meant: PodHost, side: Side) -> Finding | str:
    """Judge one side: what fails, or what holds."""
    pod, service = side.pod, side.service
    if meant.kind is not Kind.SERVICE and not (pod and pod.subdomain and service):
        return f"the name of {pod} goes through no Service" if pod else ""
    if service is None:
        return ""
    if not service.exists:
        return check.fails(
            f"there is no Service {service}",
            "a pod's subdomain is a name only together with a headless Service that is called the same",
            f"create it: kubectl create service clusterip {service.name} --clusterip=None"
            f" --namespace {service.namespace}, with the pods' labels as its selector",
        )
    if pod is None:
        return ""
    if service.endpoint is None:
        return check.fails(
            f"pod {pod} is not among the endpoints of Service {service}",
            "the Service's selector does not match the pod's labels",
            f"compare: kubectl get service {service.name} --namespace {service.namespace} -o wide;"
            f" kubectl get pod {pod.name} --namespace {pod.namespace} --show-labels",
        )
    is_published = service.endpoint.hostname == meant.label
    if meant.kind is Kind.SERVICE and not is_published and _is_unresolved(facts, meant):
        return check.fails(
            f"Service {service} lists pod {pod} without the hostname {meant.label}"
            f" (spec.hostname {pod.hostname or 'is not set'}, spec.subdomain {pod.subdomain or 'is not set'})",
            "then only podname, or CoreDNS with endpoint_pod_names, has a name for it under the Service",
            "add endpoint_pod_names to the Corefile, or ask podname, or let podname publish it, or set"
            f" spec.hostname and spec.subdomain: {service.name} (the same for all pods of a Deployment)",
        )
    return f"pod {pod} is in Service {service}"


def _is_unresolved(facts: Facts, meant: PodHost) -> bool:
    """Whether it was tried to resolve this host, in vain."""
    lookup = facts.lookup
    return lookup is not None and not lookup.addresses and pod_host.read(lookup.host) == meant


def readiness(facts: Facts) -> Finding:
    """Judge whether a name that needs a ready pod has one."""
    check = Check("readiness")
    held = []
    for meant, side in _sides(facts):
        pod, service = side.pod, side.service
        if pod is None:
            continue
        state = "ready" if pod.is_ready else "not ready"
        if meant.kind is not Kind.SERVICE:
            held.append(f"pod {pod} is {state}, which its name does not need")
        elif service and service.endpoint and not service.endpoint.is_ready:
            return check.fails(
                f"pod {pod} is not ready, and Service {service} publishes only ready pods",
                "its name answers NXDOMAIN until the pod is ready, which may itself wait for the cluster to form",
                f"set publishNotReadyAddresses: true on Service {service.name}, or use the pod's own name"
                " <pod>.<namespace>.pod.<zone>, which podname answers in any state",
            )
        else:
            held.append(f"pod {pod} is {state}")
    return _together(check, facts, held)


def _sides(facts: Facts) -> Iterator[tuple[PodHost, Side]]:
    yield pod_host.read(facts.node.host), facts.there
    if facts.own and facts.own != facts.node:
        yield pod_host.read(facts.own.host), facts.here


def _together(check: Check, facts: Facts, held: list[str]) -> Finding:
    told = [each for each in dict.fromkeys(held) if each]
    if told:
        return check.holds("; ".join(told))
    return check.unknown(
        "no pod was found" if facts.there.was_searched else "the API server did not show the pods"
    )
