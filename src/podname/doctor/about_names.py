"""Judgements about names by themselves: what a node here is called, the two forms, the lengths.

Sources: OTP net_kernel.erl `create_name`; RFC 1035 §2.3.4; Kubernetes pod hostname (cut to 63 characters).
"""

from __future__ import annotations

from podname.dns.names import LABEL_OCTETS_MAX, NAME_OCTETS_MAX
from podname.doctor.facts import Facts, Machine
from podname.doctor.findings import Check, Finding
from podname.erlang.environment import FORMS
from podname.erlang.nodename import ASSUMED, ENVIRONMENT, NodeName

_TEXT_OCTETS_MAX = NAME_OCTETS_MAX - 2  # without the first length and the root
_FORM = {"long": "-name", "short": "-sname"}


def own_name(facts: Facts) -> Finding:
    """Judge whether a node here can take its name, and whether that is the name of this host."""
    check = Check("own-name")
    own, machine = facts.own, facts.machine
    if own is None:
        return check.unknown("no node on this side", "name one: --from NAME@HOST")
    if machine is None:
        return _own_name_by_pod(check, facts, own)
    if not own.is_long and _is_to_be_long(facts, machine):
        return _no_long_name(check, facts, machine)
    seen = f"{own} ({facts.own_source}); hostname {machine.hostname}, hostname -f {machine.fqdn or 'fails'}"
    known = {machine.hostname, machine.hostname.partition(".")[0], machine.fqdn}
    if own.is_address or own.host in known or own.host.partition(".")[0] in known:
        return check.holds(seen)
    return check.warns(
        seen,
        "the name of a node here is not the name of this host: others must be led here by it all the same",
        "let the node's host be what `hostname` prints, unless the other name is meant",
    )


def _is_to_be_long(facts: Facts, machine: Machine) -> bool:
    """Whether a node here is started with a long name, as far as that is known or guessed."""
    if facts.own_source == ASSUMED:
        return facts.node.is_long
    return facts.own_source == ENVIRONMENT and machine.erlang.form == "long"


def _own_name_by_pod(check: Check, facts: Facts, own: NodeName) -> Finding:
    pod = facts.here.pod
    if pod is None:
        return check.unknown(f"{own}: its pod was not seen")
    if own.is_address or own.host.partition(".")[0] in {pod.own_hostname, pod.name}:
        return check.holds(f"{own} is pod {pod}, whose hostname is {pod.own_hostname}")
    return check.warns(
        f"{own} is pod {pod}, whose hostname is {pod.own_hostname}",
        "by itself a node there takes its hostname for its name",
        f"start it as {own.name}@{pod.own_hostname}, or say -name {own} there",
    )


def _no_long_name(check: Check, facts: Facts, machine: Machine) -> Finding:
    if facts.inetrc and facts.inetrc.domain:
        return check.holds(f"{machine.hostname}.{facts.inetrc.domain}, by the domain of the inetrc")
    seen = f"hostname -f prints {machine.fqdn or 'nothing'}: no domain"
    why = 'with -name and no host the node does not start: "Can\'t set long node name!"'
    fix = (
        "give the pod a spec.subdomain and a headless Service of that name, or an inetrc with"
        ' {domain, "SERVICE.NAMESPACE.svc.cluster.local"}, or the whole name: -name NAME@HOST'
    )
    if facts.own_source == ASSUMED:
        fix = f"if nodes here are given a whole name, tell it: --from NAME@HOST; else {fix}"
        return check.warns(seen, why, fix)
    return check.fails(seen, why, fix)


def name_form(facts: Facts) -> Finding:
    """Judge whether both nodes have names of the same form."""
    check = Check("name-form")
    node, own = facts.node, facts.own
    there = dict(facts.there.pod.environment) if facts.there.pod else {}
    started_as = FORMS.get(there.get("RELEASE_DISTRIBUTION", ""), "")
    if started_as and started_as != node.form:
        return check.fails(
            f"{node} is a {node.form} name, and its pod sets"
            f" RELEASE_DISTRIBUTION={there['RELEASE_DISTRIBUTION']}",
            "a node is found only under the very name that it calls itself",
            f"ask for its {started_as} name, or change RELEASE_DISTRIBUTION in that pod",
        )
    form = _own_form(facts)
    if own is None or not form:
        return check.unknown(f"{node} is a {node.form} name; how nodes here are named is not known")
    if form == node.form:
        return check.holds(f"both are {form} names")
    return check.fails(
        f"nodes here have {form} names ({own}), {node} is a {node.form} one",
        "the VM refuses to dial: "
        + (
            f"** System running to use fully qualified hostnames ** Hostname {node.host} is illegal"
            if form == "long"
            else "** System NOT running to use fully qualified hostnames **"
        ),
        f"start both with {_FORM[node.form]}, or both with {_FORM[form]}",
    )


def _own_form(facts: Facts) -> str:
    if facts.own is None or facts.own_source == ASSUMED:
        return ""
    if facts.machine and facts.own_source == ENVIRONMENT and facts.machine.erlang.form:
        return facts.machine.erlang.form
    return facts.own.form


def labels(facts: Facts) -> Finding:
    """Judge whether all labels of the hosts are possible."""
    check = Check("labels")
    pod = facts.there.pod
    for host in (facts.node.host, facts.own.host if facts.own else ""):
        problem = _problem(host) if host else ""
        if problem:
            return check.fails(
                f"{host}: {problem}",
                "DNS has no such name, and a node whose inetrc looks names up with dns ends when it connects to it",
                _shorter(host, pod.own_hostname if pod and host == facts.node.host else ""),
            )
    if pod and ("." in pod.hostname or len(pod.hostname) > LABEL_OCTETS_MAX):
        return check.warns(
            f"pod {pod} has the hostnameOverride {pod.hostname}, which is not one label",
            "a node there calls itself so, and podname serves no such name",
            f"use the pod's own name, {pod.name}: say -name or -sname there; or a hostnameOverride of one label",
        )
    if pod and len(pod.name) > LABEL_OCTETS_MAX and not pod.hostname:
        return check.warns(
            f"pod {pod} has a name of {len(pod.name)} characters",
            f"in it `hostname` prints the first {LABEL_OCTETS_MAX} of them, and the node is called so",
            f"use {pod.own_hostname}, or shorten the workload's name",
        )
    longest = max(len(label) for label in facts.node.host.split("."))
    return check.holds(f"the longest has {longest} of {LABEL_OCTETS_MAX} characters")


def _problem(host: str) -> str:
    for label in host.removesuffix(".").split("."):
        if not label:
            return "a label is empty"
        if len(label) > LABEL_OCTETS_MAX:
            return f"a label has {len(label)} characters, {LABEL_OCTETS_MAX} are allowed"
    if len(host) > _TEXT_OCTETS_MAX:
        return f"it has {len(host)} characters, {_TEXT_OCTETS_MAX} are allowed"
    return ""


def _shorter(host: str, hostname: str) -> str:
    label, dot, rest = host.partition(".")
    if len(label) > LABEL_OCTETS_MAX:
        short = hostname or label[:LABEL_OCTETS_MAX].rstrip("-")
        return f"the pod's hostname is cut: the host is {short}{dot}{rest}; or shorten the workload's name"
    return "write the pod's name where a label is missing, and no label of more than 63 characters"
