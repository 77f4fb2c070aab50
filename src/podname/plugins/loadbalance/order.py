"""In which order the records of an answer stand: aliases first, then addresses as a policy says, then MX.

Sources: CoreDNS 1.15.0 plugin/loadbalance loadbalance.go, weighted.go, prefer.go; glibc, which wants aliases first.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address

from podname.dns import constants as c
from podname.dns.unpacked import ResourceRecord, unpack

Network = IPv4Network | IPv6Network
Records = list[ResourceRecord]
#: Puts records of one kind into another order. There is at least one.
Order = Callable[[Records], Records]

_ADDRESSES = frozenset({c.A, c.AAAA})


def ordered(reply: bytes, addresses: Order, exchangers: Order) -> bytes:
    """Return a response with the addresses and the MX records of each section in their order. Raises BadMessage."""
    message = unpack(reply)
    for section in (message.answer, message.additional):
        section[:] = _section(section, addresses, exchangers)
    return message.pack()


def shuffled(records: Records) -> Records:
    """Return records in any order, each as likely as any other."""
    return random.sample(records, len(records))


def unchanged(records: Records) -> Records:
    """Return records as they are."""
    return records


def preferred_first(records: Records, networks: Sequence[Network]) -> Records:
    """Return the addresses of the first network first, and so on; what lies in none comes last."""
    return sorted(records, key=lambda record: _rank(record, networks))


def _section(records: Records, addresses: Order, exchangers: Order) -> Records:
    def of(types: Iterable[int]) -> Records:
        return [record for record in records if record.rtype in types]

    aliases, found, mx, opt = (of(each) for each in ({c.CNAME}, _ADDRESSES, {c.MX}, {c.OPT}))
    apart = _ADDRESSES | {c.CNAME, c.MX, c.OPT}
    rest = [record for record in records if record.rtype not in apart]
    found, mx = found and addresses(found), mx and exchangers(mx)
    return [*aliases, *rest, *found, *mx, *opt]


def _rank(record: ResourceRecord, networks: Sequence[Network]) -> int:
    try:
        address = ip_address(record.rdata)
    except ValueError:
        return len(networks)
    address = getattr(address, "ipv4_mapped", None) or address
    ranks = (rank for rank, network in enumerate(networks) if address in network)
    return next(ranks, len(networks))
