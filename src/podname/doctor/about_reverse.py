"""Judgements about the way back from the node's address to a name.

Sources: OTP lib/kernel inet_res.erl `gethostbyaddr` (an answer of two PTR records is `nxdomain`); CoreDNS
plugin/kubernetes `serviceRecordForIP` (a record for each Service).
"""

from __future__ import annotations

from podname.doctor.facts import Facts
from podname.doctor.findings import Check, Finding


def ptr(facts: Facts) -> Finding:
    """Judge whether the address leads back to one name."""
    check = Check("ptr")
    pointers = facts.pointers
    if pointers is None:
        return check.unknown("no nameserver was asked for the name of an address")
    if pointers.error:
        return check.unknown(f"{pointers.address} at {pointers.server}: {pointers.error}")
    if not pointers.names:
        return check.holds(f"{pointers.address} has no PTR record; a connection needs none")
    listed = ", ".join(pointers.names)
    if len(pointers.names) == 1:
        return check.holds(f"{pointers.address} is {listed}")
    return check.warns(
        f"{pointers.address} has {len(pointers.names)} PTR records at {pointers.server}: {listed}",
        "inet_res:gethostbyaddr finds nobody then, so who goes from addresses to names (a resolver of dns_cluster's,"
        " RabbitMQ's DNS discovery) connects to nobody; CoreDNS has a record for each Service of a pod",
        "let podname answer with pod_names and without coredns_ptr: it has one; or let one Service select the pod;"
        " or find nodes by SRV records, which need no way back",
    )
