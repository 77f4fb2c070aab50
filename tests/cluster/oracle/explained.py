"""The differences that docs/deviations.md explains, each as a narrow rule with a name.

A rule knows the type and the shape of the question and both replies, and asks CoreDNS itself whether
a name exists. What no rule knows is a bug, in podname or in the document.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

from tests.cluster.oracle.case import Case
from tests.cluster.oracle.comparing import differences
from tests.cluster.oracle.messages import NOERROR, NXDOMAIN, Reply
from tests.cluster.oracle.names import spelled


def text_at_a_name_that_exists(case: Case) -> bool:
    """TXT at a name that exists: NXDOMAIN there (or the next plugin), no data here."""
    return (
        case.kind("TXT")
        and is_no_data(case.subject)
        and (case.says(NXDOMAIN, NOERROR) or case.passed_on(case.reference))
        and case.is_known()
    )


def name_with_names_below(case: Case) -> bool:
    """A name that only has names below it: NXDOMAIN there, no data here."""
    return case.says(NXDOMAIN, NOERROR) and not case.is_known() and case.has_names_below()


def other_types_at_a_name(case: Case) -> bool:
    """Another type than PTR at an address with a PTR, or than TXT at the version: no data here."""
    known = "TXT" if case.name == f"dns-version.{case.zone}" else "PTR"
    return (
        not case.kind(known)
        and (known == "TXT" or case.zone.endswith(".arpa"))
        and case.says(NXDOMAIN, NOERROR)
        and case.is_known(known)
    )


def name_servers_in_mixed_case(case: Case) -> bool:
    """NS at the apex, and `ns.dns`, in a zone in mixed case: as in lower case here."""
    if not case.zone_in_mixed_case or case.subject is None:
        return False
    if not (case.kind("NS") and case.name == case.zone) and case.labels != ["ns", "dns"]:
        return False
    lower = case.reference_to(case.name, type_name(case))
    if case.kind("TXT", "SOA"):
        return is_no_data(case.subject)
    return lower is not None and spelled(case.subject) == spelled(lower)


def authority_of_nothing(case: Case) -> bool:
    """SOA at a name that does not exist: no data there, NXDOMAIN (or the next plugin) here."""
    return (
        case.kind("SOA")
        and is_no_data(case.reference)
        and (case.says(NOERROR, NXDOMAIN) or case.passed_on(case.subject))
        and not case.is_known()
    )


def port_without_a_name(case: Case) -> bool:
    """A port or protocol label that is only `_`: every port there, NXDOMAIN here."""
    labels = case.labels
    return (
        len(labels) == 5
        and labels[4] == "svc"
        and "_" in labels[:2]
        and is_known_reply(case.reference)
        and (denies(case.subject) or case.passed_on(case.subject))
    )


def address_in_an_odd_spelling(case: Case) -> bool:
    """An address that is not spelled as RFC 5952 has it: found by its reverse and dashed name here."""
    return (
        case.is_of_odd_address()
        and (denies(case.reference) or case.passed_on(case.reference))
        and is_known_reply(case.subject)
    )


def target_in_an_odd_spelling(case: Case) -> bool:
    """The name of an endpoint whose address has capitals: theirs there, small letters here."""
    return (
        case.kind("SRV", "PTR")
        and any(text != text.lower() for text in case.odd_addresses())
        and case.reference is not None
        and case.subject is not None
        and spelled(case.reference) == spelled(case.subject)
        and case.reference.flags == case.subject.flags
    )


def labels_before_a_reverse_name(case: Case) -> bool:
    """Up to three labels before a whole IPv6 reverse name: not seen there, NXDOMAIN here."""
    labels = case.name.removesuffix(".ip6.arpa").split(".")
    return (
        case.name.endswith(".ip6.arpa")
        and 33 <= len(labels) <= 35
        and case.kind("PTR")
        and is_known_reply(case.reference)
        and (denies(case.subject) or case.passed_on(case.subject))
    )


def pod_name_with_dots(case: Case) -> bool:
    """The name of an endpoint that is a pod with dots in its name: never found there, found here."""
    pods = {
        endpoint["targetRef"]["name"].lower()
        for item in case.objects
        if item["kind"] == "EndpointSlice"
        for endpoint in item.get("endpoints") or ()
        if "targetRef" in endpoint
    }
    return (
        case.variant.has("endpoint_pod_names")
        and len(case.labels) > 4
        and case.labels[-1] == "svc"
        and ".".join(case.labels[:-3]) in {pod for pod in pods if "." in pod}
        and (denies(case.reference) or case.passed_on(case.reference))
        and is_known_reply(case.subject)
    )


def endpoints_that_are_names(case: Case) -> bool:
    """Ports and endpoints of a Service with slices of type FQDN: aliases there, no names here."""
    owners = {
        (
            item["metadata"]["labels"].get("kubernetes.io/service-name"),
            item["metadata"]["namespace"],
        )
        for item in case.objects
        if item["kind"] == "EndpointSlice" and item["addressType"] == "FQDN"
    }
    return (
        len(case.labels) in {4, 5}
        and tuple(case.labels[-3:-1]) in owners
        and is_known_reply(case.reference)
        and (denies(case.subject) or case.passed_on(case.subject))
    )


def reserved_flags_of_edns(case: Case) -> bool:
    """The flags of EDNS that nobody has defined: echoed there, zero here."""
    opt, one, two = case.question.opt, case.reference, case.subject
    if not (opt and opt.flags & 0x7F00 and one and one.edns and two and two.edns):
        return False
    return one.edns.flags & 0x8000 == two.edns.flags and not differences(
        replace(one, edns=two.edns), two, lambda: (None, None)
    )


def type_name(case: Case) -> str:
    """The type asked for, as `reference_to` wants it."""
    return next(kind for kind in ("NS", "A", "AAAA", "HINFO") if kind == "HINFO" or case.kind(kind))


def is_no_data(reply: Reply | None) -> bool:
    """Whether a reply says that the name exists, without the type."""
    return reply is not None and reply.denial and reply.rcode == NOERROR


def denies(reply: Reply | None) -> bool:
    """Whether a reply says that there is no such name."""
    return reply is not None and reply.denial and reply.rcode == NXDOMAIN


def is_known_reply(reply: Reply | None) -> bool:
    """Whether a reply is an answer, or says that the name exists."""
    return reply is not None and reply.rcode == NOERROR and "AA" in reply.flags


Rule = Callable[[Case], bool]
RULES: list[Rule] = [
    text_at_a_name_that_exists,
    name_with_names_below,
    other_types_at_a_name,
    name_servers_in_mixed_case,
    authority_of_nothing,
    port_without_a_name,
    address_in_an_odd_spelling,
    target_in_an_odd_spelling,
    labels_before_a_reverse_name,
    pod_name_with_dots,
    endpoints_that_are_names,
    reserved_flags_of_edns,
]


def explanation(case: Case) -> str:
    """Name the rule that explains a difference; nothing when there is none."""
    return next(explanations(case), "")


def explanations(case: Case) -> Iterator[str]:
    """Name every rule that applies."""
    for rule in RULES:
        if rule(case):
            yield rule.__name__
