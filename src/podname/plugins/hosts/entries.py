"""What a hosts file says: addresses by name, names by address. Any octets are a hosts file.

A line is an address and names, a comment begins at `#` wherever that stands. A line whose first word is no address
says nothing, nor does a name that is none or lies outside the zones. What is said twice is there twice.

Sources: hosts(5); CoreDNS 1.15.0 plugin/hosts hostsfile.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from podname.dns import addresses, names
from podname.dns import constants as c
from podname.dns.records import answer

_FIELD_OCTETS_MOST = 1024
_WILD = b"\x01*"

#: Owner and type.
Key = tuple[bytes, int]


class Entries:
    """The content of one file, or of the lines in a Corefile."""

    def __init__(self) -> None:
        self.exact: dict[Key, list[bytes]] = {}
        self.wild: dict[Key, list[bytes]] = {}
        self.reverse: dict[bytes, list[bytes]] = {}

    def __len__(self) -> int:
        """Count as CoreDNS does: an address of a name is one, and so is a name of an address."""
        return sum(
            len(found) for part in (self.exact, self.wild, self.reverse) for found in part.values()
        )

    def of(self, owner: bytes, rtype: int) -> list[bytes]:
        """Return the addresses of a name; a wildcard's if it has none of the type."""
        found = self.exact.get((owner, rtype))
        if found is None and owner != names.ROOT:
            found = self.wild.get((_WILD + names.parent_of(owner), rtype))
        return found or []


def parse(octets: bytes, zones: frozenset[bytes], *, reverse: bool) -> Entries:
    """Read a hosts file; names outside the zones are left out. Never raises."""
    entries = Entries()
    for line in octets.split(b"\n"):
        fields = line.partition(b"#")[0].split()
        address = address_of(fields[0]) if len(fields) > 1 else None
        if address is None:
            continue
        for field in fields[1:]:
            owner = _owner(field)
            if owner is not None and names.longest_match(owner, zones) is not None:
                _add(entries, owner, address, reverse=reverse)
    return entries


def address_of(field: bytes) -> bytes | None:
    """Read an address; the zone of an IPv6 address is left out."""
    if len(field) > _FIELD_OCTETS_MOST:
        return None
    return addresses.parse(field.partition(b"%")[0].decode("latin-1"))


def ready_answers(
    sources: Sequence[Entries], ttl_seconds: Callable[[bytes], int]
) -> dict[Key, bytes]:
    """Make the ready answers of all sources together, the first one's records first."""
    return {key: answer(key[1], ttl_seconds(key[0]), rdatas) for key, rdatas in _rrsets(sources)}


def _rrsets(sources: Sequence[Entries]) -> Iterator[tuple[Key, list[bytes]]]:
    owners = dict.fromkeys(owner for source in sources for owner, _ in source.exact)
    wild = dict.fromkeys(key for source in sources for key in source.wild)
    reverse = dict.fromkeys(owner for source in sources for owner in source.reverse)
    for owner in owners:
        for rtype in (c.A, c.AAAA):
            if found := [rdata for source in sources for rdata in source.of(owner, rtype)]:
                yield (owner, rtype), found
    for key in wild:
        yield key, [rdata for source in sources for rdata in source.wild.get(key, ())]
    for owner in reverse:
        yield (owner, c.PTR), [name for source in sources for name in source.reverse.get(owner, ())]


def _owner(field: bytes) -> bytes | None:
    if len(field) > _FIELD_OCTETS_MOST:
        return None
    try:
        return names.from_text(field.decode("utf-8", "surrogateescape"))
    except names.BadName:
        return None


def _add(entries: Entries, owner: bytes, address: bytes, *, reverse: bool) -> None:
    key = owner, addresses.rtype_of(address)
    if owner.startswith(_WILD):
        entries.wild.setdefault(key, []).append(address)
        return
    entries.exact.setdefault(key, []).append(address)
    if reverse:
        entries.reverse.setdefault(addresses.reverse_of(address), []).append(owner)
