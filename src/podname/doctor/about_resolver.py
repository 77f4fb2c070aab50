"""Judgements about the resolver: resolv.conf, the inetrc that may replace it, and the order of its questions.

Sources: resolv.conf(5); OTP inet_db.erl; Kubernetes dnsPolicy.
"""

from __future__ import annotations

from podname.doctor.facts import Facts
from podname.doctor.findings import Check, Finding
from podname.erlang import native_resolver
from podname.erlang.lookup import Lookup

_QUESTIONS_MANY = 3
_OUTSIDE = "the resolver of a pod is not here"


def resolv_conf(facts: Facts) -> Finding:
    """Judge whether there are nameservers, and whether they answer."""
    check = Check("resolv-conf")
    if facts.machine is None or facts.lookup is None:
        return check.unknown(_OUTSIDE)
    conf = facts.machine.resolv_conf
    if facts.here.pod and facts.here.pod.dns_policy == "Default":
        return check.fails(
            f"this pod has dnsPolicy: Default (nameservers {_listed(conf.nameservers)})",
            "it asks the machine's DNS, which knows neither Services nor pods",
            "set dnsPolicy: ClusterFirst (ClusterFirstWithHostNet with hostNetwork) in the pod's template",
        )
    if conf.problem or not conf.nameservers:
        seen = conf.problem or "resolv.conf names no nameserver"
        return _as_bad_as_it_is(check, facts.lookup, seen, "names resolve from /etc/hosts alone")
    silent = {str(each.server): each.error for each in facts.lookup.asked if each.error}
    if silent:
        seen = "; ".join(f"nameserver {server}: {error}" for server, error in silent.items())
        why = "each look-up waits for it first, and a node connects to nobody meanwhile"
        return _as_bad_as_it_is(check, facts.lookup, seen, why)
    search = f", search {' '.join(conf.search)}" if conf.search else ""
    return check.holds(f"nameserver {_listed(conf.nameservers)}{search}")


def _as_bad_as_it_is(check: Check, lookup: Lookup, seen: str, why: str) -> Finding:
    fix = "put the address of the cluster's DNS (or of podname) there: dnsPolicy and dnsConfig of the pod"
    if lookup.addresses:
        return check.warns(seen, why, fix)
    return check.fails(seen, why, fix)


def _listed(servers: object) -> str:
    return ", ".join(map(str, servers)) if isinstance(servers, tuple) and servers else "none"


def inetrc(facts: Facts) -> Finding:
    """Judge whether the Erlang resolver's configuration does what it says."""
    check = Check("inetrc")
    if facts.machine is None:
        return check.unknown(_OUTSIDE)
    found = facts.inetrc
    if found is None:
        return check.holds("none: the C library resolves for connections")
    if found.problem:
        return check.fails(
            found.problem,
            "the node does not start, or starts without it",
            "write one with podname inetrc",
        )
    told = "; ".join([*found.errors, *found.warnings])
    why = "the VM says nothing of it and resolves otherwise than the file tells"
    fix = f"as told there, or write one with podname inetrc; podname inetrc --check {found.path} checks it"
    if found.errors:
        return check.fails(told, why, fix)
    if found.warnings:
        return check.warns(told, "it works, slowly", fix)
    return check.holds(f"{found.path}: {', '.join(found.methods)}")


def ndots(facts: Facts) -> Finding:
    """Judge how many questions the name costs."""
    check = Check("ndots")
    if facts.machine is None or facts.lookup is None:
        return check.unknown(_OUTSIDE)
    conf, host = facts.machine.resolv_conf, facts.node.host
    if facts.inetrc and "dns" in facts.inetrc.methods:
        return check.holds("the inetrc resolves with dns, which has no ndots")
    if not facts.lookup.is_native:
        return check.holds("podname_epmd asks for whole names")
    names = native_resolver.candidates(host, conf)
    if facts.node.is_address:
        return check.holds("an address is asked of nobody")
    found, dots = facts.lookup.found, host.count(".")
    seen = f"ndots {conf.ndots}, {_count(dots, 'dot')} in the host: "
    if found is None or found.name not in names:
        return check.holds(seen + f"up to {_count(len(names), 'question')}")
    at = names.index(found.name)
    seen += _count(at + 1, "question")
    if at >= _QUESTIONS_MANY:
        return check.warns(
            seen,
            "every connection asks all of them again, twice, and waits for each",
            f"set ndots to {dots} in dnsConfig.options of the pod's template"
            if dots
            else "with dnsPolicy: None put the search domain that answers first, or use an inetrc (podname inetrc)",
        )
    return check.holds(seen)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"
