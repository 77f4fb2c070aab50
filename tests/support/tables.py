"""Tables for tests, written as zone files, and what answers look like as text.

A zone is text as in a zone file, names relative to cluster.local.; EMPTY_NON_TERMINAL in the place of a type keeps
the bare name.
SRV and NS records bring the addresses of their targets along, as the compiler's do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from podname.dns import constants as c
from podname.dns import names
from podname.dns.query import Query
from podname.dns.records import EMPTY_ANSWER, answer_with_additional
from podname.engine.base import (
    EMPTY_NON_TERMINAL,
    Change,
    Client,
    Layer,
    Plan,
    TableOptions,
    Zone,
)
from podname.engine.counters import Counters
from podname.engine.reference import PythonTable
from podname.engine.responding import Responder
from tests.support import engines

ORIGIN_TEXT = "cluster.local."
ORIGIN = names.from_text(ORIGIN_TEXT)
TTL_SECONDS = 5
SERIAL = 7
CLIENT = Client("10.9.8.7", 4000, "udp", "dns://:53")
SOA = "cluster.local. 5 IN SOA ns.dns.cluster.local. hostmaster.cluster.local. 7 7200 1800 86400 5"

Owned = tuple[dns.name.Name, int]
Zoned = dict[Owned, list[dns.rdata.Rdata]]

_TARGET_AT = {c.SRV: 6, c.NS: 0}


class Somebody:
    """A source of packets."""

    def client(self) -> Client:
        return CLIENT


def zone(origin: str = ORIGIN_TEXT) -> Zone:
    """Make a zone with CoreDNS's names in its SOA."""
    octets = names.from_text(origin)
    return Zone(
        origin=octets,
        soa_ttl_seconds=5,
        negative_ttl_seconds=5,
        mname=b"\x02ns\x03dns" + octets,
        rname=b"\x0ahostmaster" + octets,
    )


OPTIONS = TableOptions(plugin="kubernetes", zones=(zone(),), dashed_ttl_seconds=TTL_SECONDS)


def read_zone(text: str, origin: str = ORIGIN_TEXT) -> Zoned:
    """Read lines of `name TYPE rdata`, names relative to `origin`; `@` is the origin."""
    at, records = dns.name.from_text(origin), Zoned()
    for line in filter(None, (line.partition(";")[0].strip() for line in text.splitlines())):
        owner, rtype, *rest = line.split(None, 2)
        name = dns.name.from_text(owner, at)
        if rtype == "EMPTY_NON_TERMINAL":
            records[name, EMPTY_NON_TERMINAL] = []
            continue
        number = dns.rdatatype.from_text(rtype)
        rdata = dns.rdata.from_text(dns.rdataclass.IN, number, rest[0], at, relativize=False)
        records.setdefault((name, number), []).append(rdata)
    return records


def changes(records: Zoned) -> list[Change]:
    """Compile records to what a table is told."""
    return [
        (name.to_wire(), rtype, ready(name, rtype, rdatas, records))  # type: ignore[misc]
        for (name, rtype), rdatas in records.items()
    ]


def ready(
    name: dns.name.Name, rtype: int, rdatas: Sequence[dns.rdata.Rdata], records: Zoned
) -> bytes:
    """Compile one RRset."""
    if rtype == EMPTY_NON_TERMINAL:
        return EMPTY_ANSWER
    octets = [rdata.to_wire() for rdata in rdatas]
    at = _TARGET_AT.get(rtype, 0)
    additional = [
        (index, address_type, address.to_wire())
        for index, rdata in enumerate(rdatas)
        if rtype in _TARGET_AT
        for address_type in (c.A, c.AAAA)
        for address in records.get((rdata.target, address_type), ())  # type: ignore[attr-defined]
    ]
    return answer_with_additional(
        len(name.to_wire() or b""),
        rtype,
        TTL_SECONDS,
        [(one, at) for one in octets if one is not None],
        [(index, kind, one) for index, kind, one in additional if one is not None],
    )


def table(text: str = "", options: TableOptions = OPTIONS, *, synced: bool = True) -> PythonTable:
    """Make a table that holds a zone's records, of the engine under test (they differ in nothing)."""
    made: PythonTable = engines.current().table(options)
    made.update(changes(read_zone(text)))
    made.set_serial(SERIAL)
    made.synced = synced
    return made


async def no_miss(query: Query, client: Client) -> bytes | None:
    """Stand for a plugin chain that must not be asked."""
    raise AssertionError("asked the plugin chain")


def plan(*layers: Layer, zone: str = ".", **settings: object) -> Plan:
    """Make a plan; what the layers do not answer is a miss."""
    made = Plan(names.from_text(zone), layers, no_miss)
    return replace(made, **settings)  # type: ignore[arg-type]


def responder(*plans: Plan, protocol: str = "udp", dropped: Counters | None = None) -> Responder:
    """Make a responder that serves plans."""
    made: Responder = engines.current().responder("dns://:53", protocol, 1, dropped or Counters())
    made.serve(plans)
    return made


@dataclass
class Asker:
    """Asks a responder in text: `name TYPE`, names relative to the zone unless they end in a dot."""

    responder: Responder
    source: Somebody = field(default_factory=Somebody)

    def message(self, question: str, **settings: object) -> dns.message.Message | str:
        """Return the response; MISS and SILENCE as words."""
        query = make_query(question, **settings)
        response = self.responder.respond(query.to_wire(), self.source)
        if response is None:
            return "SILENCE"
        if isinstance(response, Plan):
            return "MISS"
        found = dns.message.from_wire(response)
        assert found.id == query.id
        assert found.flags & dns.flags.QR
        return found

    def __call__(self, question: str, **settings: object) -> list[str]:
        """Return the response as lines: the RCODE, then each record, `+` before the additional ones."""
        found = self.message(question, **settings)
        return [found] if isinstance(found, str) else lines(found)


def make_query(question: str, **settings: object) -> dns.message.QueryMessage:
    """Make a query from `name TYPE [CLASS]`."""
    name, rtype, rclass = (question + " IN").split()[:3]
    return dns.message.make_query(
        dns.name.from_text(name, dns.name.from_text(ORIGIN_TEXT)),
        rtype,
        rclass,
        **settings,  # type: ignore[arg-type]
    )


def lines(message: dns.message.Message) -> list[str]:
    """Show a response as text."""
    out = [dns.rcode.to_text(message.rcode())]
    for mark, section in (("", message.answer), ("", message.authority), ("+", message.additional)):
        out += [mark + line for rrset in section for line in rrset.to_text().splitlines()]
    return out


def sections(message: dns.message.Message) -> list[list[str]]:
    """Show the records of each section, sorted: in what order they stand does not matter."""
    return [sorted(rrset_lines(section)) for section in message.sections[1:]]


def rrset_lines(rrsets: Iterable[dns.rrset.RRset]) -> list[str]:
    """Show records one by one."""
    return [line for rrset in rrsets for line in rrset.to_text().splitlines()]
