"""Judgements about what the node's host resolves to, here and for the other pod.

Sources: Kubernetes "DNS for Services and Pods"; RFC 2308 (negative caching); CoreDNS plugin/cache.
"""

from __future__ import annotations

from podname.doctor import pod_host
from podname.doctor.facts import Facts, PodView
from podname.doctor.findings import Check, Finding
from podname.doctor.pod_host import Kind, PodHost
from podname.erlang.asking import Asked
from podname.erlang.lookup import Lookup

_ZONE = "cluster.local"


def resolves_here(facts: Facts) -> Finding:
    """Judge whether the host has an address here."""
    check = Check("resolves-here")
    lookup = facts.lookup
    if lookup is None:
        return check.unknown(f"{facts.node.host} is not asked from outside the cluster")
    if lookup.addresses:
        return check.holds(f"{lookup.host} is {', '.join(lookup.addresses)}{_by(lookup)}")
    said = "; ".join(f"{each.name} at {each.server}: {_said(each)}" for each in lookup.asked)
    seen = f"{lookup.host} does not resolve by {lookup.by} ({lookup.error}){'; ' + said if said else ''}"
    module = facts.machine.erlang.epmd_module if facts.machine else ""
    if module and module != "erl_epmd" and lookup.is_native:
        why = f"nodes here find others by -epmd_module {module}, whose way is not known"
        return check.warns(seen, why, f"ask it: {module}:address_please(Name, Host, inet)")
    return check.fails(
        seen,
        "a node asks for the host of each node that it connects to",
        _of_module(facts)
        if lookup.by.startswith("podname_epmd")
        else _to_resolve(pod_host.read(lookup.host), facts),
    )


def _of_module(facts: Facts) -> str:
    """Return what podname_epmd needs."""
    if facts.lookup and not facts.lookup.asked:
        return "bind the Role of clients/erlang/role.yaml to the pod's service account; see right-pod and rbac"
    return (
        "let PODNAME_DNS name podname (with pod_names), and PODNAME_DOMAIN the domain of this namespace's pods, where"
        " resolv.conf does not say so"
    )


def _by(lookup: Lookup) -> str:
    """Return who told the address."""
    if lookup.host in lookup.addresses:
        return ""
    if lookup.found is None:
        nobody = ", and no nameserver that was asked: it stands in /etc/hosts"
        return f", by {lookup.by}" + (nobody if lookup.is_native else "")
    name = f"{lookup.found.name} " if lookup.found.name != lookup.host else ""
    return f", {name}at {lookup.found.server}"


def _said(asked: Asked) -> str:
    return asked.error or ("no address" if asked.rcode == "NOERROR" else asked.rcode)


def _to_resolve(meant: PodHost, facts: Facts) -> str:
    """Return what makes a host of this kind resolve."""
    namespace = facts.there.namespace or "<namespace>"
    if meant.kind is Kind.SHORT:
        return (
            f"put the search domain {namespace}.pod.{_zone(facts)} into dnsConfig.searches of the pods' template,"
            " and let podname answer for it"
        )
    if meant.kind is Kind.POD:
        return (
            "names of this form are podname's (pod_names): let cluster DNS forward"
            f" pod.{meant.zone or _ZONE} to it, or attach the pod by dnsConfig or inetrc"
        )
    if meant.kind is Kind.SERVICE:
        return (
            "see subdomain, readiness and negative-cache below; if those hold, the pod has no hostname under the"
            " Service: add endpoint_pod_names to the Corefile, or ask podname, or let podname publish it"
        )
    return (
        "name the node by a host that the cluster's DNS knows, such as <pod>.<namespace>.pod.<zone>"
    )


def _zone(facts: Facts) -> str:
    """Guess the cluster's zone by the search domains that the kubelet writes."""
    search = facts.machine.resolv_conf.search if facts.machine else ()
    return next((each[4:] for each in search if each.startswith("svc.")), _ZONE)


def right_pod(facts: Facts) -> Finding:
    """Judge whether the address is the one of the pod that the name means."""
    check = Check("right-pod")
    pod, meant = facts.there.pod, pod_host.read(facts.node.host)
    if not facts.there.was_searched:
        return check.unknown("the API server did not show the pods")
    if pod is None:
        return _no_pod(check, facts, meant)
    if pod.is_leaving or not pod.addresses or pod.phase in {"Succeeded", "Failed"}:
        return check.fails(
            f"pod {pod} is {'being deleted' if pod.is_leaving else pod.phase or 'not placed'}"
            f" and has {'the address ' + ', '.join(pod.addresses) if pod.addresses else 'no address'}",
            "there is no node to reach, or not for long",
            f"kubectl describe pod {pod.name} --namespace {pod.namespace}",
        )
    return _same_address(check, facts, pod)


def _no_pod(check: Check, facts: Facts, meant: PodHost) -> Finding:
    holders = ", ".join(f"{address} is {pod or 'no pod'}" for address, pod in facts.holders)
    if meant.kind is Kind.OTHER:
        return check.unknown(
            f"{facts.node.host} is no name of a pod{'; ' + holders if holders else ''}"
        )
    return check.fails(
        f"no pod in namespace {facts.there.namespace} is {meant.label}{'; ' + holders if holders else ''}",
        "the name may be of a pod that a rollout has replaced, or of another namespace",
        f"kubectl get pods --namespace {facts.there.namespace} -o wide",
    )


def _same_address(check: Check, facts: Facts, pod: PodView) -> Finding:
    lookup = facts.lookup
    has = f"pod {pod} has {', '.join(pod.addresses)}"
    if lookup is None:
        return check.holds(has)
    if not lookup.addresses:
        return check.unknown(f"{has}; the name does not resolve")
    wrong = [address for address in lookup.addresses if address not in pod.addresses]
    if not wrong:
        return check.holds(f"{lookup.addresses[0]} is pod {pod}")
    holders = dict(facts.holders)
    whose = ", ".join(f"{each} is {holders.get(each) or 'no pod that is seen'}" for each in wrong)
    return check.fails(
        f"{has}, but the name resolves to {', '.join(lookup.addresses)}: {whose}",
        "the connection goes to another pod, whose node has another name and refuses it, or to nobody",
        "look for the name in /etc/hosts (hostAliases), in a `hosts` or `rewrite` of the Corefile, and among Endpoints"
        " written by hand; a cached answer of a StatefulSet's former pod ends with its TTL",
    )


def other_side(facts: Facts) -> Finding:
    """Judge whether the other pod will find this side by its name."""
    check = Check("other-side")
    pod, own = facts.there.pod, facts.own
    if pod is None or own is None or not own.host:
        return check.unknown("its pod is not seen" if pod is None else "no node on this side")
    if own.is_address or own == facts.node:
        return check.holds("needs to resolve nothing")
    if pod.dns_policy == "Default":
        return check.fails(
            f"pod {pod} has dnsPolicy: Default",
            "it asks the machine's DNS, which knows neither Services nor pods; it can be called, and cannot call",
            "set dnsPolicy: ClusterFirst in its template",
        )
    domain = _search_domain(facts)
    if not own.is_long and domain and domain not in _domains_of(pod, _zone(facts)):
        return check.fails(
            f"short names resolve here by the search domain {domain}, which pod {pod} does not have",
            "it can be called by its short name, and cannot call others by theirs",
            f"put {domain} into dnsConfig.searches of its template, too",
        )
    return _published(check, facts, pod)


def _published(check: Check, facts: Facts, pod: PodView) -> Finding:
    own, service = facts.own, facts.here.service
    if own and service and pod_host.read(own.host).kind is Kind.SERVICE:
        endpoint = service.endpoint
        if endpoint is None or not endpoint.is_ready:
            return check.fails(
                f"{own.host} is not published: "
                + ("not ready in Service " if endpoint else "not among the endpoints of Service ")
                + str(service),
                f"pod {pod} cannot call back",
                "see subdomain and readiness",
            )
    return check.holds(f"pod {pod} resolves as this side does (dnsPolicy {pod.dns_policy})")


def _search_domain(facts: Facts) -> str:
    """Return the search domain by which a short name was found here."""
    found = facts.lookup.found if facts.lookup else None
    if found is None or facts.node.is_long or (facts.lookup and not facts.lookup.is_native):
        return ""
    return found.name.removeprefix(f"{facts.node.host}.") if found.name != facts.node.host else ""


def _domains_of(pod: PodView, zone: str) -> set[str]:
    usual = {f"{pod.namespace}.svc.{zone}", f"svc.{zone}", zone} - {""}
    given = {each.rstrip(".") for each in pod.searches}
    return given if pod.dns_policy == "None" else usual | given


def negative_cache(facts: Facts) -> Finding:
    """Judge whether a cache repeats that the name does not exist, although it does by now."""
    check = Check("negative-cache")
    lookup = facts.lookup
    if lookup is None:
        return check.unknown("the resolver of a pod is not here")
    if lookup.addresses:
        return check.holds("the name is answered")
    past = next((each for each in lookup.past_caches if each.addresses), None)
    negative = [each for each in lookup.asked if each.negative_ttl_seconds is not None]
    if past is not None:
        said = next(each for each in negative if each.name == past.name)
        return _cached(check, said, f"asked past its cache it says {', '.join(past.addresses)}")
    if negative and _is_due(facts):
        said = next((each for each in negative if each.name == lookup.host), negative[0])
        return _cached(check, said, f"the API server has pod {facts.there.pod} under that name")
    if not negative:
        return check.unknown("no negative answer that could be cached")
    return check.holds("the negative answers are no cache's, as far as can be seen")


def _is_due(facts: Facts) -> bool:
    """Whether any DNS server that follows the API server has to answer this name."""
    meant, service = pod_host.read(facts.node.host), facts.there.service
    endpoint = service.endpoint if service else None
    return (
        meant.kind is Kind.SERVICE
        and endpoint is not None
        and endpoint.is_ready
        and endpoint.hostname == meant.label
    )


def _cached(check: Check, said: Asked, but: str) -> Finding:
    return check.fails(
        f"{said.server} says {_said(said)} for {said.name}, yet {but}",
        "somebody asked before the name was there, and a cache repeats the answer"
        f" for up to {said.negative_ttl_seconds} s",
        f"wait {said.negative_ttl_seconds} s; against the next time: `cache {{ denial 9984 2 }}` (or"
        " `disable denial <zone>`) in the Corefile, names that need no readiness, or podname, whose cache holds none"
        " of the cluster's names",
    )
