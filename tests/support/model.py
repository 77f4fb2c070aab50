"""The nine rules once more, slowly and with dnspython: what the engine's tables are compared with.

Nothing here is shared with the engine but `TableOptions`. A zone is a dictionary of records; a question walks over all
of it if need be.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field

import dns.name
import dns.rdata
import dns.rdatatype

from podname.engine.base import EMPTY_NON_TERMINAL, TableOptions
from tests.support.tables import SERIAL, TTL_SECONDS, Zoned

Expected = tuple[str, Sequence[Sequence[str]]]  # RCODE, MISS or PASS, and the lines of each section
_TYPES_WITH_TARGETS = ("SRV", "NS")


@dataclass
class Model:
    """A table as the documentation describes it."""

    options: TableOptions
    records: Zoned
    synced: bool = True
    dashed: dict[dns.name.Name, bool] = field(default_factory=dict)

    def ask(self, question: dns.name.Name, rtype: str) -> Expected:
        """Answer a question, in whatever case."""
        name, qtype = _lower(question), dns.rdatatype.from_text(rtype)
        zones = [_name(zone.origin) for zone in self.options.zones]
        origins = [zone for zone in zones if name.is_subdomain(zone)]
        if not origins:
            return "PASS", ((), (), ())
        self.origin = max(origins, key=len)
        if not self.synced:
            return self._with_soa("SERVFAIL", question)
        if rtype in {"AXFR", "IXFR"}:
            return "MISS", ((), (), ())
        for found in (name, self._dashed_name(name), self._underscored_name(name)):
            if isinstance(found, str):
                return self._synthesised(question, found, rtype)
            if found is None:
                continue
            if (found, qtype) in self.records and qtype != EMPTY_NON_TERMINAL:
                return self._answer(question, found, qtype)
            if rtype in {"A", "AAAA"} and (found, dns.rdatatype.CNAME) in self.records:
                return "MISS", ((), (), ())
            if found != name and self._exists(found):
                return self._nodata(question, qtype)
        if self._is_lazy(name):
            return "MISS", ((), (), ())
        return self._without(question, name, qtype)

    def _is_lazy(self, name: dns.name.Name) -> bool:
        labels = name.relativize(self.origin).labels
        if not self.options.lazy_labels or any(owner == name for owner, _ in self.records):
            return False
        third = labels[-3] if len(labels) >= 3 else b""
        return labels[:1] != () and (labels[0][:1] == b"_" or third in self.options.lazy_labels)

    def _without(self, question: dns.name.Name, name: dns.name.Name, qtype: int) -> Expected:
        if name == self.origin and self.options.denies:
            if qtype == dns.rdatatype.SOA:
                return "NOERROR", ([self._soa(question)], (), ())
            return self._nodata(question, qtype)
        falls = any(name.is_subdomain(_name(zone)) for zone in self.options.fallthrough)
        if not self.options.denies:
            return self._without_soa(question, name, qtype, falls)
        lone = self.options.lone_types if falls else ()
        has_records = any(owner == name and kind not in lone for owner, kind in self.records)
        if has_records or (self._exists(name) and not falls):
            return self._nodata(question, qtype)
        if falls:
            return "PASS", ((), (), ())
        return self._with_soa("NXDOMAIN", question)

    def _without_soa(
        self, question: dns.name.Name, name: dns.name.Name, qtype: int, falls: bool
    ) -> Expected:
        addresses = (dns.rdatatype.A, dns.rdatatype.AAAA)
        wild = dns.name.Name((b"*", *name.labels[1:])) if len(name) > 1 else name
        if (wild, qtype) in self.records and qtype != EMPTY_NON_TERMINAL:
            return self._answer(question, wild, qtype)
        if qtype in addresses and (wild, dns.rdatatype.CNAME) in self.records:
            return "MISS", ((), (), ())
        other = falls and self.options.passes_other_types and qtype not in addresses
        if qtype == dns.rdatatype.PTR or other:
            return "PASS", ((), (), ())
        if any((owner, a) in self.records for owner in (name, wild) for a in addresses):
            return self._nodata(question, qtype)
        return ("PASS" if falls else "SERVFAIL"), ((), (), ())

    def _nodata(self, question: dns.name.Name, qtype: int) -> Expected:
        if qtype in self.options.lazy_types:
            return "MISS", ((), (), ())
        return self._with_soa("NOERROR", question)

    def _with_soa(self, rcode: str, question: dns.name.Name) -> Expected:
        return rcode, ((), [self._soa(question)] if self.options.denies else (), ())

    def _soa(self, question: dns.name.Name) -> str:
        zone = dns.name.Name(question.labels[-len(self.origin) :])
        names = f"ns.dns.{zone} hostmaster.{zone}"
        return f"{zone} 5 IN SOA {names} {SERIAL} 7200 1800 86400 5"

    def _exists(self, name: dns.name.Name) -> bool:
        return any(owner.is_subdomain(name) for owner, _ in self.records)

    def _answer(self, question: dns.name.Name, owner: dns.name.Name, qtype: int) -> Expected:
        rtype, answers, additional = dns.rdatatype.to_text(dns.rdatatype.RdataType(qtype)), [], []
        for rdata in self.records[owner, qtype]:
            text = rdata.to_text()
            if rtype in _TYPES_WITH_TARGETS:
                target = self._in_case(rdata.target, question)  # type: ignore[attr-defined]
                text = text.rpartition(" ")[0] + f" {target}" if rtype == "SRV" else str(target)
                additional += [
                    f"{target} {TTL_SECONDS} IN {address_type} {address.to_text()}"
                    for address_type in ("A", "AAAA")
                    for address in self.records.get(
                        (rdata.target, dns.rdatatype.from_text(address_type)),  # type: ignore[attr-defined]
                        (),
                    )
                ]
            answers.append(f"{question} {TTL_SECONDS} IN {rtype} {text}")
        return "NOERROR", (sorted(answers), (), sorted(additional))

    def _in_case(self, target: dns.name.Name, question: dns.name.Name) -> dns.name.Name:
        if not target.is_subdomain(self.origin):
            return target
        zone = question.labels[-len(self.origin) :]
        return dns.name.Name(target.labels[: -len(self.origin)] + zone)

    def _dashed_name(self, name: dns.name.Name) -> dns.name.Name | str | None:
        """Return the address that an open parent's label spells, or the name right below a closed parent."""
        for left in (1, 2, 3):
            if left >= len(name):
                break
            is_open = self.dashed.get(dns.name.Name(name.labels[left:]))
            if is_open is None:
                continue
            address = _address(name.labels[left - 1].decode("latin-1"))
            if address is None:
                return None
            return address if is_open else dns.name.Name(name.labels[left - 1 :])
        return None

    def _synthesised(self, question: dns.name.Name, address: str, rtype: str) -> Expected:
        if rtype != ("AAAA" if ":" in address else "A"):
            return self._nodata(question, dns.rdatatype.from_text(rtype))
        rdata = dns.rdata.from_text("IN", rtype, address).to_text()
        return "NOERROR", ([f"{question} {TTL_SECONDS} IN {rtype} {rdata}"], (), ())

    def _underscored_name(self, name: dns.name.Name) -> dns.name.Name | None:
        if not self.options.optional_underscores or len(name) < 3:
            return None
        two = [label if label.startswith(b"_") else b"_" + label for label in name.labels[:2]]
        try:
            other = dns.name.Name([*two, *name.labels[2:]])
        except (dns.name.LabelTooLong, dns.name.NameTooLong):
            return None
        return None if other == name else other


def _address(label: str) -> str | None:
    if "-" not in label:
        return None
    try:
        if label.count("-") == 3 and "--" not in label:
            return str(ipaddress.IPv4Address(label.replace("-", ".")))
        found = ipaddress.IPv6Address(label.replace("-", ":"))
    except ValueError:
        return None
    return str(found.ipv4_mapped or found)


def _name(octets: bytes) -> dns.name.Name:
    return dns.name.from_wire(octets, 0)[0]


def _lower(name: dns.name.Name) -> dns.name.Name:
    return dns.name.Name([label.lower() for label in name.labels])
