"""Zone files. dnspython reads the text; what it reads is kept record by record, in the file's order.

Names that answers show in lower case, as in CoreDNS, are made so here: every owner but those of SRV records, and the
targets of NS, SOA, CNAME, MX, SVCB and HTTPS.

Sources: RFC 1035 §5; dnspython `dns.zonefile`; CoreDNS 1.15.0 plugin/file file.go and zone.go `Insert`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, cast

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.tokenizer
import dns.zonefile

from podname.dns import constants as c
from podname.dns.unpacked import ResourceRecord
from podname.zones.zone import Zone

#: A larger file is refused: a gigabyte of text would take ten of memory.
ZONE_FILE_OCTETS_MAX = 256 << 20

_INCLUDE = re.compile(r"^(\$INCLUDE[ \t]+)([^\s;]+)", re.IGNORECASE | re.MULTILINE)
_NAMES_IN_LOWER_CASE = ("target", "exchange", "mname", "rname")
_IN_ITS_OWN_CASE = frozenset({c.SRV, c.PTR, c.DNAME})
_UNSUPPORTED = {dns.rdatatype.NSEC3, dns.rdatatype.NSEC3PARAM}


class BadZoneFile(ValueError):
    """A zone file that cannot be served, and where: `file:line: message`."""


def read_zone(path: Path, origin: bytes) -> Zone:
    """Read a zone file. Raises BadZoneFile for what it says, OSError where it cannot be read."""
    with path.open("rb") as file:
        octets = file.read(ZONE_FILE_OCTETS_MAX + 1)
    if len(octets) > ZONE_FILE_OCTETS_MAX:
        raise BadZoneFile(f"{path}: larger than {ZONE_FILE_OCTETS_MAX >> 20} MiB")
    return zone_of_text(octets.decode("utf-8", "replace"), origin, path)


def zone_of_text(text: str, origin: bytes, path: Path) -> Zone:
    """Read the text of a zone file; `path` is for messages and `$INCLUDE`. Raises BadZoneFile."""
    included = _INCLUDE.sub(lambda found: f"{found[1]}{path.parent / found[2]}", text)
    try:
        zone = _read(included, origin, path)
    except BadZoneFile as error:
        raise BadZoneFile(_with_its_line(str(error), included, origin, path)) from None
    if zone.is_empty:
        raise BadZoneFile(f"{path}: no SOA record for {_text(origin)}")
    return zone


def _read(text: str, origin: bytes, path: Path) -> Zone:
    records = _Records(origin, path)
    tokens = dns.tokenizer.Tokenizer(text, str(path))
    reader = dns.zonefile.Reader(
        tokens, dns.rdataclass.IN, cast("Any", records), allow_include=True
    )
    try:
        reader.read()
    except BadZoneFile:
        raise
    except (dns.exception.DNSException, ValueError, OSError) as error:
        raise BadZoneFile(str(error)) from None
    return records.zone


def _with_its_line(message: str, text: str, origin: bytes, path: Path) -> str:
    """Correct the line of a message: dnspython names the next one where it has read a line to its end."""
    found = re.match(rf"{re.escape(str(path))}:(\d+): (.*)", message, re.DOTALL)
    if found is None:
        return message
    line = int(found[1])
    try:
        _read("\n".join(text.split("\n")[: line - 1]) + "\n", origin, path)
    except BadZoneFile:
        line -= 1
    return f"{path}:{line}: {found[2]}"


class _Records:
    """Takes what dnspython reads: as much of a `dns.transaction.Transaction` as its reader asks for."""

    def __init__(self, origin: bytes, path: Path) -> None:
        self.zone = Zone(origin)
        self.manager = self
        self._origin = dns.name.from_wire(origin, 0)[0]
        self._path = path

    def origin_information(self) -> tuple[dns.name.Name, bool, dns.name.Name]:
        return self._origin, False, self._origin

    def _set_origin(self, origin: dns.name.Name) -> None:
        """Know the origin already, whatever `$ORIGIN` says."""

    def check_put_rdataset(self, check: object) -> None:
        """Check nothing of what stands together: CoreDNS does not."""

    def add(self, name: dns.name.Name, ttl_seconds: int, rdata: dns.rdata.Rdata) -> None:
        if rdata.rdtype in _UNSUPPORTED:
            raise BadZoneFile(f"{self._path}: {name}: NSEC3 is not supported, only NSEC")
        if rdata.rdtype == dns.rdatatype.SOA and name != self._origin:
            raise BadZoneFile(f"{self._path}: a SOA record at {name}, the zone is {self._origin}")
        if rdata.rdtype != dns.rdatatype.SRV:
            name = name.canonicalize()
        owner, wire = name.to_wire(), _in_lower_case(rdata).to_wire()
        assert owner is not None and wire is not None  # noqa: S101, PT018
        self.zone.add(ResourceRecord(owner, rdata.rdtype, rdata.rdclass, ttl_seconds, wire))


def _in_lower_case(rdata: dns.rdata.Rdata) -> dns.rdata.Rdata:
    if rdata.rdtype in _IN_ITS_OWN_CASE:
        return rdata
    names: dict[str, Any] = {
        slot: getattr(rdata, slot).canonicalize()
        for slot in _NAMES_IN_LOWER_CASE
        if isinstance(getattr(rdata, slot, None), dns.name.Name)
    }
    return rdata.replace(**names) if names else rdata


def _text(origin: bytes) -> str:
    return str(dns.name.from_wire(origin, 0)[0])
