"""The differences about finding peers: SRV records without ports, and additional records beside an answer.

Source: docs/deviations.md, docs/names.md.
"""

from collections.abc import Sequence
from dataclasses import replace

from tests.cluster.oracle.case import Case
from tests.cluster.oracle.messages import NOERROR, Record


def additional_records_without_room(case: Case) -> bool:
    """An answer that fits, but not with all that goes with it: as much as fits and TC there, neither here."""
    one, two = case.reference, case.subject
    return (
        one is not None
        and two is not None
        and one.flags - two.flags == {"TC"}
        and not two.flags - one.flags
        and (one.rcode, one.opcode, one.edns) == (two.rcode, two.opcode, two.edns)
        and bool(two.answer)
        and not two.additional
        and said(case, one.answer) == said(case, two.answer)
        and said(case, one.authority) == said(case, two.authority)
    )


def service_without_ports(case: Case) -> bool:
    """SRV of a headless Service of which no port is known: no data there, its endpoints here."""
    one, two = case.reference, case.subject
    if not ("pod_names" in case.ours and case.kind("SRV") and one and two):
        return False
    if not (len(case.labels) == 3 and case.labels[2] == "svc" and is_headless(case)):
        return False
    service, space = case.labels[:2]
    parents = (f".{service}.{space}.svc.{case.zone}.", f".{space}.pod.{case.zone}.")
    return (
        one.denial
        and one.rcode == two.rcode == NOERROR
        and "AA" in two.flags
        and bool(two.answer)
        and all(
            record.data[2] == 0 and str(record.data[3]).lower().endswith(parents)
            for record in two.answer
        )
    )


def is_headless(case: Case) -> bool:
    """Whether the name is that of a headless Service none of whose slices has a port with a number."""
    service, space = case.labels[:2]
    return any(
        (item["kind"], item["metadata"]["name"].lower(), item["metadata"]["namespace"])
        == ("Service", service, space)
        and item["spec"].get("clusterIP") == "None"
        for item in case.objects
        if item["kind"] == "Service"
    ) and not any(
        port.get("port")
        for item in case.objects
        if item["kind"] == "EndpointSlice" and item["metadata"]["namespace"] == space
        if item["metadata"]["labels"].get("kubernetes.io/service-name") == service
        if any(endpoint.get("addresses") for endpoint in item.get("endpoints") or ())
        for port in item.get("ports") or ()
    )


def said(case: Case, records: Sequence[Record]) -> list[str]:
    """Show records; with `cache`, without their age and case; case goes too where an address has capitals."""
    is_cached = case.variant.has("cache")
    shown = [str(replace(record, ttl=0) if is_cached else record) for record in records]
    has_capitals = any(text != text.lower() for text in case.odd_addresses())
    return sorted(text.lower() if is_cached or has_capitals else text for text in shown)


RULES = [additional_records_without_room, service_without_ports]
