"""The differences that docs/deviations.md explains, each as a narrow rule with a name.

A rule knows the type and the shape of the question and both replies, and asks CoreDNS itself whether
a name exists. What no rule knows is a bug, in podname or in the document.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from tests.cluster.harness.api import Object
from tests.cluster.oracle.comparing import differences
from tests.cluster.oracle.messages import (
    NOERROR,
    NXDOMAIN,
    TYPES,
    Reply,
)
from tests.cluster.oracle.names import names_below, spelled
from tests.cluster.oracle.questions import Question
from tests.cluster.oracle.variants import Variant


@dataclass(frozen=True)
class Case:
    """One question and what both said; `reference_to` asks CoreDNS something else."""

    question: Question
    reference: Reply | None
    subject: Reply | None
    variant: Variant
    objects: Sequence[Object]
    ours: str
    reference_to: Callable[[str, str], Reply | None]

    @property
    def name(self) -> str:
        """The name asked for, in lower case and without its last dot."""
        return self.question.name.lower().rstrip(".")

    @property
    def zone(self) -> str:
        """The zone that the name is in, or nothing."""
        zones = [z for z in self.variant.zones if self.name == z or self.name.endswith(f".{z}")]
        return max(zones, key=len, default="")

    def kind(self, *kinds: str) -> bool:
        """Whether one of these types was asked for."""
        return self.question.rtype in {TYPES[kind] for kind in kinds}

    def says(self, theirs: int, ours: int) -> bool:
        """Whether both deny, CoreDNS with one RCODE and podname with the other, all else equal."""
        if not (self.reference and self.subject):
            return False
        one, two = self.reference, self.subject
        same = (one.flags, one.authority, one.edns) == (two.flags, two.authority, two.edns)
        return same and one.denial and two.denial and (one.rcode, two.rcode) == (theirs, ours)

    def exists_for_coredns(self, kind: str = "A") -> bool:
        """Whether CoreDNS knows the name when it is asked for another type."""
        reply = self.reference_to(self.question.name, kind)
        return reply is not None and reply.rcode == NOERROR

    def has_names_below(self) -> bool:
        """Whether CoreDNS knows a name below this one."""
        below = names_below(self.name, self.objects, self.variant, self.zone)
        kind = "PTR" if self.zone.endswith("arpa") else "A"
        replies = (self.reference_to(name, kind) for name in below)
        return any(reply is not None and reply.rcode == NOERROR for reply in replies)


def text_at_a_name_that_exists(case: Case) -> bool:
    """TXT at a name that exists: NXDOMAIN there, no data here."""
    return case.kind("TXT") and case.says(NXDOMAIN, NOERROR) and case.exists_for_coredns()


def name_with_names_below(case: Case) -> bool:
    """A name that only has names below it: NXDOMAIN there, no data here."""
    return case.says(NXDOMAIN, NOERROR) and not case.exists_for_coredns() and case.has_names_below()


def name_servers_in_mixed_case(case: Case) -> bool:
    """NS at the apex in mixed case: no data there, the records here."""
    return (
        case.kind("NS")
        and case.name == case.zone
        and case.question.name.rstrip(".") != case.zone
        and case.reference is not None
        and case.reference.denial
        and case.subject is not None
        and (lower := case.reference_to(case.name, "NS")) is not None
        and spelled(case.subject) == spelled(lower)
    )


def authority_of_nothing(case: Case) -> bool:
    """SOA at a name that does not exist: no data there, NXDOMAIN here."""
    return (
        case.kind("SOA")
        and case.says(NOERROR, NXDOMAIN)
        and (reply := case.reference_to(case.question.name, "A")) is not None
        and reply.rcode == NXDOMAIN
    )


def other_types_at_a_name(case: Case) -> bool:
    """Another type than PTR at an address with a PTR, or than TXT at the version: no data here."""
    known = "TXT" if case.name == f"dns-version.{case.zone}" else "PTR"
    return (
        not case.kind(known)
        and (known == "TXT" or case.zone.endswith(".arpa"))
        and case.says(NXDOMAIN, NOERROR)
        and case.exists_for_coredns(known)
    )


def reserved_flags_of_edns(case: Case) -> bool:
    """The flags of EDNS that nobody has defined: echoed there, zero here."""
    opt, one, two = case.question.opt, case.reference, case.subject
    if not (opt and opt.flags & 0x7F00 and one and one.edns and two and two.edns):
        return False
    return one.edns.flags & 0x8000 == two.edns.flags and not differences(
        replace(one, edns=two.edns), two, lambda: (None, None)
    )


Rule = Callable[[Case], bool]
RULES: list[Rule] = [
    text_at_a_name_that_exists,
    name_with_names_below,
    name_servers_in_mixed_case,
    authority_of_nothing,
    other_types_at_a_name,
    reserved_flags_of_edns,
]


def explanation(case: Case) -> str:
    """Name the rule that explains a difference; nothing when there is none."""
    return next((name for name in explanations(case)), "")


def explanations(case: Case) -> Iterator[str]:
    """Name every rule that applies."""
    for rule in RULES:
        if rule(case):
            yield rule.__name__
