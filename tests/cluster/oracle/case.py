"""One question, what both servers said to it, and what can be found out about it."""

import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.cluster.harness.api import Object
from tests.cluster.oracle.messages import NOERROR, TYPES, Reply
from tests.cluster.oracle.names import added, addresses_of, dashes, names_below, reverse_of
from tests.cluster.oracle.questions import Question
from tests.cluster.oracle.variants import Variant


@dataclass(frozen=True)
class Case:
    """A question and two replies; `reference_to` asks CoreDNS something else."""

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
    def labels(self) -> list[str]:
        """Its labels left of the zone."""
        return self.name[: -len(self.zone)].rstrip(".").split(".")

    @property
    def zone(self) -> str:
        """The zone that the name is in, or nothing."""
        zones = [z for z in self.variant.zones if self.name == z or self.name.endswith(f".{z}")]
        return max(zones, key=len, default="")

    @property
    def zone_in_mixed_case(self) -> bool:
        """Whether the zone is not spelled as in the Corefile."""
        return not self.question.name.rstrip(".").endswith(self.zone)

    @property
    def falls_through(self) -> bool:
        """Whether the next plugin answers what `kubernetes` does not know."""
        zones = self.variant.fallthrough
        return any(not z or self.name == z or self.name.endswith(f".{z}") for z in zones)

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

    def is_known(self, kind: str = "A", name: str = "") -> bool:
        """Whether CoreDNS's `kubernetes` knows the name (as it is in lower case) for a type."""
        reply = self.reference_to(name or self.name, kind)
        if reply is None or reply.rcode != NOERROR or "AA" not in reply.flags:
            return False
        return bool(reply.answer) or any(
            record.owner.rstrip(".") == self.zone for record in reply.authority
        )

    def passed_on(self, reply: Reply | None) -> bool:
        """Whether this is what the next plugin says."""
        other = self.reference_to(f"no-such-name-for-anybody.{self.zone}", "HINFO")
        return (
            self.falls_through
            and reply is not None
            and other is not None
            and reply.rcode == other.rcode
            and bool(reply.authority) == bool(other.authority)
            and not any(record.owner.rstrip(".") == self.zone for record in reply.authority)
        )

    def has_names_below(self) -> bool:
        """Whether CoreDNS knows a name below this one."""
        below = names_below(self.name, self.objects, self.variant, self.zone)
        odd = {pointer for text in self.odd_addresses() if (pointer := reverse_of(canonical(text)))}
        return any(one.endswith(f".{self.name}") for one in odd) or any(
            self.is_known(kind, name) for name in below for kind in ("A", "PTR")
        )

    def is_added(self) -> bool:
        """Whether the name is one that `pod_names` adds, or has one below it."""
        names = {name.lower() for name in added(self.objects, self.zone)}
        return self.name in names or any(name.endswith(f".{self.name}") for name in names)

    def odd_addresses(self) -> list[str]:
        """List the addresses of the objects that are not spelled as everybody does."""
        return [text for text in addresses_of(self.objects) if text != canonical(text)]

    def is_of_odd_address(self) -> bool:
        """Whether the name spells one of those, dashed or reversed."""
        spellings = {dashes(text).lower() for text in self.odd_addresses()}
        pointers = {reverse_of(canonical(text)) for text in self.odd_addresses()}
        return self.name in pointers or not spellings.isdisjoint(self.labels)


def canonical(address: str) -> str:
    """Spell an address as RFC 5952 has it; IPv4 in IPv6 is IPv4. What is none stays."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    mapped = getattr(parsed, "ipv4_mapped", None)
    return str(mapped or parsed)
