"""The SOA record of a zone, spelled as the question spells the zone.

Its owner, and MNAME and RNAME where they lie in the zone, end in a pointer to the zone within the question. So one
record serves every question of the same length, in whatever case, and a denial costs one lookup by length.

Sources: RFC 2308 §3 (the TTL of a SOA in a denial); CoreDNS plugin/backend_lookup.go `SOA` (the timers).
"""

from __future__ import annotations

from podname.dns import constants as c
from podname.dns.names import is_subdomain
from podname.dns.records import EMPTY_ANSWER, pointer, record, soa_rdata
from podname.engine.base import Zone

REFRESH_SECONDS, RETRY_SECONDS, EXPIRE_SECONDS = 7200, 1800, 86400
ONE_ANSWER = b"\x00\x01" + EMPTY_ANSWER[2:]


class Apex:
    """A zone's SOA record, by the length of the name that is asked for."""

    __slots__ = ("_serial", "_soas", "origin", "soa_octets", "zone")

    def __init__(self, zone: Zone) -> None:
        self.zone = zone
        self.origin = zone.origin
        self._serial = 0
        self._soas: dict[int, bytes] = {}
        names = zone.origin, zone.mname, zone.rname
        self.soa_octets = sum(map(len, names)) + 30  # without pointers

    def set_serial(self, serial: int) -> None:
        """Change the serial of every SOA from now on."""
        self._serial = serial & 0xFFFFFFFF
        self._soas.clear()

    def soa(self, owner_octets: int) -> bytes:
        """Return the SOA record for a question about a name of this many octets in the zone."""
        found = self._soas.get(owner_octets)
        if found is None:
            found = self._soas[owner_octets] = self._make(owner_octets)
        return found

    def soa_answer(self) -> bytes:
        """Return the ready answer for the zone's own SOA."""
        return ONE_ANSWER + self.soa(len(self.origin))

    def _make(self, owner_octets: int) -> bytes:
        origin = pointer(c.HEADER_OCTETS + owner_octets - len(self.origin))
        zone = self.zone
        timers = (
            *(self._serial, REFRESH_SECONDS, RETRY_SECONDS, EXPIRE_SECONDS),
            zone.negative_ttl_seconds,
        )
        mname, rname = (self._within(name, origin) for name in (zone.mname, zone.rname))
        return record(origin, c.SOA, zone.soa_ttl_seconds, soa_rdata(mname, rname, timers))

    def _within(self, name: bytes, origin: bytes) -> bytes:
        return name[: -len(self.origin)] + origin if is_subdomain(name, self.origin) else name
