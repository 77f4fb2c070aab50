"""The differences that docs/deviations.md explains, each as a narrow rule with a name.

A rule knows the type and the shape of the question and both replies, and asks CoreDNS itself whether
a name exists. What no rule knows is a bug, in podname or in the document.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

from tests.cluster.oracle import explained_discovery, explained_packets
from tests.cluster.oracle.case import Case
from tests.cluster.oracle.comparing import differences
from tests.cluster.oracle.messages import NOERROR, NXDOMAIN, Reply
from tests.cluster.oracle.names import addresses_of, endpoints_with, octets_of, pods_with, spelled


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
    aliased = any(record.data == (f"ns.dns.{case.zone}.",) for record in case.subject.answer)
    at_apex = case.kind("NS") and case.name == case.zone
    if not (at_apex or aliased or case.labels == ["ns", "dns"]):
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


def pointer_at_the_name_server(case: Case) -> bool:
    """PTR at `ns.dns`: NXDOMAIN there (or the next plugin), no data here."""
    return (
        case.kind("PTR")
        and case.labels == ["ns", "dns"]
        and is_no_data(case.subject)
        and (case.says(NXDOMAIN, NOERROR) or case.passed_on(case.reference))
    )


def name_servers_of_what_is_bound(case: Case) -> bool:
    """NS, and `ns.dns`, when `bind` names addresses: nothing there, the servers here."""
    return (
        case.variant.has("bind")
        and (is_no_data(case.reference) or (case.zone_in_mixed_case and denies(case.reference)))
        and case.subject is not None
        and {record.rtype for record in case.subject.answer} <= {1, 2, 28}
        and ((case.kind("NS") and not case.labels[0]) or case.labels == ["ns", "dns"])
    )


def options_of_an_upstream(case: Case) -> bool:
    """EDNS options that an upstream added: handed on there, left out here."""
    one, two = case.reference, case.subject
    return (
        case.variant.has("forward")
        and bool(one and one.edns and one.edns.options and two and two.edns)
        and two is not None
        and two.edns is not None
        and not two.edns.options
        and one is not None
        and not differences(replace(one, edns=two.edns), two, lambda: (None, None))
    )


def name_that_is_added(case: Case) -> bool:
    """A name of a pod, with `pod_names`: NXDOMAIN there (or the next plugin), found here."""
    return (
        "pod_names" in case.ours
        and (denies(case.reference) or case.passed_on(case.reference))
        and case.subject is not None
        and case.subject.rcode == NOERROR
        and "AA" in case.subject.flags
        and case.is_added()
        and {str(record.data[0]) for record in case.subject.answer if record.rtype in {1, 28}}
        <= {octets_of(address) for address in addresses_of(case.objects)}
    )


def one_pointer(case: Case) -> bool:
    """PTR with `pod_names`: all of an address's endpoints there, the best of its names here."""
    one, two = case.reference, case.subject
    if "pod_names" not in case.ours or "coredns_ptr" in case.ours or not (one and two):
        return False
    if not (case.kind("PTR") and is_known_reply(one) and is_known_reply(two)):
        return False
    if len(two.answer) != 1 or one.edns != two.edns or one.flags != two.flags:
        return False
    best = str(two.answer[0].data[0]).lower()
    theirs = {str(record.data[0]).lower() for record in one.answer}
    ours = [*pods_with(case.objects, case.name), *endpoints_with(case.objects, case.name)]
    named = {f"{name}.{zone}.".lower() for zone in case.variant.zones for name in ours}
    return best in theirs | named


def owner_of_hosts(case: Case) -> bool:
    """An answer of `hosts`, whose owner is in lower case there and as the question spells it here."""
    one, two = case.reference, case.subject
    if not (case.variant.has("hosts") and one and two and one.rcode == two.rcode == NOERROR):
        return False
    folded = [replace(record, owner=record.owner.lower()) for record in two.answer]
    same = sorted(folded, key=str) == sorted(one.answer, key=str)
    return same and replace(two, answer=one.answer) == one


def copy_in_the_cache(case: Case) -> bool:
    """What `cache` has from before: with its age and the case of another question there, fresh here."""
    one, two = case.reference, case.subject
    if not (case.variant.has("cache") and one and two and one.flags == two.flags):
        return False
    if spelled(without_ttl(one)) != spelled(without_ttl(two)):
        return False
    aged = zip(sorted(all_of(one)), sorted(all_of(two)), strict=True)
    return all(theirs <= ours for theirs, ours in aged)


def all_of(reply: Reply) -> list[int]:
    """List the TTLs of a reply."""
    return [r.ttl for r in (*reply.answer, *reply.authority, *reply.additional)]


def without_ttl(reply: Reply) -> Reply:
    """Return the reply with each TTL zero."""
    return replace(
        reply,
        answer=tuple(replace(record, ttl=0) for record in reply.answer),
        authority=tuple(replace(record, ttl=0) for record in reply.authority),
        additional=tuple(replace(record, ttl=0) for record in reply.additional),
    )


Rule = Callable[[Case], bool]
RULES: list[Rule] = [
    text_at_a_name_that_exists,
    other_types_at_a_name,
    name_servers_in_mixed_case,
    authority_of_nothing,
    port_without_a_name,
    address_in_an_odd_spelling,
    target_in_an_odd_spelling,
    labels_before_a_reverse_name,
    pod_name_with_dots,
    endpoints_that_are_names,
    pointer_at_the_name_server,
    name_servers_of_what_is_bound,
    options_of_an_upstream,
    name_that_is_added,
    one_pointer,
    explained_packets.answer_that_no_datagram_holds,
    *explained_discovery.RULES,
    owner_of_hosts,
    copy_in_the_cache,
    name_with_names_below,  # last: it looks at every object
]


def explanation(case: Case) -> str:
    """Name the rule that explains a difference; nothing when there is none."""
    return next(explanations(case), "")


def explanations(case: Case) -> Iterator[str]:
    """Name every rule that applies."""
    for rule in RULES if case.question.raw is None else explained_packets.RULES:
        if rule(case):
            yield rule.__name__
